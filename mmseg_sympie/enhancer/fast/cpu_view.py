"""What the enhancer looks at, on a CPU: thumbnail and mean of raw images, compiled."""
import functools
from typing import NamedTuple

import numpy as np
import torch
import torchvision.transforms.functional as TF
from torch import Tensor

from ..nem import VIEW_SHORT_SIDE_PX, VIEW_SIDE_PX, view
from .threads import compiled, in_bands

# Beyond it, `view` crops before it resizes.
_LONGEST_ASPECT_RATIO = 4


class Taps(NamedTuple):
    """Each of the 224 outputs of an axis, as a weighted sum of neighbouring inputs."""

    first: np.ndarray  # (224,), int64: of the inputs
    weight: np.ndarray  # (224, inputs of one output), float32


def view_cpu(image: Tensor) -> Tensor:
    """The same as `view`, from raw images: (B, 3, H, W), uint8 or float32 -> float32 thumbnails."""
    height, width = image.shape[-2:]
    short = min(height, width)
    if height == width == VIEW_SIDE_PX or max(height, width) > _LONGEST_ASPECT_RATIO * short:
        return view(image.float())
    rows, columns = (_taps(side, VIEW_SHORT_SIDE_PX * side // short) for side in (height, width))
    source = image.contiguous().numpy()
    thumbnails = np.empty((len(source), 3, VIEW_SIDE_PX, VIEW_SIDE_PX), np.float32)

    def run(index: int, top: int, bottom: int) -> None:
        _resize_rows(source[index], *rows, *columns, thumbnails[index], top, bottom)

    in_bands(run, len(source), VIEW_SIDE_PX, source.size)
    return torch.from_numpy(thumbnails)


def mean_cpu(image: Tensor) -> Tensor:
    """Mean over pixels and channels of each raw image (B, 3, H, W), float32 (B, 1)."""
    batch, _, height, width = image.shape
    source = image.contiguous().numpy().reshape(batch, 3 * height, width)
    sums = np.zeros((batch, 3 * height), np.float64)

    def run(index: int, top: int, bottom: int) -> None:
        _sum_rows(source[index], sums[index], top, bottom)

    in_bands(run, batch, 3 * height, source.size // 8)
    return torch.from_numpy(sums.sum(axis=1, keepdims=True) / (3 * height * width)).float()


@compiled
def _resize_rows(source, first_row, row_weight, first_column, column_weight, thumbnail, top,
                 bottom):
    """Rows `top` to `bottom` of the thumbnail of one image (3, H, W)."""
    left, right = first_column[0], first_column[-1] + column_weight.shape[1]
    halfway = np.empty(right - left, np.float32)
    for channel in range(3):
        for y in range(top, bottom):
            halfway[:] = 0
            for tap in range(row_weight.shape[1]):
                weight = row_weight[y, tap]
                row = source[channel, first_row[y] + tap, left:right]
                for x in range(right - left):
                    halfway[x] += weight * np.float32(row[x])
            for x in range(thumbnail.shape[2]):
                value = np.float32(0)
                for tap in range(column_weight.shape[1]):
                    value += column_weight[x, tap] * halfway[first_column[x] - left + tap]
                thumbnail[channel, y, x] = value


@compiled
def _sum_rows(source, sums, top, bottom):
    for y in range(top, bottom):
        total = np.float32(0)
        for x in range(source.shape[1]):
            total += np.float32(source[y, x])
        sums[y] = total


@functools.lru_cache(maxsize=64)
def _taps(side: int, resized: int) -> Taps:
    """One axis of `view`: resize `side` pixels to `resized`, and keep the central 224."""
    # What resizing does to an image, it does to the columns of the identity matrix.
    weight = TF.resize(torch.eye(side)[None], [resized, side], TF.InterpolationMode.BILINEAR,
                       antialias=True)[0]
    weight = TF.center_crop(weight, [VIEW_SIDE_PX, side]).numpy()
    used = weight != 0
    first, last = used.argmax(axis=1), side - 1 - used[:, ::-1].argmax(axis=1)
    taps = (last - first).max() + 1
    first = np.minimum(first, side - taps)
    return Taps(first, np.take_along_axis(weight, first[:, None] + np.arange(taps), axis=1))
