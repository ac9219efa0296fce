"""Parts of the work side by side, in as many threads as PyTorch takes, and compiled loops."""
import contextlib
import functools
import os
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Callable, Iterable, Iterator, Sequence, Tuple

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
    height = -(-images * rows // (BANDS_PER_THREAD * threads))
    bands = [(image, top, min(top + height, rows))
             for image in range(images) for top in range(0, rows, height)]
    _share(lambda band: run(*band), bands, threads)


def side_by_side(run: Callable[[Any], None], tasks: Sequence) -> None:
    """Call `run(task)` for each task, in threads that have their share of PyTorch's."""
    threads = min(torch.get_num_threads(), len(tasks))
    share = torch.get_num_threads() // max(threads, 1)

    def run_alone(task: Any) -> None:
        torch.set_num_threads(share)  # each thread has its own number
        run(task)

    with num_threads(share):
        _share(run_alone, tasks, threads)


def at_once(first: Callable, second: Callable) -> Tuple[Any, Any]:
    """The results of two calls, each by a thread of its own, inside `num_threads(1)`."""
    results = {}

    def run(index: int) -> None:
        torch.set_num_threads(1)  # each thread has its own number
        results[index] = (first, second)[index]()

    _share(run, range(2), threads=2)
    return results[0], results[1]


def _share(run: Callable[[Any], None], tasks: Iterable, threads: int) -> None:
    """Whichever thread is free takes the next task; after an error nobody does."""
    waiting = iter(tasks)

    def work_on() -> None:
        try:
            for task in waiting:
                run(task)
        finally:
            for _ in waiting:
                pass

    others = [_pool(os.getpid()).submit(work_on) for _ in range(threads - 1)]
    try:
        work_on()
    finally:
        begun = [other for other in others if not other.cancel()]
        wait(begun)
    for other in begun:
        other.result()


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """By process, because a forked one has none of its parent's threads."""
    return ThreadPoolExecutor(os.cpu_count(), 'mmseg_sympie')


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
