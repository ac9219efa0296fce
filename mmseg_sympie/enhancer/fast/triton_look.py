"""The look at an image on a GPU: one kernel for thumbnail and mean of raw pixels."""
import functools

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..nem import VIEW_SIDE_PX
from .look import Look, taps

BLOCK = 256  # pixels of a row at a time, at least VIEW_SIDE_PX


@triton.jit
def _look_kernel(image, first_row, row_weight, row_taps, first_column, column_weight, column_taps,
                 thumbnail, sums, height, width, stride_b, stride_c, stride_y, stride_x,
                 SIDE: tl.constexpr, BLOCK: tl.constexpr):
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


def look_triton(image: Tensor) -> Look:
    """`look` at uint8 or float images (B, 3, H, W) of any layout, none of them a long strip."""
    batch, _, height, width = image.shape
    thumbnail = image.new_empty(batch, 3, VIEW_SIDE_PX, VIEW_SIDE_PX, dtype=torch.float32)
    sums = image.new_empty(batch, 3 * VIEW_SIDE_PX, dtype=torch.float32)
    with torch.cuda.device_of(image):  # Triton launches on the current device.
        _look_kernel[VIEW_SIDE_PX, 3, batch](
            image, *_taps_on(image.device, height, width), thumbnail, sums, height, width,
            *image.stride(), VIEW_SIDE_PX, BLOCK,
            enable_fp_fusion=True)  # no longer by itself from Triton 3.10 on
    return Look(thumbnail, sums.sum(dim=1, keepdim=True) / (3 * height * width))


@functools.lru_cache(maxsize=64)
def _taps_on(device: torch.device, height: int,
             width: int) -> tuple[Tensor, Tensor, int, Tensor, Tensor, int]:
    """For rows and columns: the first input, the weights (taps, 224), and the number of taps."""
    return tuple(part for first, weight in taps(height, width) for part in (
        torch.from_numpy(first).to(device, torch.int32),
        torch.from_numpy(weight.T.copy()).to(device), weight.shape[1]))
