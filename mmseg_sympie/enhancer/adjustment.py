"""What is done to an image in closed form: tone curves, then a colour map, then a filter."""
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from .colour_map import ColourMap
from .tone import tone_curve

Number = TypeVar('Number', Tensor, float)


class Adjustment(NamedTuple):
    """Of B images. What is None is left out."""

    colour_map: ColourMap
    exponent: Tensor | None = None  # (B, 3), of `tone_curve`, before the colours
    detail: Tensor | None = None    # (B,), by which detail is multiplied, after them
    # (B,), of `source_match`: how much of it is done, by which what corrects it fades too
    foreignness: Tensor | None = None

    def apply_colours(self, image: Tensor) -> Tensor:
        """Tone curves and colour map to images (B, 3, H, W), RGB on 0..255; not clamped."""
        toned = image if self.exponent is None else tone_curve(image, self.exponent)
        return self.colour_map.apply(toned.to(image.dtype))

    def lerp(self, other: 'Adjustment', weight: float) -> 'Adjustment':
        """`(1 - weight) self + weight other`, both with the same parts."""
        def between(mine: Tensor | None, others: Tensor | None) -> Tensor | None:
            return None if mine is None or others is None else torch.lerp(mine, others, weight)

        colour_map = ColourMap(*(torch.lerp(mine, others, weight) for mine, others
                                 in zip(self.colour_map, other.colour_map)))
        return Adjustment(colour_map, between(self.exponent, other.exponent),
                          between(self.detail, other.detail))


def fade(squared_distance: Number, reach: float, variance: Number) -> Number:
    """Share of an adjustment for images so far from a source: `d^8 / (d^8 + 4) / reach`.

    Here d is the distance over the reach: at half of it 1/1025 is done, at one 1/5, at two 64/65,
    each over the reach. The further the source's own images reach, the less an image far from most
    is sure to be foreign. Times `v / (v + 1)`, with v the variance: an image of one colour has
    nothing to match.

    Args:
        squared_distance: from `squared_distance`, (B,) or a number.
        reach: of the source, 1 at least.
        variance: of the image on 0..255, likewise.
    """
    eighth = (squared_distance / reach ** 2) ** 4
    return eighth / (eighth + 4) / reach * variance / (variance + 1)
