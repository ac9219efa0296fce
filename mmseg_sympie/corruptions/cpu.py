"""What PyTorch is slow at on a CPU, as compiled loops; and random numbers.

Beside each place that calls one of them stand the tensor operations that other devices take.
"""
import math
from typing import Union

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..threads import compiled, in_bands


def on_cpu(what: Union[Tensor, torch.Generator]) -> bool:
    """Whether it is for these loops."""
    return what.device.type == 'cpu'


def rand(*shape: int, generator: torch.Generator) -> Tensor:
    """Uniform numbers on [0, 1), multiples of 2^-24, on the generator's device.

    On a CPU from NumPy's fastest generator, which takes a third of the time of `torch.rand`.
    """
    if not on_cpu(generator):
        return torch.rand(shape, generator=generator, device=generator.device)
    seed = int(torch.randint(2 ** 62, (), generator=generator))
    wanted = math.prod(shape)
    # Two numbers from each one of 64 bits.
    bits = np.random.Generator(np.random.SFC64(seed)).integers(
        2 ** 64, size=(wanted + 1) // 2, dtype=np.uint64).view(np.int32)[:wanted]
    return torch.from_numpy(bits).bitwise_and_(2 ** 24 - 1).float().mul_(2 ** -24).view(shape)


def correlate(padded: Tensor, kernel: Tensor) -> Tensor:
    """Each image with its kernel, whose zeros cost nothing.

    Args:
        padded: (B, C, H + h - 1, W + w - 1), float32.
        kernel: (B, 1, h, w), float32.

    Returns:
        (B, C, H, W), where image and kernel overlap fully.
    """
    batch, channels, rows, columns = padded.shape
    height, width = rows - kernel.shape[2] + 1, columns - kernel.shape[3] + 1
    result = torch.empty(batch * channels, height, width)
    source, target = padded.contiguous().flatten(0, 1).numpy(), result.numpy()
    kernels = kernel[:, 0].numpy()

    def run(plane: int, top: int, bottom: int) -> None:
        _correlate_rows(source[plane], kernels[plane // channels], target[plane], top, bottom)

    in_bands(run, len(target), height, result.numel() * kernel[0].numel() // 8)
    return result.unflatten(0, (batch, channels))


@compiled
def _correlate_rows(source, kernel, target, top, bottom):
    """Rows `top` to `bottom` of one plane, by eight taps at a time of those that are not zero."""
    down, right = kernel.nonzero()
    taps = len(down)
    # Filled up with taps of weight zero.
    row, column, weight = (np.zeros(taps + 7, np.int64), np.zeros(taps + 7, np.int64),
                           np.zeros(taps + 7, np.float32))
    row[:taps], column[:taps] = down, right
    for tap in range(taps):
        weight[tap] = kernel[down[tap], right[tap]]
    for y in range(top, bottom):
        sums = target[y]
        sums[:] = 0
        for tap in range(0, taps, 8):
            w0, w1, w2, w3, w4, w5, w6, w7 = weight[tap:tap + 8]
            row0 = source[y + row[tap], column[tap]:]
            row1 = source[y + row[tap + 1], column[tap + 1]:]
            row2 = source[y + row[tap + 2], column[tap + 2]:]
            row3 = source[y + row[tap + 3], column[tap + 3]:]
            row4 = source[y + row[tap + 4], column[tap + 4]:]
            row5 = source[y + row[tap + 5], column[tap + 5]:]
            row6 = source[y + row[tap + 6], column[tap + 6]:]
            row7 = source[y + row[tap + 7], column[tap + 7]:]
            for x in range(len(sums)):
                sums[x] += (((w0 * row0[x] + w1 * row1[x]) + (w2 * row2[x] + w3 * row3[x]))
                            + ((w4 * row4[x] + w5 * row5[x]) + (w6 * row6[x] + w7 * row7[x])))


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

    in_bands(run, len(source), image.shape[2], 2 * len(rows) * pixels[..., 0].numel())
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


def sample(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Interpolate bilinearly; the border is mirrored, its outermost pixels repeated.

    Args:
        image: (B, 3, H, W), float32.
        x, y: (B, H, W), float32, in pixels, also outside the image.

    Returns:
        (B, 3, H, W).
    """
    result = torch.empty_like(image, memory_format=torch.contiguous_format)
    tensors = [tensor.contiguous().numpy() for tensor in (image, x, y, result)]

    def run(index: int, top: int, bottom: int) -> None:
        _sample_rows(*(tensor[index] for tensor in tensors), top, bottom)

    in_bands(run, len(image), image.shape[2], 10 * x.numel())
    return result


@compiled
def _sample_rows(source, x, y, target, top, bottom):
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


def count(mean: Tensor, most: Tensor, generator: torch.Generator) -> Tensor:
    """Poisson counts, by inversion of the distribution.

    Args:
        mean: (B, C, H, W), float32, from 0 to about 80, where e^-mean is still a number.
        most: (B, 1, 1, 1), whole numbers; higher counts end there.

    Returns:
        float32 (B, C, H, W).
    """
    rows = [tensor.flatten(1, 2).numpy() for tensor in (
        mean.contiguous(), torch.exp(-mean).contiguous(),
        rand(*mean.shape, generator=generator), torch.zeros_like(mean))]

    def run(index: int, top: int, bottom: int) -> None:
        _count_rows(*(tensor[index] for tensor in rows), limit[index], top, bottom)

    limit = most.long().flatten().tolist()
    in_bands(run, len(mean), rows[0].shape[1], mean[0].numel() * sum(limit) // 4)
    return torch.from_numpy(rows[-1]).view_as(mean)


@compiled
def _count_rows(mean, probability, chance, count, most, top, bottom):
    """Rows of one image: take the probabilities of 0, 1, ... from the chance while any is left."""
    for y in range(top, bottom):
        expected, likely, rest, counted = mean[y], probability[y], chance[y], count[y]
        for number in range(most):
            following = np.float32(1 / (number + 1))
            for x in range(len(rest)):
                rest[x] -= likely[x]
                counted[x] += np.float32(rest[x] > 0)
                likely[x] *= expected[x] * following


def displace(image: Tensor, chance: Tensor, reach: Tensor) -> Tensor:
    """One walk over the pixels from the last to the first, each taking a random neighbour's value.

    Args:
        image: (B, 3, H, W), float32.
        chance: (B, H, W) on [0, 1), which decides the neighbour: first its row, then its column.
        reach: (B,), pixels.

    Returns:
        (B, 3, H, W), the input untouched.
    """
    result = image.clone()
    planes, chances, reaches = result.numpy(), chance.numpy(), reach.tolist()

    def run(index: int, *_: int) -> None:
        _displace(planes[index], chances[index], reaches[index])

    in_bands(run, len(image), rows=1, work=5 * chance.numel())
    return result


@compiled
def _displace(image, chance, reach):
    height, width = chance.shape
    for y in range(height - reach, reach, -1):
        for x in range(width - reach, reach, -1):
            cell = int(chance[y, x] * np.float32(4 * reach * reach))
            from_y, from_x = y + cell // (2 * reach) - reach, x + cell % (2 * reach) - reach
            for channel in range(3):
                image[channel, y, x] = image[channel, from_y, from_x]
