"""ESPNetv2 (Mehta et al., CVPR 2019), in the form of its authors' segmentation networks."""
from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ..errors import InputError
from ..io.checkpoints import check_state_dict
from ..registry import MODELS
from .espnetv2_blocks import (
    DownSampler,
    EESPUnit,
    GatedSkip,
    PyramidPooling,
    bn_prelu,
    conv_bn,
    halve,
    resize,
)

# Channels at strides 2, 4, 8 and 16, by width multiplier.
CHANNELS = {0.5: (16, 32, 64, 128), 1.0: (32, 64, 128, 256), 1.25: (32, 80, 160, 320),
            1.5: (32, 96, 192, 384), 2.0: (32, 128, 256, 512)}
DECODER_CHANNELS = (64, 48, 32)


@MODELS.register_module()
class ESPNetv2(BaseModule):
    """The encoder: images (B, 3, H, W) of any size -> features at strides 2, 4, 8 and 16.

    Args:
        scale: width multiplier, one of `CHANNELS`.

    Input: RGB on [0, 1], standardised with ImageNet's mean and deviation.

    Raises:
        InputError: another scale.
    """

    def __init__(self, scale: float = 2.0, init_cfg=None):
        super().__init__(init_cfg)
        if scale not in CHANNELS:
            raise InputError(f'ESPNetv2: scale is one of {", ".join(map(str, CHANNELS))}, got '
                             f'{scale!r}.')
        first, second, third, fourth = CHANNELS[scale]
        self.level1 = conv_bn(3, first, 3, stride=2)
        self.down2 = DownSampler(first, second, 13)
        self.down3 = DownSampler(second, third, 11)
        self.level3 = nn.Sequential(*(EESPUnit(third, 9) for _ in range(3)))
        self.down4 = DownSampler(third, fourth, 9)
        self.level4 = nn.Sequential(*(EESPUnit(fourth, 7) for _ in range(7)))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Features at strides 2, 4, 8 and 16, of as many channels as `CHANNELS` says."""
        pooled = halve(halve(image))
        level1 = self.level1(image)
        level2 = self.down2(level1, pooled)
        pooled = halve(pooled)
        level3 = self.level3(self.down3(level2, pooled))
        level4 = self.level4(self.down4(level3, halve(pooled)))
        return level1, level2, level3, level4


@MODELS.register_module()
class ESPNetv2Head(BaseDecodeHead):
    """The decoder: pyramid pooling, resized to the next encoder features and added, four times.

    Args:
        in_channels: of the four feature maps of `ESPNetv2`, as in `CHANNELS`.
        **kwargs: of `BaseDecodeHead`. There is no hidden layer before the classes, so `channels`
            has no effect.
    """

    def __init__(self, in_channels: Sequence[int] = CHANNELS[2.0], align_corners: bool = True,
                 dropout_ratio: float = 0.0, init_cfg=None, **kwargs):
        kwargs.setdefault('channels', 1)
        super().__init__(in_channels=list(in_channels), in_index=[0, 1, 2, 3],
                         input_transform='multiple_select', align_corners=align_corners,
                         dropout_ratio=dropout_ratio, init_cfg=init_cfg, **kwargs)
        del self.conv_seg  # The last pyramid classifies; an unused layer would break DDP.
        first, second, third, fourth = in_channels
        widths = (fourth, *DECODER_CHANNELS, self.out_channels)
        self.pyramids = nn.ModuleList(
            PyramidPooling(*channels, last=index == len(DECODER_CHANNELS))
            for index, channels in enumerate(zip(widths, widths[1:])))
        self.skips = nn.ModuleList(
            GatedSkip(*channels) for channels in zip((third, second, first), DECODER_CHANNELS))
        self.norms = nn.ModuleList(map(bn_prelu, DECODER_CHANNELS))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Features of the encoder -> logits (B, classes, H / 2, W / 2)."""
        *skipped, features = self._transform_inputs(inputs)
        features = self.pyramids[0](features)
        for encoded, skip, norm, pyramid in zip(reversed(skipped), self.skips, self.norms,
                                                self.pyramids[1:]):
            features = norm(resize(features, encoded.shape[-2:]) + skip(encoded))
            features = pyramid(features)
        return features


def convert_espnetv2(state: Mapping[str, Tensor], path: str) -> dict[str, Tensor]:
    """Rename the entries of the authors' Cityscapes file; the background class is left out.

    Both models list the same layers in the same order. The result loads into an `EncoderDecoder`
    of `ESPNetv2` and `ESPNetv2Head`; the scale is found by the shapes.

    Raises:
        InputError: the entries are those of no ESPNetv2.
    """
    hint = ("Wanted a state dict of EdgeNets' espnetv2_s_SCALE_city_*.pth, scale one of "
            f'{", ".join(map(str, CHANNELS))}.')
    # A down-sampler ends before the PReLU of its EESP unit.
    entries = {key: value for key, value in state.items()
               if not key.endswith('.eesp.module_act.weight')}
    stem = entries.get('base_net.level4_0.act.weight', torch.empty(0))
    scale = next((scale for scale, channels in CHANNELS.items() if channels[-1] == len(stem)), 2.0)
    classes = len(entries.get('bu_dec_l4.merge_layer.3.bias', torch.empty(20)))
    with torch.device('meta'):
        wanted = {**_prefixed('backbone', ESPNetv2(scale)), **_prefixed(
            'decode_head', ESPNetv2Head(CHANNELS[scale], num_classes=classes))}
    names = dict(zip(entries, wanted)) if len(entries) == len(wanted) else {}
    renamed = {names.get(key, key): value for key, value in entries.items()}
    check_state_dict(renamed, wanted, path, 'published ESPNetv2', hint)
    for name in ('weight', 'bias'):
        key = f'decode_head.pyramids.3.out.{name}'
        renamed[key] = renamed[key][:-1].clone()
    return renamed


def _prefixed(prefix: str, module: nn.Module) -> dict[str, list[int]]:
    return {f'{prefix}.{key}': list(value.shape) for key, value in module.state_dict().items()}
