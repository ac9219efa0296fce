"""Corruptions of ImageNet-C-bar with light that bursts from points."""

import torch
from torch import Tensor

from ..severity import per_image
from .draws import pixels, short_side, uniform

_MAX_RAYS = 199


def sparkles(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Five white sparkles anywhere in the image, of radius 0.01 level of the image side."""
    radius_px = 0.01 * per_image((1.0, 2.0, 3.0, 5.0, 6.0), severity) * short_side(image)
    kept = torch.ones(len(image), 1, *image.shape[-2:], device=image.device)
    for _ in range(5):
        num_rays, lengths_px = _rays(image, radius_px, generator)
        kept *= 1 - glow(image, _point(image, 0, 1, generator), num_rays, lengths_px.clamp(min=1),
                         exponent=torch.ones_like(radius_px))
    return torch.lerp(torch.ones_like(kept), image.float(), kept).clamp(0, 1)


def inverse_sparkles(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """White all around one ragged hole of radius 0.25 of the image side, near the centre.

    What is left of the image falls with the distance d as `d ** -(0.26 level)`.
    """
    exponent = 0.13 * per_image((1.0, 2.0, 4.0, 9.0, 10.0), severity)
    radius_px = torch.full_like(exponent, 0.25 * short_side(image))
    num_rays, lengths_px = _rays(image, radius_px, generator)
    kept = glow(image, _point(image, 0.25, 0.75, generator), num_rays, lengths_px, exponent)
    return torch.lerp(torch.ones_like(kept), image.float(), kept).clamp(0, 1)


def glow(image: Tensor, point: tuple[Tensor, Tensor], num_rays: Tensor, lengths_px: Tensor,
         exponent: Tensor) -> Tensor:
    """Light of a sparkle, (B, 1, H, W) on [0, 1]: 1 near the point, falling off beyond the rays.

    `(length^2 / distance^2) ** exponent`, with the length between those of the two nearest rays;
    a ray itself has three quarters of the light in the middle between two.

    Args:
        image: for the size, (B, 3, H, W).
        point: row and column, (B, 1, 1, 1) each.
        num_rays: (B, 1, 1, 1), evenly around the point.
        lengths_px: (B, R), R >= num_rays.
        exponent: (B, 1, 1, 1).
    """
    down, right = (pixel - centre for pixel, centre in zip(pixels(image), point))
    turn = (torch.atan2(right, down) / (2 * torch.pi) + 0.5) * num_rays
    ray = turn.long()
    between = turn - ray
    length, following = (lengths_px.gather(1, (index % num_rays).flatten(1)).view_as(turn)
                         for index in (ray, ray + 1))
    length = length + between * (following - length)
    light = (length ** 2 / (down ** 2 + right ** 2 + 1e-4)) ** exponent
    return (light * (1 - (between - 0.5) ** 2)).clamp(0, 1)


def _point(image: Tensor, low: float, high: float, generator: torch.Generator) -> tuple:
    return tuple(uniform(image, low * size, high * size, generator) for size in image.shape[-2:])


def _rays(image: Tensor, radius_px: Tensor, generator: torch.Generator) -> tuple:
    """50 to 199 rays, whose lengths spread by a quarter of the radius."""
    num_rays = torch.randint(50, _MAX_RAYS + 1, (len(image), 1, 1, 1), generator=generator,
                             device=image.device)
    spread = torch.randn(len(image), _MAX_RAYS, generator=generator, device=image.device)
    return num_rays, radius_px.flatten(1) * (1 + 0.25 * spread)
