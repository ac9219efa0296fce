"""Affine colour maps: one 3x3 matrix and one offset for all pixels of an image."""
import functools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .matrices import identity_like

MAX_GAIN = 16.0  # of any colour: a flat image holds nothing but noise
NO_TINT_255 = 1e-3  # squared, on 0..255: with it the ratio of two tints is finite for grey


def in_full_precision(function: Callable) -> Callable:
    """Switch autocast off: in half precision, products of grey levels are levels off."""
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        with torch.autocast('cpu', enabled=False), torch.autocast('cuda', enabled=False):
            return function(*args, **kwargs)
    return wrapped


class ColourMap(NamedTuple):
    """`y[c] = sum_d matrix[d, c] x[d] + offset[c]` for each pixel x, RGB on 0..255."""

    matrix: Tensor  # (B, 3, 3), row = input channel
    offset: Tensor  # (B, 3), on 0..255

    @classmethod
    def gain(cls, gain: Tensor, offset: Tensor) -> 'ColourMap':
        """Each channel by itself; gain and offset (B, 3)."""
        # Not by `torch.diag_embed`, which cannot be exported to ONNX.
        return cls(gain[..., None] * identity_like(gain), offset)

    @in_full_precision
    def apply(self, image: Tensor) -> Tensor:
        """To images (B, 3, H, W), RGB on 0..255; not clamped."""
        matrix, offset = (part.to(image.dtype) for part in self)
        # Not `matrix.mT`, which cannot be exported to ONNX.
        mapped = torch.baddbmm(offset[..., None], matrix.transpose(1, 2), image.flatten(2))
        return mapped.view(image.shape)

    def towards_identity(self, strength: Tensor | float) -> 'ColourMap':
        """`x + strength (y - x)`; strength is a number, or (B, 1) with one for each image."""
        identity = identity_like(self.offset)
        share = strength[..., None] if isinstance(strength, Tensor) else strength
        return ColourMap(identity + share * (self.matrix - identity), strength * self.offset)
