"""When our own kernels are for a GPU, and when PyTorch's operations."""
import functools
import importlib.util
import os
import shutil
import sysconfig
from pathlib import Path

import torch


@functools.cache
def triton_works(device: torch.device) -> bool:
    """PyTorch for CUDA comes with Triton on Linux alone; it needs compute capability 7.0, and a C
    compiler and Python's header to build what launches its kernels.
    """
    compilers = [os.environ['CC']] if 'CC' in os.environ else ['gcc', 'clang']
    return (importlib.util.find_spec('triton') is not None
            and torch.cuda.get_device_capability(device) >= (7, 0)
            and any(map(shutil.which, compilers))
            and Path(sysconfig.get_path('include', 'posix_prefix'), 'Python.h').exists())
