"""Correlations with one kernel for each image."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from . import cpu

# Of kernels that a GPU takes tap by tap; larger ones go through the frequency domain.
MOST_TAPS = 64


def correlate(padded: Tensor, kernel: Tensor) -> Tensor:
    """Correlate each image with its kernel, where both overlap fully.

    Args:
        padded: (B, C, H + h - 1, W + w - 1), float32.
        kernel: (B, 1, h, w), float32.

    Returns:
        (B, C, H, W).
    """
    if cpu.by_loops(padded):
        return cpu.correlate(padded, kernel)
    by = correlate_directly if kernel[0].numel() <= MOST_TAPS else correlate_by_fft
    return by(padded, kernel)


def correlate_directly(padded: Tensor, kernel: Tensor) -> Tensor:
    """`correlate` as a grouped convolution."""
    batch = len(padded)
    if batch == 1:  # As one group, a GPU would compute it in TF32.
        padded, kernel = (tensor.expand(2, -1, -1, -1) for tensor in (padded, kernel))
    return F.conv2d(padded.transpose(0, 1), kernel, groups=len(padded)).transpose(0, 1)[:batch]


def correlate_by_fft(padded: Tensor, kernel: Tensor) -> Tensor:
    """`correlate` as a product of spectra."""
    size = [_fast_length(length) for length in padded.shape[2:]]
    product = torch.fft.rfft2(padded, s=size).mul_(torch.fft.rfft2(kernel, s=size).conj())
    height, width = (have - taps + 1 for have, taps in zip(padded.shape[2:], kernel.shape[2:]))
    return torch.fft.irfft2(product, s=size)[..., :height, :width]


def _fast_length(length: int) -> int:
    """The next length that is a product of 2, 3 and 5, for which FFTs are fast."""
    while pow(30, 32, length):
        length += 1
    return length


def filter_each(image: Tensor, kernel: Tensor) -> Tensor:
    """Correlate each image with its kernel; the border is repeated outwards.

    Args:
        image: (B, C, H, W).
        kernel: (B, 1, h, w) or (1, 1, h, w), odd sides.
    """
    height, width = kernel.shape[2:]
    padded = F.pad(image, (width // 2,) * 2 + (height // 2,) * 2, mode='replicate')
    return correlate(padded, kernel.expand(len(image), -1, -1, -1))


def blur_each(image: Tensor, sigma: Tensor, radius: int, deviations: float = math.inf) -> Tensor:
    """Gaussian blur of each image.

    Args:
        image: (B, C, H, W).
        sigma: (B, 1, 1, 1) in pixels.
        radius: pixels after which the kernel ends.
        deviations: multiples of sigma after which it ends, too, rounded to whole pixels.
    """
    x = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-x.square() / (2 * sigma.square()))
    kernel = kernel * (x.abs() <= deviations * sigma + 0.5)
    kernel = kernel / kernel.sum(dim=3, keepdim=True)
    return filter_each(filter_each(image, kernel), kernel.transpose(2, 3))


def line_kernel(weight: Tensor, angle: Tensor) -> Tensor:
    """A straight line through the middle, drawn on whole pixels.

    Args:
        weight: (B, n) along the line, n odd.
        angle: (B,) in radians, counterclockwise from the right.

    Returns:
        (B, 1, n, n), each with sum 1.
    """
    batch, side = weight.shape
    step = torch.arange(side, device=weight.device) - side // 2
    column = (step * angle.cos()[:, None]).round().long() + side // 2
    row = (-step * angle.sin()[:, None]).round().long() + side // 2
    kernel = torch.zeros_like(weight).repeat(1, side).scatter_add_(
        1, row * side + column, weight / weight.sum(dim=1, keepdim=True))
    return kernel.view(batch, 1, side, side)
