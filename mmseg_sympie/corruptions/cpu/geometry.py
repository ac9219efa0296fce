"""Resampling, remapping and shuffling of pixels, on a CPU."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...runtime.parallel import compiled, parallel_for_rows


def resample(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sum of an image resampled in K ways, with linear interpolation.

    Args:
        image: (B, 3, H, W), float32.
        rows: (K, H), where the rows of the result come from, within 0..H - 1.
        columns: (K, W), likewise.

    Returns:
        float32 (B, 3, H, W).
    """
    pixels = F.pad(image.permute(0, 2, 3, 1), (0, 1)).contiguous()
    result = torch.zeros_like(pixels)
    axes = [*_neighbours(rows, image.shape[2]), *_neighbours(columns, image.shape[3])]
    source, target = pixels.numpy(), result.numpy()

    def run(index: int, top: int, bottom: int) -> None:
        _resample_rows(source[index], *axes, target[index], top, bottom)

    parallel_for_rows(run, len(source), image.shape[2], 2 * len(rows) * pixels[..., 0].numel())
    return result[..., :3].permute(0, 3, 1, 2).contiguous()


def _neighbours(position, size):
    """The inputs before and after each position, and the share of the second."""
    before = position.floor().clamp(max=size - 1)
    after = (before + 1).clamp(max=size - 1)
    # Unsigned, so that Numba need not look for negative ones, which count from the end.
    return (*(index.numpy().astype(np.uint64) for index in (before, after)),
            (position - before).float().numpy())


@compiled
def _resample_rows(source, above, below, lower_share, left, right, right_share, target, top,
                   bottom):
    """Rows `top` to `bottom` of an image (H, W, 4), four values because they make a vector."""
    width = source.shape[1]
    row = np.empty((width, 4), np.float32)
    values = row.reshape(4 * width)
    for y in range(top, bottom):
        sums = target[y]
        for way in range(len(above)):
            upper, lower = (source[above[way, y]].reshape(4 * width),
                            source[below[way, y]].reshape(4 * width))
            share = lower_share[way, y]
            for i in range(4 * width):
                values[i] = upper[i] + share * (lower[i] - upper[i])
            for x in range(width):
                here, there, share = left[way, x], right[way, x], right_share[way, x]
                for channel in range(4):
                    sums[x, channel] += row[here, channel] + share * (row[there, channel]
                                                                      - row[here, channel])


def remap(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Interpolate bilinearly; the border is mirrored, its outermost pixels repeated.

    Args:
        image: (B, 3, H, W), float32.
        x: (B, H, W), float32, columns in pixels, also outside the image.
        y: likewise, rows.

    Returns:
        (B, 3, H, W).
    """
    result = torch.empty_like(image, memory_format=torch.contiguous_format)
    tensors = [tensor.contiguous().numpy() for tensor in (image, x, y, result)]

    def run(index: int, top: int, bottom: int) -> None:
        _remap_rows(*(tensor[index] for tensor in tensors), top, bottom)

    parallel_for_rows(run, len(image), image.shape[2], 10 * x.numel())
    return result


@compiled
def _remap_rows(source, x, y, target, top, bottom):
    height, width = source.shape[1:]
    for row in range(top, bottom):
        for column in range(width):
            above, down = _mirrored(y[row, column], height)
            left, right = _mirrored(x[row, column], width)
            below, beside = min(above + 1, height - 1), min(left + 1, width - 1)
            for channel in range(3):
                plane = source[channel]
                upper = plane[above, left] + right * (plane[above, beside] - plane[above, left])
                lower = plane[below, left] + right * (plane[below, beside] - plane[below, left])
                target[channel, row, column] = upper + down * (lower - upper)


@compiled
def _mirrored(position, size):
    """The pixel before a position, once it is mirrored into the image, and the way to the next."""
    position = abs(position + np.float32(0.5))
    if position > size:
        position %= np.float32(2 * size)
        position = min(position, np.float32(2 * size) - position)
    position = min(position - np.float32(0.5), np.float32(size - 1))
    if not position > 0:  # nor what is no number
        position = np.float32(0)
    before = int(position)
    return before, position - np.float32(before)


def shuffle_pixels(image: Tensor, uniform: Tensor, max_offset: Tensor) -> Tensor:
    """One walk over the pixels from the last to the first, each taking a random neighbour's value.

    Args:
        image: (B, 3, H, W), float32.
        uniform: (B, H, W) on [0, 1), which decides the neighbour: first its row, then its column.
        max_offset: (B,), pixels.

    Returns:
        (B, 3, H, W), the input untouched.
    """
    result = image.clone()
    planes, uniforms, offsets = result.numpy(), uniform.numpy(), max_offset.tolist()

    def run(index: int, *_: int) -> None:
        _shuffle_pixels(planes[index], uniforms[index], offsets[index])

    parallel_for_rows(run, len(image), rows=1, work=5 * uniform.numel())
    return result


@compiled
def _shuffle_pixels(image, uniform, max_offset):
    height, width = uniform.shape
    for y in range(height - max_offset, max_offset, -1):
        for x in range(width - max_offset, max_offset, -1):
            cell = int(uniform[y, x] * np.float32(4 * max_offset * max_offset))
            from_y = y + cell // (2 * max_offset) - max_offset
            from_x = x + cell % (2 * max_offset) - max_offset
            for channel in range(3):
                image[channel, y, x] = image[channel, from_y, from_x]
