"""A short exposure, as a camera gives it (not in the papers)."""
import torch
from torch import Tensor

from .severity import per_image

EXPOSURE = (0.5, 0.25, 0.125, 0.0625, 0.03125)  # of the light of the image
GAMMA = 2.2
WHITE_ELECTRONS, READ_ELECTRONS = 5000, 3


def low_light(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Halve the light once for each severity: photon and read noise, black clipped, 8 bits.

    `darken` divides grey levels, so that brightening gives the clean image back. After dusk it
    gives back noise as well, far less of it than ImageNet-C's, and what needs no smoothing.

    Args:
        image: (B, 3, H, W), RGB on [0, 1].
        severity: (B,), integers 1 to 5.
        generator: of the image's device.

    Returns:
        float32 (B, 3, H, W) on [0, 1], multiples of 1 / 255.
    """
    electrons = WHITE_ELECTRONS * per_image(EXPOSURE, severity) * image.float().clamp(0, 1) ** GAMMA
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    # Photons are many: their Poisson distribution is normal to the eye.
    electrons += noise * (electrons + READ_ELECTRONS ** 2).sqrt()
    grey = (electrons / WHITE_ELECTRONS).clamp(0, 1) ** (1 / GAMMA)
    return (grey * 255).round() / 255
