"""Parts of the work side by side, in as many threads as PyTorch takes, and compiled loops."""
import contextlib
import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator, Sequence, Tuple

import numba
import torch

BANDS_PER_THREAD = 6


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


def in_bands(run: Callable[[int, int, int], None], images: int, rows: int, work: int) -> None:
    """Call `run(image, top, bottom)` so that all rows of all images are done.

    Whichever thread is free takes the next band: another may start late, or share its core with
    somebody else's thread.

    Args:
        work: of all of it, in steps of about a nanosecond; a little is not worth a thread.
    """
    threads = torch.get_num_threads() if work > 100_000 else 1
    bands = _bands(images, rows, -(-images * rows // (BANDS_PER_THREAD * threads)))

    def work_on() -> None:
        for band in bands:
            run(*band)

    _by_each_thread(work_on, threads)


def side_by_side(run: Callable[[Any], None], tasks: Sequence) -> None:
    """Call `run(task)` for each task, in each thread with PyTorch on that thread alone.

    A single task has all threads to itself.
    """
    threads = min(torch.get_num_threads(), len(tasks))
    waiting = iter(tasks)

    def work_on() -> None:
        if threads > 1:
            torch.set_num_threads(1)  # another thread does not inherit it
        for task in waiting:
            run(task)

    with num_threads(1 if threads > 1 else torch.get_num_threads()):
        _by_each_thread(work_on, threads)


def at_once(first: Callable, second: Callable) -> Tuple[Any, Any]:
    """The results of two calls, each by a thread of its own, inside `num_threads(1)`."""
    def alone() -> Any:
        torch.set_num_threads(1)  # another thread does not inherit it
        return second()

    other = _pool(1, os.getpid()).submit(alone)
    return first(), other.result()


def _by_each_thread(work_on: Callable[[], None], threads: int) -> None:
    others = [_pool(threads - 1, os.getpid()).submit(work_on) for _ in range(threads - 1)]
    work_on()
    for other in others:
        if not other.cancel():
            other.result()


def _bands(images: int, rows: int, height: int) -> Iterator[Tuple[int, int, int]]:
    return iter([(image, top, min(top + height, rows))
                 for image in range(images) for top in range(0, rows, height)])


@functools.lru_cache(maxsize=4)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """By process, because a forked one has none of its parent's threads."""
    return ThreadPoolExecutor(threads, 'enhance')


def contiguous(image: torch.Tensor) -> torch.Tensor:
    """The image in order of its channels and rows, without OpenMP's threads.

    They keep a core busy for a while after their work is done, which ours would have to share.
    """
    with num_threads(1):
        return image.contiguous()


@contextlib.contextmanager
def num_threads(threads: int) -> Iterator[None]:
    """PyTorch with so many threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
