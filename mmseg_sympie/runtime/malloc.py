"""Allocator tuning: glibc malloc keeps large buffers, or gives all that it keeps back."""
import ctypes

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # of malloc.h
TOP_PAD_BYTES = 64 * 2 ** 20


def tune_malloc() -> None:
    """Have glibc keep large buffers for the next ones; elsewhere do nothing.

    By default they go back to the system, and the next one comes page by page: on a CPU a training
    step took nearly twice as long, a segmentor half as long again, corruptions a tenth. The process
    stays as large as it got.
    """
    glibc = _glibc()
    if glibc:
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, TOP_PAD_BYTES)):
            glibc.mallopt(option, value)


def tune_malloc_on_cpu() -> None:
    """`tune_malloc` where PyTorch has no GPU, so that models run on the CPU."""
    if not torch.cuda.is_available():
        tune_malloc()


def trim_malloc() -> None:
    """Have glibc give all that it keeps back to the system; elsewhere do nothing."""
    glibc = _glibc()
    if glibc:
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        glibc = ctypes.CDLL('libc.so.6')
    except OSError:
        return None
    return glibc if hasattr(glibc, 'malloc_trim') else None
