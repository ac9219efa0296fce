"""What weather, night and a camera's automatics do to a picture of a street (not in the papers).

Every function takes `image` (B, 3, H, W), RGB on [0, 1]; `severity` (B,), integers 1 to 5; and a
`generator` of the image's device. It returns float32 (B, 3, H, W) on [0, 1], the input untouched.
Random numbers are uniform, one draw for each image. `low_light` is the seventh of the kind.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.device_constants import constant
from .severity import per_image

CAST = (0.1, 0.2, 0.3, 0.45, 0.6)       # natural logarithm of a channel's gain
EXPOSURE = (0.2, 0.4, 0.6, 0.8, 1.0)    # likewise, of all channels
GAMMA = (0.1, 0.2, 0.3, 0.4, 0.5)
AIRLIGHT = (0.3, 0.45, 0.6, 0.7, 0.8)   # share of the light of the air, at the horizon
GLARE = (0.15, 0.25, 0.4, 0.55, 0.7)
MIRROR = (0.15, 0.25, 0.35, 0.45, 0.55)
VEIL = (0.1, 0.2, 0.3, 0.4, 0.5)
HORIZON = 0.4  # of the image's height, about where it is for a camera behind a windscreen


def colour_cast(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Each channel gets a gain of its own, as by sodium lamps or a wrong white balance."""
    gain = per_image(CAST, severity) * _uniform(image, generator, channels=3)
    return (image.float() * gain.exp()).clamp(0, 1)


def exposure(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """A gain, which clips what is brighter than white, then another tone curve."""
    gain = (per_image(EXPOSURE, severity) * _uniform(image, generator)).exp()
    gamma = (per_image(GAMMA, severity) * _uniform(image, generator)).exp()
    return (image.float() * gain).clamp(0, 1) ** gamma


def airlight(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Fog after Koschmieder: what is far away gives way to the grey light of the air.

    Distance is that of a flat road below the horizon, and without end above it.
    """
    air = 0.6 + 0.15 * _uniform(image, generator) + 0.03 * _uniform(image, generator, channels=3)
    below = (_rows(image) - HORIZON).clamp(min=0) / (1 - HORIZON)
    share = per_image(AIRLIGHT, severity) * torch.exp(-1.5 * below)
    return torch.lerp(image.float(), air.expand_as(image), share.expand_as(image)).clamp(0, 1)


def low_sun(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """A warm glare around a point at the horizon, and the camera's answer: less exposure."""
    columns = torch.linspace(0, 1, image.shape[3], device=image.device)
    place = 0.5 + 0.4 * _uniform(image, generator)
    distance = (columns - place) ** 2 + (_rows(image) - HORIZON / 2) ** 2
    strength = per_image(GLARE, severity)
    glare = strength * (torch.exp(-distance / 0.05) + 0.3)
    image = image.float()
    warm = constant((1.0, 0.9, 0.75), image).view(3, 1, 1)
    return (image * (1 - 0.7 * strength) + glare * warm).clamp(0, 1)


def wet_glare(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """A wet road mirrors what is above the horizon, blurred along the image's height."""
    image = image.float()
    height = image.shape[2]
    horizon = int(HORIZON * (height - 1))
    rows = (2 * horizon - torch.arange(height, device=image.device)).clamp(0, horizon)
    mirrored = image[:, :, rows]
    side = max(1, height // 16) | 1
    mirrored = F.avg_pool2d(F.pad(mirrored, (0, 0, side // 2, side // 2), 'replicate'), (side, 1),
                            stride=1)
    wet = (_rows(image) > HORIZON) * per_image(MIRROR, severity)
    return torch.lerp(0.8 * image * wet + image * (1 - wet), mirrored, wet.expand_as(image)).clamp(
        0, 1)


def snow_veil(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Falling snow that is out of focus: soft white spots, and contrast lost to their light."""
    image, veil = image.float(), per_image(VEIL, severity)
    coarse = torch.rand(len(image), 1, 24, 32, generator=generator, device=image.device)
    spots = F.interpolate((coarse > 0.8).float(), image.shape[2:], mode='bicubic',
                          align_corners=False).clamp(0, 1)
    return torch.lerp(image, torch.full_like(image, 0.85),
                      (veil * (0.5 + 0.5 * spots)).expand_as(image)).clamp(0, 1)


def _uniform(image: Tensor, generator: torch.Generator, channels: int = 1) -> Tensor:
    """Numbers on [-1, 1], (B, channels, 1, 1)."""
    return torch.rand(len(image), channels, 1, 1, generator=generator,
                      device=image.device) * 2 - 1


def _rows(image: Tensor) -> Tensor:
    """The height of each row, 0 above and 1 below, (H, 1)."""
    return torch.linspace(0, 1, image.shape[2], device=image.device)[:, None]
