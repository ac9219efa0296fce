"""The match to a source for 8-bit images on a CPU: `source_match` by compiled loops and NumPy.

The same in float64. PyTorch needs two hundred operations for it, each of which takes longer to
begin than to do.
"""
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...runtime.device_constants import is_traced
from ...runtime.parallel import COMPILED_LOOPS, compiled
from ..adjustment import Adjustment, fade
from ..colour_map import NO_TINT_255, ColourMap
from ..detail import DETAIL_GRID, LEAST_255, LIMIT
from ..grid import GRID, darkest, grid_steps
from ..tone import EXPONENTS, LARGEST_TINT, SPREAD

_EXPONENTS, _LOG_EXPONENTS = np.array(EXPONENTS), np.log(EXPONENTS)
_UNLIKELY = (_LOG_EXPONENTS / SPREAD) ** 2
_UNCHANGED = EXPONENTS.index(1)
_LEVELS = np.arange(256) / 255
_NO_CURVES = np.tile(255 * _LEVELS, (3, 1))
_POWERS = np.maximum(_LEVELS, 1 / 255)[:, None] ** _EXPONENTS  # (256, exponents)
_NINTHS = np.maximum(np.arange(9 * 255 + 1) / 9, 1) / 255  # means of nine levels, one at least
_SYMMETRIC = np.array([[3, 4, 5], [4, 6, 7], [5, 7, 8]])  # where `_sum` puts the products


class Wanted(NamedTuple):
    """What is matched, of a source; float64."""

    black: np.ndarray              # (3,)
    mean: np.ndarray               # (3,)
    spread: np.ndarray             # (3, 3), of grey about black, of chroma about its mean
    least_spread: np.ndarray       # (3, 3), what is added to that of an image
    precision: np.ndarray          # (3, 3), inverse covariance of the images' means
    tint: tuple[float, tuple[float, ...]]  # of its mean
    log_contrast: tuple[float, float]  # and its spread from image to image, here as below
    log_skew: tuple[float, float]
    reach: float
    detail: float


def takes(image: Tensor) -> bool:
    """Whether images of this type and device are for these loops."""
    return (COMPILED_LOOPS and not is_traced(image) and image.device.type == 'cpu'
            and image.dtype == torch.uint8 and image.numel() > 0)


def match(image: Tensor, flipped: bool, wanted: Wanted, strength: float) -> Adjustment:
    """See `source_match`, with the black point, tone and detail.

    Args:
        image: (B, 3, H, W), uint8.
        flipped: whether its channels are blue, green and red.
        wanted: of the source.
        strength: from 0 to 1.
    """
    pixels = image.numpy()[:, ::-1] if flipped else image.numpy()
    rows, columns = grid_steps(image, GRID)
    grids = np.ascontiguousarray(pixels[..., ::rows, ::columns]).reshape(len(pixels), 3, -1)
    detail_steps = grid_steps(image, DETAIL_GRID)
    found = torch.tensor([_match(each, grid, detail_steps, wanted, strength)
                          for each, grid in zip(pixels, grids)], dtype=torch.float32)
    matrix, offset, exponent, detail, foreignness = found.split([9, 3, 3, 1, 1], dim=1)
    return Adjustment(ColourMap(matrix.unflatten(1, (3, 3)), offset), exponent,
                      detail.squeeze(1), foreignness.squeeze(1))


def _match(image: np.ndarray, grid: np.ndarray, detail_steps: tuple[int, int], wanted: Wanted,
           strength: float) -> tuple[float, ...]:
    """The matrix, offset, exponents, detail and foreignness of one image (3, H, W)."""
    counts = _histograms(grid)
    histograms = counts / grid.shape[1]
    # Not `@`: the threads of NumPy's BLAS would wake up, and be in the way of PyTorch's.
    powers = np.einsum('cl,le->ce', histograms, _POWERS)  # the means after each exponent
    skews = _EXPONENTS * math.log(_median(histograms[3]) / 255) - np.log(powers[3])
    foreignness = _foreignness(*_moments(grid, _NO_CURVES), skews[_UNCHANGED], wanted)
    share = strength * foreignness

    powers = powers[:3] - histograms[:3, :1] * _POWERS[0]  # black stays black
    exponents = _exponents(powers, skews, wanted) ** share
    curves = 255 * _LEVELS ** exponents[:, None]
    mean, covariance = _moments(grid, curves)
    darkest_levels = (counts[:3].cumsum(axis=1) < darkest(grid.shape[1])).sum(axis=1)
    black = curves[np.arange(3), darkest_levels]

    above = mean - black
    matrix = _transport(covariance + above.mean() ** 2 + wanted.least_spread, wanted.spread)
    after = matrix @ above
    before, after = above - above.mean(), after - after.mean()
    kept = math.sqrt(min(1, (before @ before + NO_TINT_255) / (after @ after + NO_TINT_255)))
    offset = share * (wanted.black - matrix @ black - (1 - kept) * after)
    matrix = np.eye(3) + share * (matrix - np.eye(3))

    slopes = exponents[:, None] * _NINTHS ** (exponents[:, None] - 1)
    raw, toned = np.maximum(_detail(image, *detail_steps, slopes, matrix.mean(axis=1)), LEAST_255)
    factor = max(1, min(LIMIT * raw, wanted.detail) / toned)
    return *matrix.flat, *offset, *exponents, 1 + share * (factor - 1), foreignness


def _foreignness(mean: np.ndarray, covariance: np.ndarray, log_skew: float,
                 wanted: Wanted) -> float:
    """`foreignness`."""
    difference = mean - wanted.mean
    squared = difference @ wanted.precision @ difference
    variance = covariance.trace() / 3
    contrast = math.log(max(1, variance)) / 2
    for found, (usual, spread) in ((contrast, wanted.log_contrast), (log_skew, wanted.log_skew)):
        squared += ((found - usual) / spread) ** 2
    return fade(squared / 5, wanted.reach, variance)


def _exponents(powers: np.ndarray, skews: np.ndarray, wanted: Wanted) -> np.ndarray:
    """`channel_exponents` for `exponent_to`, from channels' means and log skew after each."""
    skew, spread = wanted.log_skew
    usual = (((skews - skew) / spread) ** 2 + _UNLIKELY).argmin()
    bright = powers[:, usual].mean()
    common, tint = wanted.tint
    found = [np.interp(bright * max(bright, common) ** (power - 1), falling[::-1],
                       _LOG_EXPONENTS[::-1]) for power, falling in zip(tint, powers)]
    most = math.log(LARGEST_TINT)
    return np.exp(np.clip(found, _LOG_EXPONENTS[usual] - most, _LOG_EXPONENTS[usual] + most))


def _median(histogram: np.ndarray) -> float:
    """`tone._median`."""
    total = histogram.cumsum()
    level = min(int(np.searchsorted(total, 0.5)), 255)
    return min(max(level + (0.5 - total[level]) / histogram[level] + 0.5, 1), 255)


def _transport(spread: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The symmetric G with `G spread G = wanted`."""
    values, vectors = np.linalg.eigh(spread)
    root = (vectors * np.sqrt(values)) @ vectors.T
    unroot = (vectors / np.sqrt(values)) @ vectors.T
    values, vectors = np.linalg.eigh(root @ wanted @ root)
    return unroot @ (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T @ unroot


def _moments(grid: np.ndarray, curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and covariance (3, 3) of a grid (3, N) after curves (3, 256) of its levels."""
    sums = np.empty(9)
    _sum(grid, curves, sums)
    sums /= grid.shape[1]
    return sums[:3], sums[_SYMMETRIC] - np.outer(sums[:3], sums[:3])


@compiled
def _sum(grid, curves, sums):
    """The sums of red, green, blue and their products, six, after curves of the levels."""
    r, g, b, rr, rg, rb, gg, gb, bb = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for pixel in range(grid.shape[1]):
        red, green = curves[0, grid[0, pixel]], curves[1, grid[1, pixel]]
        blue = curves[2, grid[2, pixel]]
        r, g, b = r + red, g + green, b + blue
        rr, rg, rb = rr + red * red, rg + red * green, rb + red * blue
        gg, gb, bb = gg + green * green, gb + green * blue, bb + blue * blue
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5] = r, g, b, rr, rg, rb
    sums[6], sums[7], sums[8] = gg, gb, bb


@compiled
def _histograms(grid):
    """(4, 256): how many pixels of a grid have which level of red, green, blue and grey."""
    counts = np.zeros((4, 256), np.int64)
    for pixel in range(grid.shape[1]):
        red, green, blue = grid[0, pixel], grid[1, pixel], grid[2, pixel]
        counts[0, red] += 1
        counts[1, green] += 1
        counts[2, blue] += 1
        counts[3, (2 * (np.int64(red) + green + blue) + 3) // 6] += 1
    return counts


@compiled
def _detail(image, row_step, column_step, slopes, weights):
    """Root mean square of the grey detail of an image: as it is, and after tone curves.

    The slopes of the curves are those at each sum of nine levels; the weights are of the channels.
    """
    height, width = image.shape[1], image.shape[2]
    raw, toned, count = 0.0, 0.0, 0
    for y in range(0, height, row_step):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(0, width, column_step):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            grey, grey_toned = 0.0, 0.0
            for channel in range(3):
                nine = np.int64(0)
                for row in (above, y, below):
                    nine += np.int64(image[channel, row, left]) + image[channel, row, x] + (
                        image[channel, row, right])
                difference = image[channel, y, x] - nine / 9
                grey += difference / 3
                grey_toned += weights[channel] * slopes[channel, nine] * difference
            raw, toned, count = raw + grey * grey, toned + grey_toned * grey_toned, count + 1
    return math.sqrt(raw / count), math.sqrt(toned / count)
