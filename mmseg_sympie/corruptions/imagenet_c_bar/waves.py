"""Corruptions of ImageNet-C-bar made of waves."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import blur_each
from ..severity import per_image
from .draws import pixels, short_side, uniform


def single_frequency_greyscale(image: Tensor, severity: Tensor,
                               generator: torch.Generator) -> Tensor:
    """One plane sine wave added to all channels, its amplitude 19.6 level grey levels.

    One frequency, along rows or along columns, is up to pi radians a pixel, the other up to that.
    """
    amplitude = per_image((1.0, 1.5, 2.0, 4.5, 5.0), severity) * 19.6 / 255
    first = uniform(image, -torch.pi, torch.pi, generator)
    second = uniform(image, -1, 1, generator) * first.abs()
    swap = uniform(image, 0, 1, generator) < 0.5
    phase = uniform(image, 0, 2 * torch.pi, generator)
    row, column = pixels(image)
    wave = torch.sin(torch.where(swap, first, second) * row
                     + torch.where(swap, second, first) * column + phase)
    return (image.float() + amplitude * wave).clamp(0, 1)


def cocentric_sine_waves(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Wobbly rings around a point in the image, a sawtooth of 12.8 level grey levels in height.

    Rings are up to a tenth of the image side wide, and wobble as much, up to ten times around.
    """
    height = per_image((3.0, 5.0, 8.0, 9.0, 10.0), severity) * 12.8 / 255
    row, column = pixels(image)
    down = row - uniform(image, 0, image.shape[-2], generator)
    right = column - uniform(image, 0, image.shape[-1], generator)
    lobes = uniform(image, 0, 10, generator)
    wobble_px = uniform(image, 0, short_side(image) / 10, generator)
    ring_px = uniform(image, 0, short_side(image) / 10, generator).clamp(min=1e-6)
    radius_px = torch.hypot(down, right) + wobble_px * torch.sin(torch.atan2(right, down) * lobes)
    rings = radius_px / ring_px
    return (image.float() + height * (rings - rings.floor() - 0.5)).clamp(0, 1)


def caustic_refraction(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """The image seen through water whose surface is a pattern of caustics, and lit from a side.

    A ray meets the slope of the surface, smoothed with a deviation of one pixel, is refracted with
    an index of 4, and is off by its direction times 0.05 level of the image side; outside the image
    is black, the surface there zero. The light added is 0.2 level times the slope down and left.
    Where the surface is almost flat (the cosine of its tilt is 0.999 or more) nothing is refracted.
    For the smoothing the border is repeated where the published one is mirrored.
    """
    level = per_image((2.35, 3.2, 4.9, 6.6, 9.15), severity)
    time = uniform(image, 0.5, 2, generator)
    tile_px = uniform(image, 0.75, 1.25, generator) * short_side(image)
    row, column = pixels(image)
    surface = blur_each(caustics(row / tile_px, column / tile_px, time),
                        torch.ones_like(time), radius=4)
    surface = F.pad(surface, (1, 1, 1, 1))
    slope_y = surface[..., 2:, 1:-1] - surface[..., :-2, 1:-1]
    slope_x = surface[..., 1:-1, 2:] - surface[..., 1:-1, :-2]
    offset = refracted(slope_y, slope_x) * 0.05 * level * short_side(image)
    height, width = image.shape[-2:]
    # Pixel centres are at (2 i + 1) / N - 1 for grid_sample.
    grid = torch.stack([(2 * (column + offset[:, 1:]) + 1) / width - 1,
                        (2 * (row + offset[:, :1]) + 1) / height - 1], dim=-1)
    seen = F.grid_sample(image.float(), grid[:, 0], align_corners=False)
    return (seen + 0.2 * level * (slope_y - slope_x)).clamp(0, 1)


def refracted(slope_y: Tensor, slope_x: Tensor) -> Tensor:
    """Row and column part (B, 2, H, W) of a vertical ray's direction behind a tilted surface.

    For the unit normal n and the tilt's cosine c, Snell's law with an index of 4 leaves
    `n_yx (sqrt(1 - (1 - c^2) / 16) - c / 4)`.

    Args:
        slope_y: (B, 1, H, W); the normal is (slope_y, slope_x, 1), normalised.
        slope_x: likewise.
    """
    cosine = torch.rsqrt(1 + slope_y ** 2 + slope_x ** 2)
    bend = cosine * (torch.sqrt(1 - (1 - cosine ** 2) / 16) - cosine / 4)
    bend = torch.where(cosine < 0.999, bend, 0.0)
    return torch.cat([slope_y, slope_x], dim=1) * bend


def caustics(row: Tensor, column: Tensor, time: Tensor) -> Tensor:
    """Light under moving water on [0, 1], (B, 1, H, W): the benchmark's five-step tiled pattern.

    Args:
        row: (B, 1, H, 1), in tiles.
        column: (B, 1, 1, W), likewise.
        time: (B, 1, 1, 1).
    """
    # Angles are the published ones (which start at -250) plus 40 turns: float32 keeps more of them.
    turns = 80 * math.pi - 250
    row, column = (2 * torch.pi * (part % 1) + turns for part in (row, column))
    dim_y, dim_x = ((0.005 * (part - 80 * math.pi)) for part in (row, column))
    down, right, light = row, column, row.new_ones(())
    for step in range(1, 6):
        moment = time * (1 - 3.5 / step)
        down, right = (row + torch.cos(moment - down) + torch.sin(moment + right),
                       column + torch.sin(moment - right) + torch.cos(moment + down))
        light = light + 1 / torch.hypot(dim_y / torch.sin(down + moment),
                                        dim_x / torch.cos(right + moment))
    return (1.17 - (light / 5) ** 1.4).abs().pow(8).clamp(max=1)
