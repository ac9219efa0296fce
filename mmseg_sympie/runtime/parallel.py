"""Parts of the work side by side, in as many threads as PyTorch takes, and compiled loops."""
import contextlib
import ctypes
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numba
import torch

BANDS_PER_THREAD = 6

_PROCESS = os.getpid()


def compiled(function: Callable) -> Callable:
    """Machine code for the types of the first call, kept on disk, that runs beside other threads.

    `contract` lets a product and a sum become one instruction, `reassoc` a long sum several.
    """
    compile_ = functools.partial(numba.njit, nogil=True, error_model='numpy',
                                 fastmath={'contract', 'reassoc'})
    try:
        return compile_(cache=True)(function)
    except RuntimeError:  # No folder for it can be written.
        return compile_()(function)


def parallel_for_rows(run: Callable[[int, int, int], None], images: int, rows: int,
                      work: int) -> None:
    """Call `run(image, top, bottom)` so that all rows of all images are done.

    Whichever thread is free takes the next band: another may start late, or share its core with
    somebody else's thread.

    Args:
        work: of all of it, in steps of about a nanosecond; a little is not worth a thread.
    """
    threads = torch.get_num_threads() if work > 100_000 else 1
    height = -(-images * rows // (BANDS_PER_THREAD * threads))
    bands = [(image, top, min(top + height, rows))
             for image in range(images) for top in range(0, rows, height)]
    _share(lambda band: run(*band), bands, threads, _openmp(os.getpid()))


def parallel_for(run: Callable[[Any], None], tasks: Sequence) -> None:
    """Call `run(task)` for each task, in threads that have their share of PyTorch's."""
    threads = min(torch.get_num_threads(), len(tasks))
    share = torch.get_num_threads() // max(threads, 1)

    def run_alone(task: Any) -> None:
        torch.set_num_threads(share)  # each thread has its own number
        run(task)

    with num_threads(share):
        _share(run_alone, tasks, threads)


def _share(run: Callable[[Any], None], tasks: Iterable, threads: int,
           openmp: Callable | None = None) -> None:
    """Whichever thread is free takes the next task; after an error nobody does.

    Args:
        openmp: what `_openmp` gives, to have its threads do them; PyTorch's operations then take
            one thread each.
    """
    waiting, errors = iter(tasks), []

    def work_on(_: Any = None) -> None:
        try:
            for task in waiting:
                run(task)
        except BaseException as error:  # none can leave a thread that is not Python's
            errors.append(error)
            for _ in waiting:
                pass

    if openmp and threads > 1:
        openmp(_OPENMP_REGION(work_on), None, threads, 0)
        work_on()  # what an interrupt has kept all of them from
    else:
        others = [_pool(os.getpid()).submit(work_on) for _ in range(threads - 1)]
        work_on()
        wait([other for other in others if not other.cancel()])
    if errors:
        raise errors[0]


_OPENMP_REGION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@functools.lru_cache(maxsize=1)
def _openmp(process: int) -> Callable | None:
    """How to run a function in the threads of the OpenMP that PyTorch's operations run in.

    These stay awake for a while after an operation, for the next one: other threads would be in
    each other's way with them, and have to be woken. `GOMP_parallel` is what GCC makes of a
    parallel region; other OpenMPs on Linux have it too. By process, because a forked one has lost
    its parent's threads: it waits for them forever, as PyTorch's own operations would.
    """
    if process != _PROCESS or not torch.backends.openmp.is_available():
        return None
    try:
        openmp = ctypes.CDLL(None).GOMP_parallel  # the one that PyTorch is linked to
    except (OSError, TypeError, AttributeError):
        return None
    openmp.argtypes = [_OPENMP_REGION, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    openmp.restype = None
    return openmp


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """By process, because a forked one has none of its parent's threads."""
    return ThreadPoolExecutor(os.cpu_count(), 'mmseg_sympie')


@contextlib.contextmanager
def num_threads(threads: int) -> Iterator[None]:
    """PyTorch with so many threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
