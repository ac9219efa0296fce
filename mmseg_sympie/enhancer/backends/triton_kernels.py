"""Both passes as Triton kernels on a GPU: one kernel each, from raw pixels to the result.

Tone curves come before, in PyTorch's operations.
"""
import functools

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..folding import FoldedWarp
from ..thumbnail import VIEW_SIDE_PX, Taps, ThumbnailAndMean, taps

BLOCK = 256  # pixels of a row at a time, at least VIEW_SIDE_PX


@triton.jit
def _thumbnail_kernel(image, first_row, row_weight, row_taps, first_column, column_weight,
                      column_taps, thumbnail, sums, height, width, stride_b, stride_c, stride_y,
                      stride_x, SIDE: tl.constexpr, BLOCK: tl.constexpr):
    """A row of the thumbnail, and the sum of its share of the image's rows, for one channel."""
    y, channel = tl.program_id(0), tl.program_id(1)
    index = tl.program_id(2).to(tl.int64)
    plane = index * 3 + channel
    image += index * stride_b + channel * stride_c
    x = tl.arange(0, BLOCK)
    inside = x < SIDE
    left = tl.load(first_column + x, mask=inside, other=0)
    top = tl.load(first_row + y)
    value = tl.zeros((BLOCK,), tl.float32)
    for row in range(row_taps):
        source = image + (top + row) * stride_y + left * stride_x
        halfway = tl.zeros((BLOCK,), tl.float32)
        for column in range(column_taps):
            pixel = tl.load(source + column * stride_x, mask=inside, other=0).to(tl.float32)
            halfway += tl.load(column_weight + column * SIDE + x, mask=inside, other=0) * pixel
        value += tl.load(row_weight + row * SIDE + y) * halfway
    tl.store(thumbnail + (plane * SIDE + y) * SIDE + x, value, mask=inside)
    total = tl.zeros((BLOCK,), tl.float32)
    for row in range(y * height // SIDE, (y + 1) * height // SIDE):
        for start in range(0, width, BLOCK):
            pixel = tl.load(image + row * stride_y + (start + x) * stride_x,
                            mask=start + x < width, other=0)
            total += pixel.to(tl.float32)
    tl.store(sums + plane * SIDE + y, tl.sum(total, 0))


def thumbnail_and_mean(image: Tensor) -> ThumbnailAndMean:
    """See `Backend`."""
    batch, _, height, width = image.shape
    thumbnail = image.new_empty(batch, 3, VIEW_SIDE_PX, VIEW_SIDE_PX, dtype=torch.float32)
    sums = image.new_empty(batch, 3 * VIEW_SIDE_PX, dtype=torch.float32)
    with torch.cuda.device_of(image):  # Triton launches on the current device.
        _thumbnail_kernel[VIEW_SIDE_PX, 3, batch](
            image, *_taps_on(image.device, height, width), thumbnail, sums, height, width,
            *image.stride(), VIEW_SIDE_PX, BLOCK,
            enable_fp_fusion=True)  # no longer by itself from Triton 3.10 on
    return ThumbnailAndMean(thumbnail, sums.sum(dim=1, keepdim=True) / (3 * height * width))


@functools.lru_cache(maxsize=64)
def _taps_on(device: torch.device, height: int,
             width: int) -> tuple[Tensor, Tensor, int, Tensor, Tensor, int]:
    """For rows and columns: the first input, the weights (taps, 224), and the number of taps."""
    def moved(axis: Taps) -> tuple[Tensor, Tensor, int]:
        return (torch.from_numpy(axis.first).to(device, torch.int32),
                torch.from_numpy(axis.weight.T.copy()).to(device), axis.weight.shape[1])

    rows, columns = taps(height, width)
    return *moved(rows), *moved(columns)


# Of the result, for one program. Counted in the machine code for compute capability 9.0, four
# pixels of a row in one thread take the fewest instructions a pixel of 1, 2 and 4.
ROWS, COLUMNS, NUM_WARPS = 16, 256, 2


@triton.jit
def _filter_row(source, x, width, stride_x, outside, kernel, sum_0, sum_1, sum_2, sum_3):
    """Add one row of a channel to the five rows of the result that it is a part of.

    The sum of the first of them, `sum_0`, is complete now; the last one is begun.
    """
    complete, sum_0, sum_1, sum_2 = sum_0, sum_1, sum_2, sum_3
    sum_3 = tl.zeros_like(sum_3)
    for column in tl.static_range(5):
        source_x = x + (column - 2)
        inside = (source_x >= 0) & (source_x < width)
        value = tl.load(source + source_x * stride_x, mask=inside, other=0).to(tl.float32)
        value = tl.where(inside, value, outside)
        complete += tl.load(kernel + 20 + column) * value
        sum_0 += tl.load(kernel + 15 + column) * value
        sum_1 += tl.load(kernel + 10 + column) * value
        sum_2 += tl.load(kernel + 5 + column) * value
        sum_3 += tl.load(kernel + column) * value
    return complete, sum_0, sum_1, sum_2, sum_3


@triton.jit
def _warp_kernel(image, matrix, kernel, bias, border, lowest, highest, out, height, width,
                 image_stride_b, image_stride_c, image_stride_y, image_stride_x,
                 out_stride_b, out_stride_c, out_stride_y, out_stride_x,
                 ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """A block of one image, from top to bottom: every value is read for all the rows it is in."""
    index = tl.program_id(2).to(tl.int64)
    image += index * image_stride_b
    out += index * out_stride_b
    matrix += index * 9
    kernel += index * 25
    bias += index * 3
    top = tl.program_id(1) * ROWS
    x = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    outside_a = tl.load(border + index * 3)
    outside_b = tl.load(border + index * 3 + 1)
    outside_c = tl.load(border + index * 3 + 2)
    nothing = tl.zeros((COLUMNS,), tl.float32)
    a_0, a_1, a_2, a_3 = nothing, nothing, nothing, nothing
    b_0, b_1, b_2, b_3 = nothing, nothing, nothing, nothing
    c_0, c_1, c_2, c_3 = nothing, nothing, nothing, nothing
    for step in range(ROWS + 4):
        y = top + step - 2
        source = image + y * image_stride_y
        source_width = tl.where((y >= 0) & (y < height), width, 0)  # of a row outside, no pixels
        a, a_0, a_1, a_2, a_3 = _filter_row(source, x, source_width, image_stride_x, outside_a,
                                            kernel, a_0, a_1, a_2, a_3)
        source += image_stride_c
        b, b_0, b_1, b_2, b_3 = _filter_row(source, x, source_width, image_stride_x, outside_b,
                                            kernel, b_0, b_1, b_2, b_3)
        source += image_stride_c
        c, c_0, c_1, c_2, c_3 = _filter_row(source, x, source_width, image_stride_x, outside_c,
                                            kernel, c_0, c_1, c_2, c_3)
        y -= 2
        target = out + y * out_stride_y + x * out_stride_x
        target_width = tl.where((y >= top) & (y < height), width, 0)
        for channel in tl.static_range(3):
            entry = matrix + channel
            value = (tl.load(entry) * a + tl.load(entry + 3) * b + tl.load(entry + 6) * c
                     + tl.load(bias + channel))
            value = tl.minimum(tl.maximum(value, tl.load(lowest + channel)),
                               tl.load(highest + channel))
            tl.store(target + channel * out_stride_c, value, mask=x < target_width)


def warp(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
    """See `Backend`."""
    if folded.exponent is not None:
        return folded.with_curves_before(functools.partial(warp, dtype=dtype), image)
    out = torch.empty(image.shape, dtype=dtype, device=image.device)
    batch, _, height, width = image.shape
    grid = triton.cdiv(width, COLUMNS), triton.cdiv(height, ROWS), batch
    with torch.cuda.device_of(image):  # Triton launches on the current device.
        _warp_kernel[grid](image, *(part.contiguous() for part in folded[:-1]), out, height, width,
                           *image.stride(), *out.stride(), ROWS, COLUMNS, num_warps=NUM_WARPS,
                           enable_fp_fusion=True)  # no longer by itself from Triton 3.10 on
    return out
