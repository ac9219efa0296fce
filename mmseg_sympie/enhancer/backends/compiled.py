"""Both passes as compiled loops on a CPU, without a float copy of the image."""
import numpy as np
import torch
from torch import Tensor

from ...runtime.parallel import compiled, parallel_for_rows
from ..folding import FoldedWarp
from ..thumbnail import VIEW_SIDE_PX, ThumbnailAndMean, taps
from ..tone import tone_curve
from .result_memory import empty_result


def thumbnail_and_mean(image: Tensor) -> ThumbnailAndMean:
    """See `Backend`."""
    batch, _, height, width = image.shape
    rows, columns = taps(height, width)
    source = image.contiguous().numpy()
    thumbnail = np.empty((batch, 3, VIEW_SIDE_PX, VIEW_SIDE_PX), np.float32)
    sums = np.zeros((batch, height), np.float64)

    def run(index: int, top: int, bottom: int) -> None:
        # The block's share of the rows, which is in the cache then for the thumbnail.
        first, last = (y * height // VIEW_SIDE_PX for y in (top, bottom))
        _sum_rows(source[index], sums[index], first, last)
        _resize_rows(source[index], *rows, *columns, thumbnail[index], top, bottom)

    parallel_for_rows(run, batch, VIEW_SIDE_PX, source.size)
    mean = sums.sum(axis=1, keepdims=True) / (3 * height * width)
    return ThumbnailAndMean(torch.from_numpy(thumbnail), torch.from_numpy(mean).float())


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


def warp(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
    """See `Backend`."""
    result = empty_result(image.shape)
    *parts, exponent = folded
    curves = np.empty((len(image), 3, 0), np.float32)  # what becomes of 256 levels
    if exponent is not None and image.dtype == torch.uint8:
        levels = torch.arange(256.).expand(len(image), 3, 1, 256)
        curves = tone_curve(levels, exponent).squeeze(2).numpy()
    elif exponent is not None:
        image = tone_curve(image, exponent)
    source, target = image.contiguous().numpy(), result.numpy()
    matrix, kernel, bias, border, lowest, highest = (part.contiguous().numpy() for part in parts)

    repeats = exponent is not None

    def run(index: int, top: int, bottom: int) -> None:
        _warp_rows(source[index], curves[index], repeats, matrix[index], kernel[index], bias[index],
                   border[index], lowest, highest, target[index], top, bottom)

    parallel_for_rows(run, len(source), source.shape[2], 3 * source[:, 0].size)
    return result.to(dtype)


@compiled
def _warp_rows(source, curves, repeats, matrix, kernel, bias, border, lowest, highest, target, top,
               bottom):
    """Rows `top` to `bottom` of one image (3, H, W), three at a time.

    The matrix is applied to each row once, and the last seven rows are kept for the filter.
    """
    width = source.shape[2]
    mixed, unused = np.empty((7, 3, width + 4), np.float32), np.empty((2, width), np.float32)
    toned = np.empty((3, width), np.float32)
    for y in range(top - 2, top + 2):
        _mix_row(source, y, curves, repeats, toned, matrix, border, mixed[y % 7])
    for y in range(top, bottom, 3):
        for ahead in range(2, 5):
            _mix_row(source, y + ahead, curves, repeats, toned, matrix, border,
                     mixed[(y + ahead) % 7])
        for channel in range(3):
            _filter_rows(mixed[(y - 2) % 7, channel], mixed[(y - 1) % 7, channel],
                         mixed[y % 7, channel], mixed[(y + 1) % 7, channel],
                         mixed[(y + 2) % 7, channel], mixed[(y + 3) % 7, channel],
                         mixed[(y + 4) % 7, channel], kernel, bias[channel], lowest[channel],
                         highest[channel], target[channel, y],
                         target[channel, y + 1] if y + 1 < bottom else unused[0],
                         target[channel, y + 2] if y + 2 < bottom else unused[1])


@compiled
def _mix_row(source, y, curves, repeats, toned, matrix, border, mixed):
    """Tone curves and matrix applied to row y, with two pixels of border at either end.

    Curves without entries change nothing. Beyond the image is the border colour, or, if the
    border `repeats`, what is next to it.
    """
    if repeats:
        y = min(max(y, 0), source.shape[1] - 1)
    else:
        for channel in range(3):
            first, second, third = matrix[:, channel]
            mixed[channel] = first * border[0] + second * border[1] + third * border[2]
    if 0 <= y < source.shape[1]:
        if curves.shape[1]:
            for channel in range(3):
                row, levels = source[channel, y], curves[channel]
                for x in range(len(row)):
                    toned[channel, x] = levels[np.uint8(row[x])]
            _mix(toned[0], toned[1], toned[2], matrix, mixed)
        else:
            _mix(source[0, y], source[1, y], source[2, y], matrix, mixed)
    if repeats:
        for channel in range(3):
            mixed[channel, :2] = mixed[channel, 2]
            mixed[channel, -2:] = mixed[channel, -3]


@compiled
def _mix(red, green, blue, matrix, mixed):
    """The matrix applied to a row."""
    for channel in range(3):
        first, second, third = matrix[:, channel]
        row = mixed[channel, 2:]
        for x in range(len(red)):
            row[x] = (first * np.float32(red[x]) + second * np.float32(green[x])
                      + third * np.float32(blue[x]))


@compiled
def _filter_rows(row0, row1, row2, row3, row4, row5, row6, kernel, bias, lowest, highest,
                 upper_target, middle_target, lower_target):
    """Three rows of one channel from the seven around them, each two pixels longer at either end.

    Written out, because only then the weights stay in registers. By three, because reading the
    pixels takes longer than multiplying them.
    """
    a0, a1, a2, a3, a4 = kernel[0]
    b0, b1, b2, b3, b4 = kernel[1]
    c0, c1, c2, c3, c4 = kernel[2]
    d0, d1, d2, d3, d4 = kernel[3]
    e0, e1, e2, e3, e4 = kernel[4]
    for x in range(len(upper_target)):
        v0, v1, v2, v3, v4 = row0[x], row0[x + 1], row0[x + 2], row0[x + 3], row0[x + 4]
        upper = bias + a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3 + a4 * v4
        v0, v1, v2, v3, v4 = row1[x], row1[x + 1], row1[x + 2], row1[x + 3], row1[x + 4]
        upper = upper + b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3 + b4 * v4
        middle = bias + a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3 + a4 * v4
        v0, v1, v2, v3, v4 = row2[x], row2[x + 1], row2[x + 2], row2[x + 3], row2[x + 4]
        upper = upper + c0 * v0 + c1 * v1 + c2 * v2 + c3 * v3 + c4 * v4
        middle = middle + b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3 + b4 * v4
        lower = bias + a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3 + a4 * v4
        v0, v1, v2, v3, v4 = row3[x], row3[x + 1], row3[x + 2], row3[x + 3], row3[x + 4]
        upper = upper + d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3 + d4 * v4
        middle = middle + c0 * v0 + c1 * v1 + c2 * v2 + c3 * v3 + c4 * v4
        lower = lower + b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3 + b4 * v4
        v0, v1, v2, v3, v4 = row4[x], row4[x + 1], row4[x + 2], row4[x + 3], row4[x + 4]
        upper = upper + e0 * v0 + e1 * v1 + e2 * v2 + e3 * v3 + e4 * v4
        middle = middle + d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3 + d4 * v4
        lower = lower + c0 * v0 + c1 * v1 + c2 * v2 + c3 * v3 + c4 * v4
        v0, v1, v2, v3, v4 = row5[x], row5[x + 1], row5[x + 2], row5[x + 3], row5[x + 4]
        middle = middle + e0 * v0 + e1 * v1 + e2 * v2 + e3 * v3 + e4 * v4
        lower = lower + d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3 + d4 * v4
        v0, v1, v2, v3, v4 = row6[x], row6[x + 1], row6[x + 2], row6[x + 3], row6[x + 4]
        lower = lower + e0 * v0 + e1 * v1 + e2 * v2 + e3 * v3 + e4 * v4
        upper_target[x] = min(max(upper, lowest), highest)
        middle_target[x] = min(max(middle, lowest), highest)
        lower_target[x] = min(max(lower, lowest), highest)
