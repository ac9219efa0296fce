"""Time several calls side by side, and write the tables."""
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..evaluation.report import markdown
from ..io.files import write_json, write_text

PAUSE_S = 0.01


def interleaved(timed: Mapping[Any, Callable], repeats: int, device: str,
                title: str = 'benchmark',
                before: Callable[[], None] = lambda: None) -> dict[Any, list[float]]:
    """Milliseconds of every call, all of them in turn, so that noise falls on all alike.

    Between two calls is a pause: OpenMP's threads keep a core busy for some milliseconds after
    their work is done, which would slow the next call or help it. It is spent awake, because a
    machine that slept is slow to start a second thread.

    Args:
        timed: the calls, by name.
        repeats: of each call, after two to warm up.
        device: that they run on.
        title: of the progress bar.
        before: called before each of them, untimed.
    """
    milliseconds: dict[Any, list[float]] = {name: [] for name in timed}
    for repeat in tqdm(range(repeats + 2), desc=title):
        for name, call in timed.items():
            before()
            start = time.perf_counter()
            while time.perf_counter() < start + PAUSE_S:
                pass
            start = time.perf_counter()
            call()
            if device != 'cpu':
                torch.cuda.synchronize(device)
            if repeat >= 2:  # The first calls warm up.
                milliseconds[name].append(1000 * (time.perf_counter() - start))
    return milliseconds


def summary(milliseconds: list[float], images: int = 1) -> dict[str, float]:
    """Median and extremes of calls that each take as many images, for one image."""
    return {name: of(milliseconds) / images for name, of in
            (('median', statistics.median), ('fastest', min), ('slowest', max))}


def machine(device: str, threads: int) -> str:
    """What the numbers were measured on, in words."""
    if device != 'cpu':
        return torch.cuda.get_device_name(device)
    return (f'{threads} threads, {platform.machine()} '
            f'{torch.backends.cpu.get_cpu_capability()}')


def write_table(path: Path, title: str, tables: Sequence[Sequence[Sequence[str]]],
                numbers: Mapping[str, Any]) -> None:
    """Tables of text as `path`.md, and the numbers behind them as `path`.json."""
    details = dict(title=title, date=str(date.today()), torch=torch.__version__)
    text = '\n\n'.join([title, *map(markdown, tables)])
    write_text(path.with_suffix('.md'), text + '\n')
    write_json(path.with_suffix('.json'), {**details, **numbers})
