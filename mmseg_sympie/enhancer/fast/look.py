"""What the enhancer looks at: thumbnail and mean of raw images, without a float copy of them."""
import functools
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...runtime.parallel import compiled, parallel_for_rows
from ..nem import (
    LONGEST_ASPECT_RATIO,
    VIEW_SHORT_SIDE_PX,
    VIEW_SIDE_PX,
    central_start,
    view,
)
from .gpu import triton_works


class Look(NamedTuple):
    """What the parameters of an image depend on."""

    thumbnail: Tensor  # (B, 3, 224, 224), float32, values and channels as they arrive
    mean: Tensor  # (B, 1), float32, over all pixels and channels of the whole image


class Taps(NamedTuple):
    """Each of the 224 outputs of an axis, as a weighted sum of neighbouring inputs."""

    first: np.ndarray  # (224,), int64: of the inputs
    weight: np.ndarray  # (224, inputs of one output), float32


def look(image: Tensor) -> Look:
    """At raw images (B, 3, H, W), on any device."""
    height, width = image.shape[-2:]
    if max(height, width) <= LONGEST_ASPECT_RATIO * min(height, width):
        if image.device.type == 'cpu':
            return look_cpu(image)
        if image.device.type == 'cuda' and triton_works(image.device):
            from .triton_look import look_triton
            return look_triton(image)
    return Look(view(image.float()), image.mean(dim=(1, 2, 3), dtype=torch.float32)[:, None])


def look_cpu(image: Tensor) -> Look:
    """The same, for uint8 or float32 images, none of them a long strip."""
    batch, _, height, width = image.shape
    rows, columns = taps(height, width)
    source = image.contiguous().numpy()
    thumbnail = np.empty((batch, 3, VIEW_SIDE_PX, VIEW_SIDE_PX), np.float32)
    sums = np.zeros((batch, height), np.float64)

    def run(index: int, top: int, bottom: int) -> None:
        # The band's share of the rows, which then is near for the thumbnail.
        first, last = (y * height // VIEW_SIDE_PX for y in (top, bottom))
        _sum_rows(source[index], sums[index], first, last)
        _resize_rows(source[index], *rows, *columns, thumbnail[index], top, bottom)

    parallel_for_rows(run, batch, VIEW_SIDE_PX, source.size)
    mean = sums.sum(axis=1, keepdims=True) / (3 * height * width)
    return Look(torch.from_numpy(thumbnail), torch.from_numpy(mean).float())


@compiled
def _sum_rows(source, sums, first, last):
    """Sums over the channels of rows of one image (3, H, W)."""
    for y in range(first, last):
        for channel in range(3):
            row, total = source[channel, y], np.float32(0)
            for x in range(len(row)):
                total += np.float32(row[x])
            sums[y] += total


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
                # Slices: a sum of indices could be negative, and it would be asked of each.
                value = np.float32(0)
                weights, inputs = column_weight[x], halfway[first_column[x] - left:]
                for tap in range(len(weights)):
                    value += weights[tap] * inputs[tap]
                thumbnail[channel, y, x] = value


def taps(height: int, width: int) -> tuple[Taps, Taps]:
    """Both axes of `view` for images of that size."""
    short, is_view = min(height, width), height == width == VIEW_SIDE_PX
    return tuple(_taps(side, side if is_view else VIEW_SHORT_SIDE_PX * side // short)
                 for side in (height, width))


@functools.lru_cache(maxsize=64)
def _taps(side: int, resized: int) -> Taps:
    """One axis of `view`: `side` pixels resized to `resized`, with a triangle as filter that is as
    wide as two pixels of the larger one, and the central 224 kept.
    """
    scale = np.float32(side / resized)  # In PyTorch's precision, so that both round alike.
    reach = max(scale, np.float32(1))
    output = np.arange(VIEW_SIDE_PX, dtype=np.float32) + central_start(resized, VIEW_SIDE_PX)
    centre = scale * (output + np.float32(0.5))
    first = np.maximum(np.floor(centre - reach + 0.5), 0).astype(np.int64)
    last = np.minimum(np.ceil(centre + reach - 1.5), side - 1).astype(np.int64)
    count = (last - first).max() + 1
    first = np.minimum(first, side - count)
    inputs = (first[:, None] + np.arange(count)).astype(np.float32)
    weight = np.maximum(1 - np.abs(inputs - centre[:, None] + np.float32(0.5)) / reach, 0)
    return Taps(first, weight / weight.sum(axis=1, keepdims=True))
