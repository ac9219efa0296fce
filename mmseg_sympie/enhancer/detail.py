"""Detail: what pixels differ by from the mean of the 3x3 around them."""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.device_constants import constant
from .grid import grid_steps

DETAIL_GRID = 64  # points along each side: the root mean square is known to a few percent
LIMIT = 1.5  # times the detail of the raw image: noise is a part of it
LEAST_255 = 0.1  # what is less counts as this much
_CENTRE = tuple(float(index == 12) for index in range(25))


class Detail(NamedTuple):
    """At each point of a grid over B images, on 0..255 in their channel order."""

    mean: Tensor        # (B, 3, h, w), of the 3x3 pixels around; beyond the border, those at it
    difference: Tensor  # (B, 3, h, w), from there to the pixel

    @classmethod
    def of(cls, image: Tensor) -> 'Detail':
        """From images (B, 3, H, W) on 0..255."""
        rows, columns = (
            torch.cat([torch.arange(0, side, step, device=image.device) + offset
                       for offset in (-1, 0, 1)]).clamp(0, side - 1)
            for side, step in zip(image.shape[-2:], grid_steps(image, DETAIL_GRID)))
        around = image.index_select(2, rows).index_select(3, columns).float()
        around = around.unflatten(3, (3, -1)).unflatten(2, (3, -1))  # (B, 3, 3, h, 3, w)
        mean = around.mean(dim=2).mean(dim=3)  # Of both at once it takes eight times as long.
        return cls(mean, around[:, :, 1, :, 1] - mean)


def root_mean_square(difference: Tensor, weights: Tensor | None = None) -> Tensor:
    """(B,): of the grey of differences (B, 3, h, w), in grey levels.

    Args:
        difference: as in `Detail`.
        weights: (B, 3) of the channels; by default a third each.
    """
    difference = difference.flatten(2)
    grey = (difference.mean(dim=1) if weights is None else
            (weights[:, None] @ difference).squeeze(1))
    return grey.square().mean(dim=1).clamp(min=LEAST_255 ** 2).sqrt()


def filtered_twice(kernel: Tensor, factor: Tensor) -> Tensor:
    """One filter (B, 5, 5) for kernels (B, 5, 5) and then detail multiplied by factors (B,).

    What would reach beyond 5x5 is added to the centre.
    """
    spread = F.avg_pool2d(kernel[:, None], 3, stride=1, padding=1)[:, 0]
    rest = kernel.sum(dim=(1, 2)) - spread.sum(dim=(1, 2))
    spread = spread + rest[:, None, None] * constant(_CENTRE, kernel).view(5, 5)
    return spread + factor[:, None, None] * (kernel - spread)
