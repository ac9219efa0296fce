"""The folded warp on a CPU: OpenCV's filter on bands of rows, several threads at once."""
import functools
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import List, NamedTuple, Tuple

import cv2
import numpy as np
import torch
from torch import Tensor

from .folding import FoldedWarp

# Large, so that threads seldom hand Python's lock to each other, and small enough for the cache.
BAND_PIXELS = 250_000
_RADIUS = 2
KEPT_RESULTS, KEPT_BYTES = 2, 2**29

_local = threading.local()
_results_lock = threading.Lock()
_results: List[Tuple[np.ndarray, weakref.ref]] = []


def warp_opencv(image: Tensor, folded: FoldedWarp) -> Tensor:
    """The folded warp of `warp_folded`, on the CPU.

    Args:
        image: (B, 3, H, W), uint8 or float32 on 0..255, of any layout.

    Returns:
        float32 (B, 3, H, W), in memory that is used again once nobody holds the result.
    """
    result = empty_result(image.shape)
    source, target = image.numpy(), result.numpy()
    folded = FoldedWarp(*(part.numpy() for part in folded))
    batch, _, height, width = image.shape
    threads = torch.get_num_threads()
    rows = max(1, min(BAND_PIXELS // (width + 2 * _RADIUS), -(-height * batch // threads)))
    bands = [(i, top, min(top + rows, height))
             for i in range(batch) for top in range(0, height, rows)]

    def run(band: Tuple[int, int, int]) -> None:
        i, top, bottom = band
        single = folded._replace(matrix=folded.matrix[i], kernel=folded.kernel[i],
                                 bias=folded.bias[i], border=folded.border[i])
        _warp_band(source[i], target[i], top, bottom, single)

    if threads == 1 or len(bands) == 1:
        for band in bands:
            run(band)
    else:
        list(_pool(threads, os.getpid()).map(run, bands))
    return result


def _warp_band(source: np.ndarray, target: np.ndarray, top: int, bottom: int,
               folded: FoldedWarp) -> None:
    """Rows `top` to `bottom` of one image (3, H, W)."""
    height, width = source.shape[1:]
    shape = bottom - top + 2 * _RADIUS, width + 2 * _RADIUS
    raw, mixed, filtered = _workspace(shape)
    weight = folded.matrix.astype(float)
    first, last = max(0, top - _RADIUS), min(height, bottom + _RADIUS)
    inside = slice(first - top + _RADIUS, last - top + _RADIUS)
    border = folded.border[:, None, None]
    raw[:, :inside.start] = border
    raw[:, inside.stop:] = border
    raw[:, :, :_RADIUS] = border
    raw[:, :, -_RADIUS:] = border
    np.copyto(raw[:, inside, _RADIUS:-_RADIUS], source[:, first:last])
    for channel in range(3):
        # A matrix product would start BLAS's own threads in each of ours.
        cv2.addWeighted(raw[0], weight[0, channel], raw[1], weight[1, channel], 0, dst=mixed)
        cv2.scaleAdd(raw[2], weight[2, channel], mixed, dst=mixed)
        cv2.filter2D(mixed, cv2.CV_32F, folded.kernel, dst=filtered,
                     delta=float(folded.bias[channel]))
        np.clip(filtered[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS], folded.lowest[channel],
                folded.highest[channel], out=target[channel, top:bottom])


class _Workspace(NamedTuple):
    raw: np.ndarray
    mixed: np.ndarray
    filtered: np.ndarray


def _workspace(shape: Tuple[int, int]) -> _Workspace:
    """This thread's memory for a band, kept from call to call."""
    spaces = _local.__dict__.setdefault('spaces', {})
    if shape not in spaces:
        if len(spaces) >= 2:  # Bands of one size of images: the last one is smaller.
            spaces.clear()
        spaces[shape] = _Workspace(np.empty((3, *shape), np.float32),
                                   np.empty(shape, np.float32), np.empty(shape, np.float32))
    return spaces[shape]


def empty_result(shape: torch.Size) -> Tensor:
    """A float32 tensor, in the memory of an earlier result that nobody holds any more.

    A fresh one costs more than what is written into it: the system hands out zeroed pages one by
    one. A tensor's storage holds the array that it was made from, here a view of the memory, so
    that a weak reference to the view says whether any part of the tensor is still there.
    """
    with _results_lock:
        free = next((i for i, (memory, holder) in enumerate(_results)
                     if memory.shape == shape and holder() is None), None)
        memory = np.empty(shape, np.float32) if free is None else _results.pop(free)[0]
        view = memory.view()
        _results.append((memory, weakref.ref(view)))
        while len(_results) > KEPT_RESULTS or sum(
                memory.nbytes for memory, _ in _results) > KEPT_BYTES:
            _results.pop(0)
    return torch.from_numpy(view)


def forget_results() -> None:
    """Give the memory of earlier results back."""
    with _results_lock:
        _results.clear()


@functools.lru_cache(maxsize=4)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """By process, because a forked one has none of its parent's threads."""
    return ThreadPoolExecutor(threads, 'warp')
