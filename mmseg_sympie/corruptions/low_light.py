"""Dusk as a camera sees it (not in the papers)."""
import torch
from torch import Tensor

from .severity import per_image

EXPOSURE = (0.5, 0.25, 0.125, 0.0625, 0.03125)  # of the light of the image
GAMMA = 2.2
LARGEST_CONTRAST = 2.0
WHITE_ELECTRONS, READ_ELECTRONS = 5000, 3


def low_light(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Halve the light once for each severity, most where it is dark, with noise and in 8 bits.

    `darken` divides all grey levels alike, so that brightening gives the clean image back. Under a
    sky that is still bright the street is darker than that: grey levels are raised to a random
    power of 1 to `LARGEST_CONTRAST` first. A network that has not seen this takes the contrast for
    noise and smooths it. What noise of photons and of reading out there is, is far less than
    ImageNet-C's.

    Args:
        image: (B, 3, H, W), RGB on [0, 1].
        severity: (B,), integers 1 to 5.
        generator: of the image's device.

    Returns:
        float32 (B, 3, H, W) on [0, 1], multiples of 1 / 255.
    """
    chance = torch.rand(len(image), 1, 1, 1, generator=generator, device=image.device)
    grey = image.float().clamp(0, 1) ** (1 + (LARGEST_CONTRAST - 1) * chance)
    electrons = WHITE_ELECTRONS * per_image(EXPOSURE, severity) * grey ** GAMMA
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    # Photons are many: their Poisson distribution is normal to the eye.
    electrons += noise * (electrons + READ_ELECTRONS ** 2).sqrt()
    grey = (electrons / WHITE_ELECTRONS).clamp(0, 1) ** (1 / GAMMA)
    return (grey * 255).round() / 255
