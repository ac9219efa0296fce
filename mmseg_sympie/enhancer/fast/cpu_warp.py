"""The folded warp on a CPU: one compiled pass from raw pixels to the segmentor's input."""
import numpy as np
from torch import Tensor

from ...threads import compiled, in_bands
from .folding import FoldedWarp
from .result_memory import empty_result


def warp_cpu(image: Tensor, folded: FoldedWarp) -> Tensor:
    """The folded warp of `warp_folded`, on the CPU.

    Args:
        image: (B, 3, H, W), uint8 or float32 on 0..255, of any layout.

    Returns:
        float32 (B, 3, H, W), in memory that is used again once nobody holds the result.
    """
    result = empty_result(image.shape)
    source, target = image.contiguous().numpy(), result.numpy()
    matrix, kernel, bias, border, lowest, highest = (part.contiguous().numpy() for part in folded)

    def run(index: int, top: int, bottom: int) -> None:
        _warp_rows(source[index], matrix[index], kernel[index], bias[index], border[index], lowest,
                   highest, target[index], top, bottom)

    in_bands(run, len(source), source.shape[2], 3 * source[:, 0].size)
    return result


@compiled
def _warp_rows(source, matrix, kernel, bias, border, lowest, highest, target, top, bottom):
    """Rows `top` to `bottom` of one image (3, H, W).

    The matrix is applied to each row once, with two pixels of border at either end, and the last
    five rows are kept for the filter.
    """
    height, width = source.shape[1:]
    mixed = np.empty((5, 3, width + 4), np.float32)
    for y in range(top - 2, bottom + 2):
        for channel in range(3):
            first, second, third = matrix[:, channel]
            mixed[y % 5, channel] = (first * border[0] + second * border[1] + third * border[2])
            if 0 <= y < height:
                row, red, green, blue = (mixed[y % 5, channel, 2:], source[0, y], source[1, y],
                                         source[2, y])
                for x in range(width):
                    row[x] = (first * np.float32(red[x]) + second * np.float32(green[x])
                              + third * np.float32(blue[x]))
        if y >= top + 2:
            for channel in range(3):
                _filter_row(mixed[(y + 1) % 5, channel], mixed[(y + 2) % 5, channel],
                            mixed[(y + 3) % 5, channel], mixed[(y + 4) % 5, channel],
                            mixed[y % 5, channel], kernel, bias[channel], lowest[channel],
                            highest[channel], target[channel, y - 2])


@compiled
def _filter_row(row0, row1, row2, row3, row4, kernel, bias, lowest, highest, target):
    """One row of one channel from the five around it, each two pixels longer at either end.

    Written out, because only then all 25 weights stay in registers.
    """
    a0, a1, a2, a3, a4 = kernel[0]
    b0, b1, b2, b3, b4 = kernel[1]
    c0, c1, c2, c3, c4 = kernel[2]
    d0, d1, d2, d3, d4 = kernel[3]
    e0, e1, e2, e3, e4 = kernel[4]
    for x in range(len(target)):
        # Three sums, so that none has to wait for the one before.
        upper = (a0 * row0[x] + a1 * row0[x + 1] + a2 * row0[x + 2] + a3 * row0[x + 3]
                 + a4 * row0[x + 4] + b0 * row1[x] + b1 * row1[x + 1] + b2 * row1[x + 2])
        middle = (bias + b3 * row1[x + 3] + b4 * row1[x + 4] + c0 * row2[x] + c1 * row2[x + 1]
                  + c2 * row2[x + 2] + c3 * row2[x + 3] + c4 * row2[x + 4] + d0 * row3[x])
        lower = (d1 * row3[x + 1] + d2 * row3[x + 2] + d3 * row3[x + 3] + d4 * row3[x + 4]
                 + e0 * row4[x] + e1 * row4[x + 1] + e2 * row4[x + 2] + e3 * row4[x + 3]
                 + e4 * row4[x + 4])
        target[x] = min(max(upper + middle + lower, lowest), highest)
