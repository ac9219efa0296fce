"""ESPNetv2 (Mehta et al., CVPR 2019), in the form of its authors' segmentation networks."""
import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ..errors import InputError
from ..io.checkpoints import check_state_dict
from ..registry import MODELS

# Channels at strides 2, 4, 8 and 16, by width multiplier.
CHANNELS = {0.5: (16, 32, 64, 128), 1.0: (32, 64, 128, 256), 1.25: (32, 80, 160, 320),
            1.5: (32, 96, 192, 384), 2.0: (32, 128, 256, 512)}
DECODER_CHANNELS = (64, 48, 32)
PYRAMID_CHANNELS, PYRAMID_SCALES, PYRAMID_SMALLEST = 10, (2.0, 1.5, 1.0, 0.5, 0.1), 5
BRANCHES = 4


def conv_bn(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1,
            prelu: bool = True) -> nn.Sequential:
    """Convolution without bias, batch norm and, unless told otherwise, PReLU."""
    layers = [nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups,
                        bias=False), nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers, *([nn.PReLU(out_channels)] if prelu else []))


def bn_prelu(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels))


def resize(features: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(features, tuple(size), mode='bilinear', align_corners=True)


class EESP(nn.Module):
    """Extremely efficient spatial pyramid of depthwise dilated convolutions (Sec. 3.2).

    Args:
        in_channels, out_channels: divisible by four.
        stride: 1 or 2.
        receptive_field_px: no branch has a larger kernel; those that would take 3x3.

    The result is before the last PReLU.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, receptive_field_px: int):
        super().__init__()
        channels = out_channels // BRANCHES
        sides = [3 + 2 * branch for branch in range(BRANCHES)]
        dilations = sorted((side - 1) // 2 if side <= receptive_field_px else 1 for side in sides)
        self.reduce = conv_bn(in_channels, channels, 1, groups=BRANCHES)
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, stride, dilation, dilation, channels, bias=False)
            for dilation in dilations)
        self.expand = conv_bn(out_channels, out_channels, 1, groups=BRANCHES, prelu=False)
        self.norm = bn_prelu(out_channels)
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        reduced = self.reduce(features)
        # Each branch adds those before it, which takes out the grid of the larger dilations.
        fused = [self.branches[0](reduced)]
        for branch in self.branches[1:]:
            fused.append(fused[-1] + branch(reduced))
        result = self.expand(self.norm(torch.cat(fused, dim=1)))
        return result + features if self.shortcut else result


class EESPUnit(nn.Module):
    """An EESP with its shortcut and PReLU."""

    def __init__(self, channels: int, receptive_field_px: int):
        super().__init__()
        self.eesp = EESP(channels, channels, 1, receptive_field_px)
        self.act = nn.PReLU(channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.eesp(features))


class DownSampler(nn.Module):
    """Half the size: average pooling beside a strided EESP, plus the pooled image itself."""

    def __init__(self, in_channels: int, out_channels: int, receptive_field_px: int):
        super().__init__()
        self.eesp = EESP(in_channels, out_channels - in_channels, 2, receptive_field_px)
        self.image = nn.Sequential(conv_bn(3, 3, 3), conv_bn(3, out_channels, 1, prelu=False))
        self.act = nn.PReLU(out_channels)

    def forward(self, features: Tensor, pooled_image: Tensor) -> Tensor:
        halved = torch.cat([halve(features), self.eesp(features)], dim=1)
        return self.act(halved + self.image(pooled_image))


def halve(features: Tensor) -> Tensor:
    return F.avg_pool2d(features, 3, stride=2, padding=1)


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
        pooled = halve(halve(image))
        level1 = self.level1(image)
        level2 = self.down2(level1, pooled)
        pooled = halve(pooled)
        level3 = self.level3(self.down3(level2, pooled))
        level4 = self.level4(self.down4(level3, halve(pooled)))
        return level1, level2, level3, level4


class PyramidPooling(nn.Module):
    """Depthwise convolutions at several scales of the features, merged to `out_channels`."""

    def __init__(self, in_channels: int, out_channels: int, last: bool = False):
        super().__init__()
        channels, scales = PYRAMID_CHANNELS, len(PYRAMID_SCALES)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
            for _ in PYRAMID_SCALES)
        self.project = conv_bn(in_channels, channels, 1)
        self.norm = bn_prelu(scales * channels)
        self.merge = conv_bn(scales * channels, channels, 3, groups=channels)
        self.out = nn.Conv2d(channels, out_channels, 1, bias=last)
        self.out_norm = nn.Identity() if last else bn_prelu(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        features = self.project(features)
        size, pyramid = features.shape[-2:], []
        for scale, conv in zip(PYRAMID_SCALES, self.convs):
            scaled = [max(math.ceil(side * scale), PYRAMID_SMALLEST) for side in size]
            if scale < 1:
                pyramid.append(resize(conv(F.adaptive_avg_pool2d(features, scaled)), size))
            elif scale > 1:
                pyramid.append(F.adaptive_avg_pool2d(conv(resize(features, scaled)), size))
            else:
                pyramid.append(conv(features))
        # Shuffled, so that each group of the next convolution sees every scale.
        pyramid = self.norm(torch.stack(pyramid, dim=1).flatten(1, 2))
        shuffled = pyramid.unflatten(1, (len(PYRAMID_SCALES), -1)).transpose(1, 2).flatten(1, 2)
        return self.out_norm(self.out(self.merge(shuffled)))


class GatedSkip(nn.Module):
    """Encoder features for the decoder, weighted by channel from their global average."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.gate = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.expand = conv_bn(in_channels, out_channels, 3,
                              groups=math.gcd(in_channels, out_channels))

    def forward(self, features: Tensor) -> Tensor:
        gate = self.gate(features.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return self.expand(features) * gate


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
