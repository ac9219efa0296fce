"""The folded warp on a GPU: one kernel from raw pixels to the segmentor's input."""
import torch
import triton
import triton.language as tl
from torch import Tensor

from .folding import FoldedWarp

BLOCK_HEIGHT, BLOCK_WIDTH = 8, 128


@triton.jit
def _warp_kernel(image, matrix, kernel, bias, border, lowest, highest, out, height, width,
                 image_stride_b, image_stride_c, image_stride_y, image_stride_x,
                 out_stride_b, out_stride_c, out_stride_y, out_stride_x,
                 BLOCK_HEIGHT: tl.constexpr, BLOCK_WIDTH: tl.constexpr):
    """One block of one image. Neighbouring blocks share their halo of two pixels in the cache."""
    index = tl.program_id(2).to(tl.int64)
    y = (tl.program_id(1) * BLOCK_HEIGHT + tl.arange(0, BLOCK_HEIGHT))[:, None]
    x = (tl.program_id(0) * BLOCK_WIDTH + tl.arange(0, BLOCK_WIDTH))[None, :]
    image += index * image_stride_b
    first = tl.zeros((BLOCK_HEIGHT, BLOCK_WIDTH), tl.float32)
    second = tl.zeros((BLOCK_HEIGHT, BLOCK_WIDTH), tl.float32)
    third = tl.zeros((BLOCK_HEIGHT, BLOCK_WIDTH), tl.float32)
    outside_0 = tl.load(border + index * 3)
    outside_1 = tl.load(border + index * 3 + 1)
    outside_2 = tl.load(border + index * 3 + 2)
    for row in tl.static_range(5):
        for column in tl.static_range(5):
            weight = tl.load(kernel + index * 25 + row * 5 + column)
            source_y = y + (row - 2)
            source_x = x + (column - 2)
            inside = (source_y >= 0) & (source_y < height) & (source_x >= 0) & (source_x < width)
            source = image + source_y * image_stride_y + source_x * image_stride_x
            value = tl.load(source, mask=inside, other=0).to(tl.float32)
            first += weight * tl.where(inside, value, outside_0)
            value = tl.load(source + image_stride_c, mask=inside, other=0).to(tl.float32)
            second += weight * tl.where(inside, value, outside_1)
            value = tl.load(source + 2 * image_stride_c, mask=inside, other=0).to(tl.float32)
            third += weight * tl.where(inside, value, outside_2)
    target = out + index * out_stride_b + y * out_stride_y + x * out_stride_x
    for channel in tl.static_range(3):
        entry = matrix + index * 9 + channel
        value = (tl.load(entry) * first + tl.load(entry + 3) * second + tl.load(entry + 6) * third
                 + tl.load(bias + index * 3 + channel))
        value = tl.minimum(tl.maximum(value, tl.load(lowest + channel)),
                           tl.load(highest + channel))
        tl.store(target + channel * out_stride_c, value, mask=(y < height) & (x < width))


def warp_triton(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
    """The folded warp of `warp_folded`, in one pass over the image.

    Args:
        image: (B, 3, H, W), uint8 or float on 0..255, of any layout.
        dtype: floating-point type of the result.
    """
    out = torch.empty(image.shape, dtype=dtype, device=image.device)
    batch, _, height, width = image.shape
    grid = triton.cdiv(width, BLOCK_WIDTH), triton.cdiv(height, BLOCK_HEIGHT), batch
    with torch.cuda.device_of(image):  # Triton launches on the current device.
        _warp_kernel[grid](image, *(part.contiguous() for part in folded), out, height, width,
                           *image.stride(), *out.stride(), BLOCK_HEIGHT, BLOCK_WIDTH)
    return out
