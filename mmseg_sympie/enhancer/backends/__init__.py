"""Backends of the two passes over an image: its thumbnail and mean, and the folded warp.

`reference` runs everywhere; `compiled` (a CPU with Numba) and `triton_kernels` (Nvidia GPUs) give
the same within rounding. `backend` chooses. `compiled_match` is a part of the match to a source.
"""
import functools
import importlib.util
import os
import shutil
import sysconfig
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ...runtime.parallel import COMPILED_LOOPS
from ..folding import FoldedWarp
from ..thumbnail import ThumbnailAndMean


class Backend(Protocol):
    """What each module of this package has."""

    def thumbnail_and_mean(self, image: Tensor) -> ThumbnailAndMean:
        """Reduce images to their thumbnails (`view`) and means.

        Args:
            image: (B, 3, H, W), uint8 or float32, of any layout.
        """

    def warp(self, image: Tensor, folded: FoldedWarp,
             dtype: torch.dtype = torch.float32) -> Tensor:
        """Apply a folded warp.

        Args:
            image: (B, 3, H, W), uint8 or float32 on 0..255, of any layout.
            folded: for B images.
            dtype: floating-point type of the result.

        Returns:
            (B, 3, H, W), in the output format of the folded warp.
        """


def backend(device: torch.device) -> Backend:
    """Choose the fastest backend that works on a device."""
    # Numba and Triton need not be installed.
    if device.type == 'cpu' and COMPILED_LOOPS:
        from . import compiled
        return compiled
    if device.type == 'cuda' and triton_works(device):
        from . import triton_kernels
        return triton_kernels
    from . import reference
    return reference


@functools.cache
def triton_works(device: torch.device) -> bool:
    """Whether Triton's kernels can be built for a GPU.

    PyTorch for CUDA comes with Triton on Linux alone. It needs compute capability 7.0, and a C
    compiler and Python's header for what launches its kernels.
    """
    compilers = [os.environ['CC']] if 'CC' in os.environ else ['gcc', 'clang']
    return (importlib.util.find_spec('triton') is not None
            and torch.cuda.get_device_capability(device) >= (7, 0)
            and any(map(shutil.which, compilers))
            and Path(sysconfig.get_path('include', 'posix_prefix'), 'Python.h').exists())


def thumbnail_and_mean(image: Tensor) -> ThumbnailAndMean:
    """As `Backend.thumbnail_and_mean`, by the backend of the image's device."""
    return backend(image.device).thumbnail_and_mean(image)


def warp(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
    """As `Backend.warp`, by the backend of the image's device."""
    return backend(image.device).warp(image, folded, dtype)
