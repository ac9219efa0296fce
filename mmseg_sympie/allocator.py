"""How the C library of a process treats memory that is freed."""
import ctypes

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # of malloc.h
TOP_PAD_BYTES = 64 * 2 ** 20


def keep_freed_memory() -> None:
    """Have glibc keep large buffers for the next ones; elsewhere do nothing.

    By default they go back to the system, and the next one comes page by page: a training step on a
    CPU took nearly twice as long, corruptions a tenth longer. The process stays as large as it got.
    """
    try:
        mallopt = ctypes.CDLL('libc.so.6').mallopt
    except (OSError, AttributeError):
        return
    for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, TOP_PAD_BYTES)):
        mallopt(option, value)
