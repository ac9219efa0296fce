"""Random textures of weather: clouds of fog and crystals of frost, a batch at a time."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.device_constants import constant
from . import cpu
from .filters import filter_each, line_kernel

# Red, green, blue mean and deviation on 0..255 of the frost photographs that ImageNet-C draws
# from with equal probability (measured; its second and third are the same photograph, negative
# because its details are darker than the rest).
FROST_MEAN = ((78, 149, 166), (201, 205, 214), (201, 205, 214), (138, 153, 165), (112, 123, 135))
FROST_DEVIATION = ((27, 16, 15), (-21, -22, -23), (-21, -22, -23), (28, 28, 30), (44, 43, 42))


def plasma_fractal(size: int, decay: Tensor, generator: torch.Generator) -> Tensor:
    """Clouds by the diamond-square algorithm on a torus.

    Args:
        size: a power of two, the side of the square result.
        decay: (B, 1, 1, 1); the random displacement falls by its square from scale to scale.
        generator: of the device of `decay`.

    Returns:
        (B, 1, size, size), each stretched to [0, 1].
    """
    batch = len(decay)
    noise = cpu.rand(batch, 1, size, size, generator=generator) * 2 - 1
    height = noise.new_zeros(batch, 1, 1, 1)
    amplitude: Tensor | float = 1.0
    while (side := height.shape[-1]) < size:
        step = size // (2 * side)
        wobble = noise[..., ::step, ::step] * amplitude
        right, below = height.roll(-1, 3), height.roll(-1, 2)
        centre = (height + right + below + right.roll(-1, 2)) / 4 + wobble[..., 1::2, 1::2]
        finer = noise.new_empty(batch, 1, 2 * side, 2 * side)
        finer[..., ::2, ::2] = height
        finer[..., 1::2, 1::2] = centre
        finer[..., ::2, 1::2] = ((height + right + centre + centre.roll(1, 2)) / 4
                                 + wobble[..., ::2, 1::2])
        finer[..., 1::2, ::2] = ((height + below + centre + centre.roll(1, 3)) / 4
                                 + wobble[..., 1::2, ::2])
        height, amplitude = finer, amplitude / decay.square()
    height = height - height.amin((2, 3), keepdim=True)
    return height / height.amax((2, 3), keepdim=True).clamp(min=1e-12)


def frost_texture(batch: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Frost in the colours of one of five photographs, (B, 3, H, W), about [0, 1].

    Crystals are six-armed stars on random points, bent into ferns, over clouds of three scales;
    the shares make the variance grow with distance as it does in the photographs. Images larger
    than a photograph get larger crystals, as there.
    """
    device = generator.device
    scale = 1.1 * max(1.0, height / 350, width / 560)
    rows, columns = math.ceil(height / scale), math.ceil(width / scale)

    def clouds(period: int, channels: int = 1) -> Tensor:
        coarse = torch.randn(batch, channels, math.ceil(rows / period) + 1,
                             math.ceil(columns / period) + 1, generator=generator, device=device)
        down, across = (F.interpolate(torch.eye(coarse_side, device=device)[None], side,
                                      mode='linear', align_corners=True)[0]
                        for coarse_side, side in zip(coarse.shape[2:], (rows, columns)))
        return down.T @ (coarse @ across)

    straight = F.affine_grid(torch.eye(2, 3, device=device)[None], [1, 1, rows, columns],
                             align_corners=False)
    across, down = clouds(32, channels=2).unbind(1)
    bend = torch.stack([across * (24 / columns), down * (24 / rows)], dim=3)
    crystals = F.grid_sample(_crystals(batch, rows, columns, generator), straight + bend,
                             padding_mode='reflection', align_corners=False)
    pattern = (crystals * 1.1).add_(clouds(4), alpha=0.38).add_(clouds(32), alpha=0.45)
    pattern.add_(clouds(256), alpha=0.65)
    pattern = F.interpolate(pattern, (height, width), mode='bilinear', align_corners=False)
    look = torch.randint(len(FROST_MEAN), (batch,), generator=generator, device=device)
    mean, deviation = (constant(table, pattern)[look].view(batch, 3, 1, 1) / 255
                       for table in (FROST_MEAN, FROST_DEVIATION))
    return torch.addcmul(mean, deviation, pattern)


def _crystals(batch: int, rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Six-armed stars, turned at random for each image, with mean 0 and deviation 1."""
    density, device = 0.03, generator.device
    turn = torch.rand(batch, generator=generator, device=device) * (math.pi / 3)
    fading = torch.exp(-torch.arange(-12, 13, device=device).square() / (2 * 5 ** 2))
    arms = [line_kernel(fading.expand(batch, -1), turn + arm * math.pi / 3) for arm in range(3)]
    star = arms[0] + arms[1] + arms[2]
    seeds = cpu.rand(batch, 1, rows, columns, generator=generator)
    # The part of a uniform number below the density, stretched: few points, of any brightness.
    bright = (1 - seeds / density).clamp(min=0)
    mean, variance = density / 2, density / 3 - density ** 2 / 4
    scale = (variance * star.square().sum((2, 3), keepdim=True)).sqrt()
    return filter_each(bright - mean, star / scale)
