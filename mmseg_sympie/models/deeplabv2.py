"""DeepLabV2 (Chen et al., arXiv 1606.00915): the segmentor of SyMPIE's street-scene experiments."""
from collections.abc import Mapping, Sequence

import torch
from mmseg.models import ResNet
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ..errors import InputError
from ..io.checkpoints import check_state_dict
from ..registry import MODELS

# A published file holds four branches, also where the model that wrote it used only two.
_PUBLISHED_BRANCHES = 4


@MODELS.register_module()
class DeepLabV2ResNet(ResNet):
    """ResNet as DeepLabV2 has it: stride in the first 1x1 convolution, pooling with `ceil_mode`.

    Takes the arguments of `mmseg.ResNet`; strides and dilations default to output stride 8.
    """

    def __init__(self, depth: int = 50, strides: Sequence[int] = (1, 2, 1, 1),
                 dilations: Sequence[int] = (1, 1, 2, 4), style: str = 'caffe', **kwargs):
        super().__init__(depth=depth, strides=strides, dilations=dilations, style=style, **kwargs)
        self.maxpool.ceil_mode = True


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Atrous spatial pyramid pooling: the sum of 3x3 convolutions with different dilations.

    Args:
        dilations: of the branches.
        num_branches: how many of them are summed; all by default. The lineage of the published
            checkpoint returns inside its loop and so sums two of four: 2 loads it faithfully.
        **kwargs: of `BaseDecodeHead`. There is no hidden layer, so `channels` has no effect.
    """

    def __init__(self, dilations: Sequence[int] = (6, 12, 18, 24), num_branches: int | None = None,
                 align_corners: bool = True, dropout_ratio: float = 0.0,
                 init_cfg: dict = dict(type='Normal', std=0.01, layer='Conv2d'), **kwargs):
        num_branches = len(dilations) if num_branches is None else num_branches
        if not 1 <= num_branches <= len(dilations):
            raise InputError(f'num_branches must be from 1 to {len(dilations)} (one for each of '
                             f'dilations={tuple(dilations)}), got {num_branches}.')
        kwargs.setdefault('channels', 1)
        super().__init__(align_corners=align_corners, dropout_ratio=dropout_ratio,
                         init_cfg=init_cfg, **kwargs)
        del self.conv_seg  # The branches classify; an unused layer would break DDP.
        self.branches = nn.ModuleList(
            nn.Conv2d(self.in_channels, self.out_channels, 3, padding=dilation, dilation=dilation)
            for dilation in dilations[:num_branches])

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Feature maps of the backbone -> logits (B, classes, H / 8, W / 8)."""
        features = self._transform_inputs(inputs)
        if self.dropout is not None:
            features = self.dropout(features)
        return sum(branch(features) for branch in self.branches)


def convert_published_deeplabv2(state: Mapping[str, Tensor], path: str) -> dict[str, Tensor]:
    """Rename the entries of the authors' DeepLabV2-R50 file and drop its two unused branches.

    The result loads into `EncoderDecoder` with `DeepLabV2ResNet` and
    `DeepLabV2Head(num_branches=2)`.

    Raises:
        InputError: the names or shapes are not those of the published segmentor.
    """
    num_classes = len(state.get('clas.conv2d_list.0.bias', torch.empty(19)))
    with torch.device('meta'):
        backbone = DeepLabV2ResNet().state_dict()
        head = DeepLabV2Head(in_channels=2048, num_classes=num_classes).state_dict()
    published = {**{key: value.shape for key, value in backbone.items()},
                 **{f'clas.conv2d_list.{branch}.{kind}': head[f'branches.{branch}.{kind}'].shape
                    for branch in range(_PUBLISHED_BRANCHES) for kind in ('weight', 'bias')}}
    check_state_dict(state, published, path, 'published segmentor', 'Wanted DeepLabV2, ResNet-50.')
    unused = ('clas.conv2d_list.2.', 'clas.conv2d_list.3.')
    return {_own_name(key): value for key, value in state.items() if not key.startswith(unused)}


def _own_name(key: str) -> str:
    if key.startswith('clas.conv2d_list.'):
        return key.replace('clas.conv2d_list.', 'decode_head.branches.')
    return f'backbone.{key}'
