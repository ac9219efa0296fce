"""Time several calls side by side."""
import statistics
import time
from typing import Any, Callable, Dict, List, Mapping

import torch
from tqdm import tqdm


def interleaved(timed: Mapping[Any, Callable], repeats: int,
                device: str) -> Dict[Any, List[float]]:
    """Milliseconds of every call, all of them in turn, so that noise falls on all alike."""
    milliseconds = {name: [] for name in timed}
    for repeat in tqdm(range(repeats + 2), desc='benchmark'):
        for name, call in timed.items():
            start = time.perf_counter()
            call()
            if device != 'cpu':
                torch.cuda.synchronize()
            if repeat >= 2:  # The first calls warm up.
                milliseconds[name].append(1000 * (time.perf_counter() - start))
    return milliseconds


def summary(milliseconds: List[float], images: int = 1) -> Dict[str, float]:
    """Median and extremes of calls that each take as many images, for one image."""
    return {name: of(milliseconds) / images for name, of in
            (('median', statistics.median), ('fastest', min), ('slowest', max))}
