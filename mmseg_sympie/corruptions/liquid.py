"""Drops on the lens: blurred noise above a threshold, as water that shines or as mud.

Both take standard normal noise (B, 1, H, W) and severity (B,), and return how much of the drops'
colour each pixel gets, (B, 1, H, W) on [0, 1]. Constants are those of ImageNet-C's spatter.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.device_constants import constant
from .filters import blur_each, filter_each
from .severity import per_image

FARTHEST = 8  # pixels from the rim up to which distances are told apart
SOFT = 0.7  # deviation of the Gaussian that measures them
EMBOSS = ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))
STEEP = 100 / 255  # Sobel gradient that makes a rim, between ImageNet-C's two thresholds


def mud(noise: Tensor, severity: Tensor) -> Tensor:
    """Mean and deviation of the noise for severities 4 and 5; those of 1 to 3 are not used."""
    mean = per_image((0, 0, 0, 0.65, 0.67), severity)
    deviation = per_image((0, 0, 0, 0.3, 0.4), severity)
    layer = blur_each(noise * deviation + mean, torch.ones_like(mean), radius=4)
    cover = blur_each((layer > 0.65).float(), torch.full_like(mean, 1.5), radius=6)
    return cover * (cover >= 0.8)


def water(noise: Tensor, severity: Tensor) -> Tensor:
    """Deviation of the blur, threshold and strength for severities 1 to 3; no others are used.

    The light follows the distance from the rim, equalised over the image and embossed. ImageNet-C
    links rims with hysteresis and measures a chamfer distance up to 20; here one threshold finds
    the rims, and the distance up to FARTHEST is a soft minimum by a Gaussian convolution.
    """
    layer = blur_each(noise * 0.3 + 0.65, per_image((4, 3, 2, 1, 1), severity), radius=16)
    drops = layer >= per_image((0.69, 0.68, 0.68, 1, 1), severity)
    box = layer.new_full((1, 1, 3, 3), 1 / 9)
    distance = filter_each(_distance(_rim(layer * drops)), box).floor()
    emboss = constant(EMBOSS, layer).view(1, 1, 3, 3)
    light = filter_each(_equalised(distance), emboss).clamp_(0, 1)
    light = layer * filter_each(light, box) * drops
    light = light / light.amax(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    return light * per_image((0.6, 0.6, 0.5, 0, 0), severity)


def _rim(layer: Tensor) -> Tensor:
    """1 where the Sobel gradient of (B, 1, H, W) is steep and largest across the edge, else 0."""
    padded = F.pad(layer, (1, 1, 1, 1), mode='replicate')
    rows = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    columns = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    down, right = rows[..., 2:, :] - rows[..., :-2, :], columns[..., 2:] - columns[..., :-2]
    steep = right.abs() + down.abs()
    around = F.pad(steep, (1, 1, 1, 1))
    above, level, under = around[..., :-2, :], around[..., 1:-1, :], around[..., 2:, :]
    sideways = (steep > level[..., :-2]) & (steep >= level[..., 2:])
    upright = (steep > above[..., 1:-1]) & (steep >= under[..., 1:-1])
    falling = (steep > above[..., :-2]) & (steep > under[..., 2:])
    rising = (steep > above[..., 2:]) & (steep > under[..., :-2])
    flat, sloping = math.tan(math.pi / 8) * right.abs(), math.tan(math.pi * 3 / 8) * right.abs()
    # Across the edge: sideways, up and down, or along one of the diagonals.
    lying, standing, same_sign = down.abs() < flat, down.abs() > sloping, down * right > 0
    diagonal = (same_sign & falling) | (~same_sign & rising)
    largest = (lying & sideways) | (~lying & ((standing & upright) | (~standing & diagonal)))
    return (largest & (steep > STEEP)).float()


def _distance(rim: Tensor) -> Tensor:
    """PixelFormat to the nearest rim, at most FARTHEST, for a rim (B, 1, H, W) of 0 and 1."""
    # Beside a straight rim the blurred rim falls as exp(-distance^2 / (2 SOFT^2)).
    near = blur_each(rim, rim.new_full((1, 1, 1, 1), SOFT), radius=FARTHEST)
    near = near * (SOFT * math.sqrt(2 * math.pi))
    return (-2 * SOFT ** 2 * near.clamp(min=1e-36).log()).clamp(0, FARTHEST ** 2).sqrt()


def _equalised(level: Tensor) -> Tensor:
    """Histogram equalisation to [0, 1] of whole levels 0..FARTHEST; the lowest occurring is 0."""
    index = level.flatten(1).long()
    count = torch.zeros(len(level), FARTHEST + 1, device=level.device)
    count.scatter_add_(1, index, torch.ones_like(index, dtype=count.dtype))
    below = count.cumsum(dim=1)
    lowest = torch.where(count > 0, below, math.inf).amin(dim=1, keepdim=True)
    total = below[:, -1:]
    share = ((below - lowest) / (total - lowest).clamp(min=1)).clamp(min=0)
    return share.gather(1, index).view_as(level)
