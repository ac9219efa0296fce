"""Compiled loops for a CPU, where PyTorch's own operations are slow there; and random numbers.

Beside each place that calls one of them stand the tensor operations that other devices take.
"""
from .filter import correlate
from .geometry import remap, resample, shuffle_pixels
from .random import on_cpu, poisson, rand

__all__ = ['correlate', 'on_cpu', 'poisson', 'rand', 'remap', 'resample', 'shuffle_pixels']
