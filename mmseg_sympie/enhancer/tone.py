"""A tone curve for each image: the exponent that gives its brightness the skew of the source."""
import math

import torch
from torch import Tensor

from ..runtime.device_constants import constant
from .colour_map import in_full_precision

# Exponents to choose from, 2% apart, and by how much of its logarithm one is unlikely.
STEEPEST, CHOICES, SPREAD = 4.0, 129, math.log(2)
EXPONENTS = tuple(STEEPEST ** (2 * index / (CHOICES - 1) - 1) for index in range(CHOICES))
_LOG_LEVELS = tuple(math.log(max(level, 1) / 255) for level in range(256))
BLACK_255 = 1e-3  # what rounding leaves of black would become grey levels
SKEW_SPREAD = 0.05  # What any two sets of photographs differ by.


def tone_curve(image: Tensor, exponent: Tensor) -> Tensor:
    """`255 (v / 255)^exponent`: black stays black and white white.

    Args:
        image: (B, 3, H, W), on 0..255; what is beyond black and white counts as these.
        exponent: (B,); below 1 it lights up what is dark.

    Returns:
        (B, 3, H, W), float32 on 0..255.
    """
    level = image.float()
    # `pow` takes five times as long on a CPU.
    curve = (exponent.float().view(-1, 1, 1, 1) * (level.clamp(BLACK_255, 255) / 255).log()).exp()
    return 255 * curve.where(level > BLACK_255, 0)


def tone_slope(image: Tensor, exponent: Tensor) -> Tensor:
    """How much the tone curve multiplies small differences from images (B, 3, h, w) on 0..255."""
    exponent = exponent.float().view(-1, 1, 1, 1)
    return exponent * ((exponent - 1) * (image.clamp(min=1) / 255).log()).exp()


def grey_histogram(grid: Tensor) -> Tensor:
    """The share of each of the 256 grey levels, (B, 256), float64; grey is the channels' mean.

    Args:
        grid: (B, 3, h, w), on 0..255.
    """
    grey = grid.mean(dim=1).round().clamp(0, 255).flatten(1).long()
    ones = torch.ones_like(grey, dtype=torch.float64)
    return torch.zeros_like(ones[:, :1]).repeat(1, 256).scatter_add(1, grey, ones) / grey.shape[1]


@in_full_precision
def log_skew(histogram: Tensor, exponents: tuple[float, ...] = (1.0,)) -> Tensor:
    """Logarithm of median over mean of the grey levels after tone curves.

    Below 0 where a few bright areas stand out of much that is dark.

    Args:
        histogram: (B, 256), from `grey_histogram`.
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
        histogram: (B, 256), from `grey_histogram`.
        skew: mean of the source's log skew.
        spread: its deviation from image to image.
    """
    distance = (log_skew(histogram, EXPONENTS) - skew) / (spread + SKEW_SPREAD)
    exponents = constant(EXPONENTS, histogram)
    cost = distance.square() + (exponents.log() / SPREAD).square()
    return exponents[cost.argmin(dim=1)]
