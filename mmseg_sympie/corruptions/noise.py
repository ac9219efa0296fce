"""ImageNet-C's noise (Hendrycks and Dietterich, ICLR 2019), independent for pixel and channel.

Every function takes image (B, 3, H, W) RGB on [0, 1], severity (B,) integers 1..5 and a generator
of the image's device, and returns a new float32 image of the same shape on [0, 1].
"""
import torch
from torch import Tensor

from . import cpu
from .severity import per_image

GAUSSIAN_STD = (0.08, 0.12, 0.18, 0.26, 0.38)  # on [0, 1]
PHOTONS_OF_WHITE = (60, 25, 12, 5, 3)
IMPULSE_SHARE = (0.03, 0.06, 0.09, 0.17, 0.27)  # of the values, half of them black, half white
SPECKLE_STD = (0.15, 0.2, 0.35, 0.45, 0.6)  # relative to the value


def gaussian_noise(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Add normal noise of one standard deviation (ImageNet-C): electronic noise in low light."""
    noise = _normal(image, generator).mul_(per_image(GAUSSIAN_STD, severity))
    return noise.add_(image).clamp_(0, 1)


def shot_noise(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Count photons, Poisson with a mean proportional to the value (ImageNet-C)."""
    photons = per_image(PHOTONS_OF_WHITE, severity)
    mean = image.float() * photons
    if cpu.by_loops(image):
        return cpu.poisson(mean, photons, generator).div_(photons)
    return torch.poisson(mean, generator=generator).div_(photons).clamp_(0, 1)


def impulse_noise(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Turn a share of the values into 0 or 1, equally likely (ImageNet-C): salt and pepper."""
    share = per_image(IMPULSE_SHARE, severity)
    chance = cpu.rand(*image.shape, generator=generator)
    # Beyond 0 and 1, which arithmetic is faster at than a choice for each value.
    beyond = (chance < share).float().add_(chance < share / 2, alpha=-2)
    return beyond.mul_(2).add_(image).clamp_(0, 1)


def speckle_noise(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Add normal noise proportional to the value (ImageNet-C, validation set)."""
    gain = _normal(image, generator).mul_(per_image(SPECKLE_STD, severity)).add_(1)
    return gain.mul_(image).clamp_(0, 1)


def _normal(image: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(image.shape, generator=generator, device=image.device)
