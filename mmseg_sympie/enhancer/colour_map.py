"""Affine colour maps: one 3x3 matrix and one offset for all pixels of an image."""
import functools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..runtime.device_constants import constant


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
        return cls(gain[..., None] * _identity(gain), offset)

    @in_full_precision
    def apply(self, image: Tensor) -> Tensor:
        """To images (B, 3, H, W), RGB on 0..255; not clamped."""
        matrix, offset = (part.to(image.dtype) for part in self)
        # Not `matrix.mT`, which cannot be exported to ONNX.
        mapped = torch.baddbmm(offset[..., None], matrix.transpose(1, 2), image.flatten(2))
        return mapped.view(image.shape)

    def towards_identity(self, strength: Tensor | float) -> 'ColourMap':
        """`x + strength (y - x)`; strength is a number, or (B, 1) with one for each image."""
        identity = _identity(self.offset)
        share = strength[..., None] if isinstance(strength, Tensor) else strength
        return ColourMap(identity + share * (self.matrix - identity), strength * self.offset)


def _identity(like: Tensor) -> Tensor:
    return constant((1.0, 0, 0, 0, 1, 0, 0, 0, 1), like).view(3, 3)


def diagonal(matrix: Tensor) -> Tensor:
    """The three numbers on the diagonals of (..., 3, 3).

    `torch.diagonal` becomes branches in ONNX, one for each way to ask for it.
    """
    return (matrix * _identity(matrix)).sum(-1)


def inverse(matrix: Tensor) -> Tensor:
    """Invert 3x3 matrices (..., 3, 3), by cofactors.

    `torch.linalg.inv` cannot be recorded in a CUDA graph, nor exported to ONNX.
    """
    first, second, third = matrix.unbind(-2)
    cofactors = torch.stack([torch.linalg.cross(second, third), torch.linalg.cross(third, first),
                             torch.linalg.cross(first, second)], dim=-1)
    determinant = (first * cofactors[..., 0]).sum(-1)
    return cofactors / determinant[..., None, None]
