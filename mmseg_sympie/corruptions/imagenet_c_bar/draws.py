"""What the corruptions of ImageNet-C-bar draw for each image, and the pixels they look at."""
from collections.abc import Sequence

import torch
from torch import Tensor

from .. import cpu


def uniform(image: Tensor, low: float, high: float, generator: torch.Generator,
            shape: Sequence[int] = (1, 1, 1)) -> Tensor:
    """Independent numbers on [low, high) for each image of the batch, (B, *shape)."""
    numbers = cpu.rand(len(image), *shape, generator=generator)
    return low + (high - low) * numbers


def pixels(image: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (1, 1, H, 1) and columns (1, 1, 1, W), from 0."""
    height, width = image.shape[-2:]
    return (torch.arange(height, dtype=torch.float32, device=image.device).view(1, 1, -1, 1),
            torch.arange(width, dtype=torch.float32, device=image.device).view(1, 1, 1, -1))


def short_side(image: Tensor) -> int:
    """What stands for the side of the published, square images."""
    return min(image.shape[-2:])
