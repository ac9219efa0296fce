"""Compiled loops for a CPU, where PyTorch's own operations are slow there; and random numbers.

Beside each place that calls one of them stand the tensor operations that other devices take.
"""
from torch import Tensor

from ...runtime.parallel import COMPILED_LOOPS
from .filter import correlate
from .geometry import remap, resample, shuffle_pixels
from .random import on_cpu, poisson, rand

__all__ = ['by_loops', 'correlate', 'on_cpu', 'poisson', 'rand', 'remap', 'resample',
           'shuffle_pixels']


def by_loops(image: Tensor) -> bool:
    """Whether images are for these loops: on a CPU, with Numba."""
    return COMPILED_LOOPS and on_cpu(image)
