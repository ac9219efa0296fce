"""JPEG compression of ImageNet-C (Hendrycks and Dietterich, ICLR 2019)."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.io import decode_jpeg, encode_jpeg

from ..runtime.device_constants import constant
from . import cpu
from .severity import per_image

QUALITY = (25, 18, 15, 10, 7)
# libjpeg's scale of the quantisation tables, in percent, for a quality below 50.
SCALE = tuple(5000 // quality for quality in QUALITY)
# ITU-T T.81, Annex K: quantisation steps, rows from low to high vertical frequency.
LUMA_STEP = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99)
CHROMA_STEP = (
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    *[99] * 32)
# JFIF: RGB to Y, Cb and Cr, and Cb and Cr to what they add to Y in R, G and B.
RGB_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
CHROMA_TO_RGB = ((0, 1.402), (-0.344136, -0.714136), (1.772, 0))


def jpeg_compression(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """ImageNet-C JPEG: compressed at `QUALITY` and decompressed; rounded to 8 bits first.

    On a CPU by libjpeg, elsewhere by `code_on_device`.

    Args:
        image: (B, 3, H, W), RGB on [0, 1].
        severity: (B,), integers 1 to 5.
        generator: not used; every corruption takes one.

    Returns:
        (B, 3, H, W), float32, whole multiples of 1 / 255.
    """
    rgb = image.float().clamp(0, 1).mul_(255).round_()
    if not cpu.on_cpu(image):
        return code_on_device(rgb, severity).div_(255)
    return torch.stack([decode_jpeg(encode_jpeg(each, quality=QUALITY[level - 1]))
                        for each, level in zip(rgb.byte(), severity.tolist())]) / 255


def code_on_device(rgb: Tensor, severity: Tensor) -> Tensor:
    """Baseline JPEG as libjpeg does it by default, less its lossless part, without leaving the GPU.

    YCbCr, chroma at half the resolution, 8x8 cosine transform, quantisation, and all of it back,
    on whole grey levels. About 98% of the pixels equal libjpeg's: its fixed-point transform rounds
    some to the next grey level, and rarely a coefficient to the next step.

    Args:
        rgb: (B, 3, H, W), float32, whole numbers on 0..255.
        severity: (B,), integers 1 to 5.

    Returns:
        (B, 3, H, W), float32, whole numbers on 0..255.
    """
    height, width = rgb.shape[-2:]
    # Like libjpeg: whole blocks across, but only an even number of rows before chroma is halved.
    rgb = F.pad(rgb, (0, -width % 16, 0, height % 2), mode='replicate')
    luma, chroma = _mix(rgb, RGB_TO_YCC).round().split([1, 2], dim=1)
    scale = per_image(SCALE, severity)
    luma = _code(luma - 128, LUMA_STEP, scale)[..., :height, :width] + 128
    chroma = _code(_halve(chroma.clamp(max=127)), CHROMA_STEP, scale)
    chroma = _double(chroma[..., :(height + 1) // 2, :(width + 1) // 2])[..., :height, :width]
    return (luma + _mix(chroma, CHROMA_TO_RGB)).round().clamp(0, 255)


def _mix(planes: Tensor, matrix: tuple) -> Tensor:
    """Multiply the channels (B, C, H, W) of each pixel by a matrix (D, C): (B, D, H, W)."""
    return (constant(matrix, planes) @ planes.flatten(2)).unflatten(2, planes.shape[2:])


def _code(planes: Tensor, step: tuple, scale: Tensor) -> Tensor:
    """Encode and decode planes: 8x8 blocks, cosine transform, quantisation, and back.

    Args:
        planes: (B, C, H, W), whole numbers on -128..127; W divides by 8.
        step: 64 quantisation steps.
        scale: (B, 1, 1, 1), of the steps, in percent.

    Returns:
        (B, C, H padded to a multiple of 8, W), whole numbers on -128..127.
    """
    planes = F.pad(planes, (0, 0, 0, -planes.shape[2] % 8), mode='replicate')
    steps = ((constant(step, planes).view(64, 1) * scale + 50) / 100).floor().clamp(1, 255)
    transform = _cosine_transform(planes.device)
    blocks = F.pixel_unshuffle(planes, 8)
    # libjpeg keeps eighths of a coefficient, then rounds halves away from zero: ties are frequent.
    eighths = (8 * transform @ blocks.unflatten(1, (-1, 64)).flatten(3)).round()
    level = ((eighths.abs() + 4 * steps) / (8 * steps)).floor().copysign(eighths)
    decoded = transform.T @ (level * steps)
    # Blocks of one colour often end on a half, which libjpeg rounds up; the excess is for float32.
    return F.pixel_shuffle((decoded + 0.501).floor().clamp(-128, 127).view_as(blocks), 8)


def _cosine_transform(device: torch.device) -> Tensor:
    """The orthonormal cosine transform of an 8x8 block in row-major order, as a (64, 64) matrix."""
    index = torch.arange(8, device=device)
    rows = torch.cos(index[:, None] * (index + 0.5) * (math.pi / 8)) / 2
    rows[0] /= math.sqrt(2)
    return torch.kron(rows, rows)


def _halve(planes: Tensor) -> Tensor:
    """Means of 2x2 pixels; halves are rounded down in even columns and up in odd ones."""
    return (F.avg_pool2d(planes, 2) + _dither(planes.shape[3] // 2, 0.25, 0.5, planes)).floor()


def _double(planes: Tensor) -> Tensor:
    """Twice the size with weights 9, 3, 3, 1; halves are rounded up in even columns, else down."""
    doubled = F.interpolate(planes, scale_factor=2, mode='bilinear', align_corners=False)
    return (doubled + _dither(doubled.shape[3], 0.5, 0.4375, planes)).floor()


def _dither(width: int, even: float, odd: float, planes: Tensor) -> Tensor:
    """Offsets (width,) before rounding down that differ between even and odd columns."""
    return constant((even, odd), planes).repeat((width + 1) // 2)[:width]
