"""Tone curves for each image: exponents that give it the skew and the tint of the source."""
import math

import torch
from torch import Tensor

from ..runtime.device_constants import constant
from .colour_map import in_full_precision

# Exponents to choose from, 2% apart, and by how much of its logarithm one is unlikely.
STEEPEST, CHOICES, SPREAD = 4.0, 129, math.log(2)
LARGEST_TINT = 2.0  # The greatest ratio between a channel's exponent and that of the brightness.
EXPONENTS = tuple(STEEPEST ** (2 * index / (CHOICES - 1) - 1) for index in range(CHOICES))
_LOG_LEVELS = tuple(math.log(max(level, 1) / 255) for level in range(256))
_NOT_BLACK = (0.0, *255 * (1.0,))
BLACK_255 = 1e-3  # what rounding leaves of black would become grey levels
SKEW_SPREAD = 0.05  # What any two sets of photographs differ by.


def tone_curve(image: Tensor, exponent: Tensor) -> Tensor:
    """`255 (v / 255)^exponent`: black stays black and white white.

    Args:
        image: (B, 3, H, W), on 0..255; what is beyond black and white counts as these.
        exponent: (B, 3), of each channel; below 1 it lights up what is dark.

    Returns:
        (B, 3, H, W), float32 on 0..255.
    """
    level = image.float()
    # `pow` takes five times as long on a CPU.
    curve = (exponent.float().view(-1, 3, 1, 1) * (level.clamp(BLACK_255, 255) / 255).log()).exp()
    return 255 * curve.where(level > BLACK_255, 0)


def tone_slope(image: Tensor, exponent: Tensor) -> Tensor:
    """By how much `tone_curve` multiplies small differences from images (B, 3, h, w) on 0..255."""
    exponent = exponent.float().view(-1, 3, 1, 1)
    return exponent * ((exponent - 1) * (image.clamp(min=1) / 255).log()).exp()


def level_histograms(grid: Tensor) -> Tensor:
    """The share of each of 256 levels in red, green, blue and grey, (B, 4, 256), float64.

    Args:
        grid: (B, 3, h, w), on 0..255; grey is the mean of its channels.
    """
    levels = torch.cat([grid, grid.mean(dim=1, keepdim=True)], dim=1).round().clamp(0, 255)
    levels = levels.flatten(2).long()
    ones = torch.ones_like(levels, dtype=torch.float64)
    counts = torch.zeros_like(ones[..., :1]).repeat(1, 1, 256).scatter_add(2, levels, ones)
    return counts / levels.shape[2]


@in_full_precision
def log_skew(histogram: Tensor, exponents: tuple[float, ...] = (1.0,)) -> Tensor:
    """Logarithm of median over mean of the grey levels after tone curves.

    Below 0 where a few bright areas stand out of much that is dark.

    Args:
        histogram: (B, 256), of grey, from `level_histograms`.
        exponents: N of them.

    Returns:
        (B, N).
    """
    log_levels, powers = constant(_LOG_LEVELS, histogram), constant(exponents, histogram)
    mean = histogram @ (log_levels[:, None] * powers).exp()
    return powers * (_median(histogram) / 255).log() - mean.log()


def _median(histogram: Tensor) -> Tensor:
    """(B, 1), at least 1: each level's pixels are spread evenly from half a level below it."""
    total = histogram.cumsum(dim=1)
    level = (total < 0.5).sum(dim=1, keepdim=True).clamp(max=255)
    share = histogram.gather(1, level)
    before = total.gather(1, level) - share
    return (level + ((0.5 - before) / share - 0.5)).clamp(1, 255)


def exponent_to(histogram: Tensor, skew: float, spread: float) -> Tensor:
    """(B,): the exponent after which images have the `log_skew` of a source, most plausibly.

    The distance from it in units of its spread and that of the exponent's logarithm from 0 in units
    of log 2 are least together: where no curve changes the skew, it is 1.

    Args:
        histogram: (B, 256), of grey, from `level_histograms`.
        skew: mean of the source's log skew.
        spread: its deviation from image to image.
    """
    distance = (log_skew(histogram, EXPONENTS) - skew) / (spread + SKEW_SPREAD)
    exponents = constant(EXPONENTS, histogram)
    cost = distance.square() + (exponents.log() / SPREAD).square()
    return exponents[cost.argmin(dim=1)]


@in_full_precision
def channel_exponents(histograms: Tensor, exponent: Tensor, mean: tuple[float, ...]) -> Tensor:
    """(B, 3): exponents after which images have the tint of a source.

    With b the mean of all after one exponent, those of the channels are then in the source's
    proportions to it; where b is more than in the source, they are powers of b instead, so that
    what is white gets no tint. Where a bound is met (`LARGEST_TINT`, `STEEPEST`), there is less.

    Args:
        histograms: (B, 4, 256), from `level_histograms`.
        exponent: (B,), of the brightness.
        mean: (3,), of the source.
    """
    log_levels = constant(_LOG_LEVELS, histograms)
    channels = histograms[:, :3] * constant(_NOT_BLACK, histograms)  # black stays black
    # (B, 3, N), falling
    means = channels @ (log_levels[:, None] * constant(EXPONENTS, histograms)).exp()
    bright = (channels @ (log_levels * exponent[:, None]).exp()[..., None]).mean(dim=1)
    common, powers = tint(mean)
    wanted = (bright * bright.clamp(min=common) ** (constant(powers, histograms) - 1))[..., None]
    after = (means > wanted).sum(dim=2, keepdim=True).clamp(1, CHOICES - 1)
    higher, lower = means.gather(2, after - 1), means.gather(2, after)
    share = ((higher - wanted) / (higher - lower).clamp(min=1e-9)).clamp(0, 1)
    found = math.log(STEEPEST) * (2 * (after - 1 + share).squeeze(2) / (CHOICES - 1) - 1)
    usual, most = exponent[:, None].log(), math.log(LARGEST_TINT)
    return found.clamp(usual - most, usual + most).exp()


def tint(mean: tuple[float, ...]) -> tuple[float, tuple[float, ...]]:
    """(m, t): the mean m of channels' means (3,), on 0..1, and the powers t with `m^t` each mean.

    Args:
        mean: (3,), on 0..255.
    """
    *channels, common = (min(value, 254) / 255 for value in (*mean, sum(mean) / len(mean)))
    return common, tuple(math.log(value) / math.log(common) for value in channels)
