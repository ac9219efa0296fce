"""Correlation of images with kernels of their own, on a CPU."""
import numpy as np
import torch
from torch import Tensor

from ...runtime.parallel import compiled, parallel_for_rows


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

    parallel_for_rows(run, len(target), height, result.numel() * kernel[0].numel() // 8)
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
