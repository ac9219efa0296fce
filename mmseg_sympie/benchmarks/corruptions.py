"""Time of each corruption beside the NumPy implementations."""
import argparse
import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch

from ..corruptions import POOL, Draw, corrupt
from ..demo.street import render_street
from ..evaluation.report import terminal
from ..io.files import check_writable
from ..runtime.malloc import tune_malloc
from .timing import interleaved, machine, summary, write_table


def numpy_package() -> ModuleType | None:
    """Import the NumPy implementations, where they are installed."""
    try:
        return importlib.import_module('imagecorruptions')
    except ImportError:
        return None


@torch.inference_mode()
def measure_corruptions(args: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds an image by corruption; `ours` is a batch, `numpy` five images in turn."""
    width, height = args.size
    scenes = [render_street(seed, height, width).image for seed in range(5)]
    stacked = torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2).float() / 255
    number = torch.arange(args.batch_size)
    image = stacked[number % 5].contiguous().to(args.device)
    severity = number % 5 + 1
    generator = torch.Generator(args.device).manual_seed(0)
    package = numpy_package()
    timed: dict[tuple[str, str], Callable[[], Any]] = {}
    images: dict[tuple[str, str], int] = {}
    for name in POOL:
        drawn = Draw([name] * args.batch_size, severity)
        timed[name, 'ours'] = functools.partial(corrupt, image, drawn, POOL, generator)
        images[name, 'ours'] = args.batch_size
        if package and name in package.get_corruption_names('all'):
            timed[name, 'numpy'] = functools.partial(_corrupt_by_numpy, package, scenes, name)
            images[name, 'numpy'] = 5
    measured: dict[str, dict[str, dict[str, float]]] = {name: {} for name in POOL}
    for key, values in interleaved(timed, args.repeats, args.device).items():
        measured[key[0]][key[1]] = summary(values, images[key])
    return measured


def _corrupt_by_numpy(package: ModuleType, scenes: Sequence[np.ndarray], name: str) -> None:
    for level, scene in enumerate(scenes):
        package.corrupt(scene, level + 1, name)


def corruption_table(measured: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the table, header first; the averages are over corruptions."""
    both = [name for name, times in measured.items() if 'numpy' in times]
    rows = [['', 'images/s', 'ms/image', 'fastest', 'slowest', *(['NumPy ms', 'times'] if both
                                                                 else [])]]

    def add(title: str, names: list[str], compared: bool) -> None:
        def average(whose: str, key: str) -> float:
            return sum(measured[name][whose][key] for name in names) / len(names)

        ours = average('ours', 'median')
        rows.append([title, f'{1000 / ours:.0f}', *(
            f'{average("ours", key):.3f}' for key in ('median', 'fastest', 'slowest'))])
        if both:
            rows[-1] += [f'{average("numpy", "median"):.1f}',
                         f'{average("numpy", "median") / ours:.1f}'] if compared else ['', '']

    for name in measured:
        add(name, [name], name in both)
    add(f'average of all {len(measured)}', list(measured), False)
    if both:
        add(f'average of the {len(both)} in both', both, True)
    return rows


def benchmark_corruptions(args: argparse.Namespace) -> None:
    """Write and print the table; for the arguments see tools/benchmark.py."""
    check_writable(args.out)
    if args.device == 'cpu':
        tune_malloc()  # as tools/corrupt.py
    measured = measure_corruptions(args)
    title = (f'{args.size[0]}x{args.size[1]}, batch {args.batch_size} of severities 1 to 5, '
             f'float32, {machine(args.device, args.threads)}; NumPy: single 8-bit images')
    rows = corruption_table(measured)
    write_table(args.out / 'corruptions', title, [rows], dict(ms_per_image=measured))
    print(terminal(rows, title, summary_rows=len(rows) - 1 - len(measured)))
