"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6, for small devices.

Source: Tan and Le, 'EfficientNet', ICML 2019, in the 'Lite' form of the TensorFlow model garden.
"""
import math
from collections.abc import Mapping, Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.models.utils import InvertedResidualV3
from torch import Tensor, nn

from ..errors import InputError
from ..io.checkpoints import check_state_dict
from ..registry import MODELS

# Width and depth multipliers.
VARIANTS = dict(lite0=(1.0, 1.0), lite1=(1.0, 1.1), lite2=(1.1, 1.2), lite3=(1.2, 1.4),
                lite4=(1.4, 1.8))
# Expansion, channels, blocks, kernel, stride of the first block.
STAGES = ((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2),
          (6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1))
LAYERS = dict(norm_cfg=dict(type='BN', eps=1e-3, momentum=0.01), act_cfg=dict(type='ReLU6'))


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite as a backbone for MMSegmentation and MMPretrain.

    Args:
        variant: lite0 to lite4.
        out_indices: which outputs to give: 0 to 6 are the stages, 7 the 1280 channels that a
            classifier pools. For lite0, stages 1, 2, 4 and 6 have 24, 40, 112 and 320 channels at
            strides 4, 8, 16 and 32.

    The input is RGB on 0..255, minus 127, divided by 128. Padding follows TensorFlow, at the right
    and bottom first.
    """

    def __init__(self, variant: str = 'lite0', out_indices: Sequence[int] = (7,), init_cfg=None):
        super().__init__(init_cfg)
        if variant not in VARIANTS:
            raise InputError(f'EfficientNetLite: variant is one of {", ".join(VARIANTS)}, got '
                             f'{variant!r}.')
        width, depth = VARIANTS[variant]
        self.out_indices = tuple(out_indices)
        channels = 32
        self.stem = ConvModule(3, channels, 3, 2, conv_cfg=dict(type='Conv2dAdaptivePadding'),
                               **LAYERS)
        self.stages = nn.ModuleList()
        for index, (expansion, base, blocks, kernel, stride) in enumerate(STAGES):
            if index > max(self.out_indices):
                return
            # Of the Lite models, the first and the last stage are not made deeper.
            if 0 < index < len(STAGES) - 1:
                blocks = math.ceil(blocks * depth)
            stage = nn.Sequential()
            for block in range(blocks):
                stage.append(InvertedResidualV3(
                    channels, _scaled(base, width), channels * expansion, kernel,
                    stride if block == 0 else 1, with_expand_conv=expansion != 1, **LAYERS))
                channels = _scaled(base, width)
            self.stages.append(stage)
        if 7 in self.out_indices:
            self.stages.append(ConvModule(channels, 1280, 1, **LAYERS))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, H, W) -> the outputs of `out_indices`."""
        features = self.stem(image)
        outputs = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in self.out_indices:
                outputs.append(features)
        return tuple(outputs)


def _scaled(channels: int, width: float) -> int:
    """The scaled number of channels, rounded to eights, never down by more than a tenth."""
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels * width else rounded


def convert_efficientnet_lite(state: Mapping[str, Tensor], path: str) -> dict[str, Tensor]:
    """Rename published EfficientNet-Lite weights to those of an `mmpretrain.ImageClassifier`.

    `backbone.` is `EfficientNetLite`, `head.fc.` the linear layer; both files list the same layers
    in the same order. The variant is found by the shapes.

    Raises:
        InputError: the entries are those of no EfficientNet-Lite.
    """
    wanted_model = "Wanted a state dict of efficientnet-lite0 to lite4 ('_conv_stem.weight', ...)."
    shapes = [tuple(value.shape) for value in state.values()]
    wanted: dict[str, tuple[int, ...]] = {}
    for variant in VARIANTS:
        with torch.device('meta'):
            layers = {f'backbone.{key}': tuple(value.shape)
                      for key, value in EfficientNetLite(variant).state_dict().items()}
        layers.update({'head.fc.weight': (1000, 1280), 'head.fc.bias': (1000,)})
        # lite1 and lite2 have the same number of layers, of different widths.
        if len(layers) == len(shapes) and (not wanted or list(layers.values()) == shapes):
            wanted = layers
    if not wanted:
        raise InputError(f'The EfficientNet-Lite weights {path} do not fit: {len(state)} entries. '
                         + wanted_model)
    renamed = dict(zip(wanted, state.values()))
    check_state_dict(renamed, wanted, path, 'EfficientNet-Lite weights', wanted_model)
    return renamed
