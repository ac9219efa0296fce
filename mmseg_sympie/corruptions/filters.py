"""Convolutions with one kernel for each image."""
import torch
import torch.nn.functional as F
from torch import Tensor


def filter_each(image: Tensor, kernel: Tensor) -> Tensor:
    """Correlate each single-channel image with its kernel; the border is repeated outwards.

    Args:
        image: (B, 1, H, W).
        kernel: (B, 1, h, w) or (1, 1, h, w), odd sides.
    """
    batch, (height, width) = len(image), kernel.shape[2:]
    padded = F.pad(image, (width // 2,) * 2 + (height // 2,) * 2, mode='replicate')
    kernel = kernel.expand(batch, -1, -1, -1)
    return F.conv2d(padded.transpose(0, 1), kernel, groups=batch).transpose(0, 1)


def blur_each(image: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Gaussian blur of each single-channel image.

    Args:
        image: (B, 1, H, W).
        sigma: (B, 1, 1, 1) in pixels.
        radius: pixels after which the kernel ends.
    """
    x = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-x.square() / (2 * sigma.square()))
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
