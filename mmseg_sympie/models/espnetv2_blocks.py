"""The building blocks of ESPNetv2 (Mehta et al., CVPR 2019)."""
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PYRAMID_CHANNELS, PYRAMID_SCALES, PYRAMID_SMALLEST = 10, (2.0, 1.5, 1.0, 0.5, 0.1), 5
BRANCHES = 4


def conv_bn(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1,
            prelu: bool = True) -> nn.Sequential:
    """Convolution without bias, batch norm and, unless told otherwise, PReLU."""
    layers = [nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups,
                        bias=False), nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers, *([nn.PReLU(out_channels)] if prelu else []))


def bn_prelu(channels: int) -> nn.Sequential:
    """Batch norm and PReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels))


def resize(features: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, H, W) -> (B, C, *size), bilinear with aligned corners."""
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
        """(B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride)."""
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
        """(B, channels, H, W) -> the same shape."""
        return self.act(self.eesp(features))


class DownSampler(nn.Module):
    """Half the size: average pooling beside a strided EESP, plus the pooled image itself."""

    def __init__(self, in_channels: int, out_channels: int, receptive_field_px: int):
        super().__init__()
        self.eesp = EESP(in_channels, out_channels - in_channels, 2, receptive_field_px)
        self.image = nn.Sequential(conv_bn(3, 3, 3), conv_bn(3, out_channels, 1, prelu=False))
        self.act = nn.PReLU(out_channels)

    def forward(self, features: Tensor, pooled_image: Tensor) -> Tensor:
        """Features, and the image at half their size -> (B, out_channels, H / 2, W / 2)."""
        halved = torch.cat([halve(features), self.eesp(features)], dim=1)
        return self.act(halved + self.image(pooled_image))


def halve(features: Tensor) -> Tensor:
    """3x3 average pooling, stride 2."""
    return F.avg_pool2d(features, 3, stride=2, padding=1)


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
        """(B, in_channels, H, W) -> (B, out_channels, H, W)."""
        features = self.project(features)
        height, width = features.shape[-2:]
        size, pyramid = (height, width), []
        for scale, conv in zip(PYRAMID_SCALES, self.convs):
            scaled = (max(math.ceil(height * scale), PYRAMID_SMALLEST),
                      max(math.ceil(width * scale), PYRAMID_SMALLEST))
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
        """(B, in_channels, H, W) -> (B, out_channels, H, W)."""
        gate = self.gate(features.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return self.expand(features) * gate
