"""Corruptions of ImageNet-C-bar that add or mix in smooth noise."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..severity import per_image
from .draws import pixels, short_side, uniform
from .spectrum import noise_of_spectrum


def brownish_noise(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Coloured noise of amplitude 1 / (1 + frequency^2), its deviation 6.4 level grey levels."""
    deviation = per_image((1.0, 2.0, 3.0, 4.0, 5.0), severity) * 6.4 / 255
    noise = noise_of_spectrum(image, 3, lambda frequency: 1 / (1 + frequency ** 2), generator)
    return (image.float() + deviation * noise).clamp(0, 1)


def plasma_noise(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Coloured plasma on [-1, 1]: `(1 - i) image + i plasma` with i = 6.4 level / 255.

    Structures are 0.075 to 0.2 of the image side.
    """
    strength = per_image((4.75, 7.0, 8.5, 9.25, 10.0), severity) * 6.4 / 255
    time = uniform(image, 0, 6 * torch.pi, generator)
    folds = torch.randint(4, 7, (len(image), 1, 1, 1), generator=generator, device=image.device)
    sharpness = uniform(image, 0.5, 1, generator)
    scale_px = uniform(image, 0.075, 0.2, generator) * short_side(image)
    row, column = pixels(image)
    noise = plasma(row / scale_px, column / scale_px, time, folds, sharpness)
    return ((1 - strength) * image.float() + strength * noise).clamp(0, 1)


def plasma(row: Tensor, column: Tensor, time: Tensor, folds: Tensor, sharpness: Tensor) -> Tensor:
    """Sine waves (B, 3, H, W) over a plane that four to six finer waves have folded.

    Args:
        row: (B, 1, H, 1), in units of the coarsest structure.
        column: (B, 1, 1, W), likewise.
        time: (B, 1, 1, 1), phase.
        folds: (B, 1, 1, 1), the number of finer waves.
        sharpness: (B, 1, 1, 1); the finer waves are damped less where it is larger.
    """
    row, column = torch.broadcast_tensors(row, column)
    frequency, slowness, damping = 1.0, 1.0, torch.ones_like(sharpness)
    for fold in range(6):
        sideways = torch.cos(row * frequency + time / slowness) / damping
        down = torch.sin(column * frequency + time / slowness) / damping
        active = fold < folds
        row = torch.where(active, row + down + 0.3 * sideways, row)
        column = torch.where(active, column + sideways - 0.3 * down, column)
        frequency, slowness = 1.93 * frequency, 1.15 * slowness
        damping = damping * (2.25 - sharpness)
    return torch.cat([torch.sin(column - time), torch.sin((column + row + time.sin()) / 2),
                      torch.sin(row + time)], dim=1)


def perlin_noise(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Grey turbulence mixed in: `(1 - a) image + a (1 + turbulence) / 2` with a = 0.05 level.

    Turbulence is the sum of |gradient noise| / f over the octaves f = 1, 2, 4, 8, 16, the coarsest
    with seven cells in the image side, of a pixel or more. The published gradients are 256 that
    return in another order from row to row, these are all drawn.
    """
    alpha = 0.05 * per_image((4.6, 5.2, 5.8, 7.6, 8.8), severity)
    pitch_px = max(short_side(image) / 7, 1)
    octaves = (1, 2, 4, 8, 16)
    height, width = image.shape[-2:]
    lattice = [_num_points(size, pitch_px / octaves[-1]) for size in (height, width)]
    # Normalised from a square, not a disc, as published: more diagonal gradients than others.
    gradients = F.normalize(uniform(image, -1, 1, generator, (2, *lattice)), dim=1)
    layers = [gradient_noise(height, width, pitch_px / f, gradients).abs() / f for f in octaves]
    turbulence = sum(layers[1:], layers[0])
    grey = (0.5 + 0.5 * turbulence[:, None]).clamp(max=1)
    return ((1 - alpha) * image.float() + alpha * grey).clamp(0, 1)


def gradient_noise(height: int, width: int, pitch_px: float, gradients: Tensor) -> Tensor:
    """Perlin's noise (B, height, width), times 1.5, on a lattice that starts at the first pixel.

    At (y, x) in units of the lattice it is `sum_ij w(y - i) w(x - j) (g_ij . (y - i, x - j))`,
    where w falls from 1 to 0 at the neighbour as 3t^2 - 2t^3. Both sums are separable, hence
    matrix products.

    Args:
        height: of the noise in pixels.
        width: likewise.
        pitch_px: distance of the lattice points.
        gradients: (B, 2, I, J), along rows and along columns; those beyond the image are left out.
    """
    weight_y, moment_y = _weights(height, pitch_px, gradients.device)
    weight_x, moment_x = _weights(width, pitch_px, gradients.device)
    down, right = gradients[:, :, :weight_y.shape[1], :weight_x.shape[1]].unbind(1)
    return 1.5 * (moment_y @ down @ weight_x.T + weight_y @ right @ moment_x.T)


def _num_points(size_px: int, pitch_px: float) -> int:
    return int((size_px - 1) / pitch_px) + 2


def _weights(size_px: int, pitch_px: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """w(y - i), and w(y - i) (y - i), for pixels y and lattice points i: (size_px, I) each."""
    position = torch.arange(size_px, device=device)[:, None] / pitch_px
    offset = position - torch.arange(_num_points(size_px, pitch_px), device=device)
    near = (1 - offset.abs()).clamp(min=0)
    weight = near ** 2 * (3 - 2 * near)
    return weight, weight * offset
