"""Corruptions of ImageNet-C-bar that take pixels away."""
import torch
from torch import Tensor

from ..severity import per_image
from .draws import pixels, short_side, uniform
from .spectrum import noise_of_spectrum

_CELLS = 64  # The pattern repeats after so many cells: over six short sides or more.


def blue_noise_sample(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """PixelFormat black where blue noise is at most 0.3 level - 2.5 of its standard deviations."""
    threshold = 0.3 * per_image((0.8, 1.6, 2.4, 4.0, 5.6), severity) - 2.5
    noise = noise_of_spectrum(image, 1, lambda frequency: frequency, generator)
    return image.float() * (noise > threshold)


def checkerboard_cutout(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """A rotated checkerboard whose dark squares are grey (128) with a chance of level / 10.

    Squares are 0.1 to 0.25 of the image side. The published board starts at the image's corner,
    and counts squares towards zero, so that a few next to the axes share their draw.
    """
    chance = per_image((2.0, 3.0, 4.0, 5.0, 6.0), severity) / 10
    angle = uniform(image, 0, 2 * torch.pi, generator)
    square_px = (uniform(image, 0.1, 0.25, generator) * short_side(image)).clamp(min=1)
    chosen = uniform(image, 0, 1, generator, (_CELLS * _CELLS,)) < chance.flatten(1)
    row, column = pixels(image)
    down = ((angle.cos() * row + angle.sin() * column) / square_px).floor().long()
    right = ((angle.cos() * column - angle.sin() * row) / square_px).floor().long()
    cell = (down % _CELLS) * _CELLS + right % _CELLS
    cut = chosen.gather(1, cell.flatten(1)).view_as(cell) & ((down + right) % 2 == 0)
    return torch.where(cut, 128 / 255, image.float())
