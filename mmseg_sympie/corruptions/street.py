"""Street-scene corruptions of SyMPIE: low sun, night, dark and wrongly balanced images.

Every function takes `image` (B, 3, H, W), RGB on [0, 1]; `severity` (B,), integers 1 to 5; and a
`generator` of the image's device. It returns float32 (B, 3, H, W) on [0, 1], the input untouched.
The constants are grey levels on 0..255; random numbers are uniform, one draw for each image.
"""

import torch
from torch import Tensor

from ..runtime.device_constants import constant
from .severity import per_image

STRENGTH = (0.2, 0.4, 0.6, 0.8, 1.0)
HORIZON_RGB, HORIZON_SPREAD = (255, 192, 192), (0, 32, -32)  # between yellow and purple
NIGHT_RGB, NIGHT_SPREAD = (32, 32, 64), (0, 0, 24)
WHITE_POINT_SPREAD = 32


def darken(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Divide by severity + 1."""
    return (image.float() / per_image((2, 3, 4, 5, 6), severity)).clamp(0, 1)


def horizon(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Low sun: blend with the image times a warm colour, plus a tenth of that colour."""
    image = image.float()
    colour = _colour(HORIZON_RGB, HORIZON_SPREAD, image, generator)
    return torch.lerp(image, colour * image + colour / 10,
                      per_image(STRENGTH, severity)).clamp(0, 1)


def night(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Night: blend with the image times a dark blue, plus a fifth of the image without light.

    That one is the image where pixels with a mean above 128 are inverted: skies become dark.
    """
    image = image.float()
    colour = _colour(NIGHT_RGB, NIGHT_SPREAD, image, generator)
    # Sums of whole grey levels are exact, and so is the comparison.
    bright = (image * 255).sum(dim=1, keepdim=True) > 3 * 128
    inverted = torch.where(bright, 1 - image, image)
    return torch.lerp(image, 0.8 * colour * image + 0.2 * inverted,
                      per_image(STRENGTH, severity)).clamp(0, 1)


def white_point(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Wrong white balance: each channel's gain is off by up to 32 / 255."""
    image = image.float()
    shift = torch.rand(len(image), 3, 1, 1, generator=generator, device=image.device) * 2 - 1
    gain = 1 + per_image(STRENGTH, severity) * shift * (WHITE_POINT_SPREAD / 255)
    return (image * gain).clamp(0, 1)


def _colour(rgb_255: tuple[int, ...], spread_255: tuple[int, ...], image: Tensor,
            generator: torch.Generator) -> Tensor:
    """A colour for each image, (B, 3, 1, 1) on [0, 1]: `rgb + spread * u`, u on [-1, 1]."""
    u = torch.rand(len(image), 1, 1, 1, generator=generator, device=image.device) * 2 - 1
    rgb, spread = (constant(each, image).view(1, 3, 1, 1) / 255
                   for each in (rgb_255, spread_255))
    return rgb + spread * u
