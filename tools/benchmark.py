"""Time the enhancer or the corruptions beside other implementations, interleaved in one run.

Example:
    python tools/benchmark.py enhancer --sizes 1920x1080 --threads 2
    python tools/benchmark.py corruptions --threads 2
    python tools/benchmark.py corruptions --device cuda --batch-size 384

enhancer: each part, and the whole beside the published formulation. corruptions: the pool of 23 on
a batch of all severities, beside the NumPy implementations of ImageNet-C's 19 where the package
imagecorruptions-imaug is installed.
"""
import argparse
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_sympie.corruptions import POOL, Draw, corrupt
from mmseg_sympie.demo.street import render_street
from mmseg_sympie.enhancer import NEM, SyMPIE, WarpParameters, clamp_to_image_range, view, warp
from mmseg_sympie.errors import errors_without_traceback
from mmseg_sympie.evaluation.report import markdown, terminal
from mmseg_sympie.files import check_writable, written_whole
from mmseg_sympie.statistics import IMAGENET_RGB
from mmseg_sympie.timing import interleaved, summary


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='what', required=True)

    def add_command(name: str, repeats: int) -> argparse.ArgumentParser:
        command = commands.add_parser(name)
        command.add_argument('--threads', type=int, default=torch.get_num_threads())
        command.add_argument('--device', default='cpu')
        command.add_argument('--repeats', type=int, default=repeats)
        return command

    command = add_command('enhancer', repeats=15)
    command.add_argument('--sizes', nargs='+', default=[(1920, 1080)], metavar='WIDTHxHEIGHT',
                         type=size)
    command = add_command('corruptions', repeats=5)
    command.add_argument('--size', default=(224, 224), metavar='WIDTHxHEIGHT', type=size)
    command.add_argument('--batch-size', type=int, help='48, on CUDA 384')
    command.add_argument('--out', type=Path, default=Path('work_dirs/benchmark'),
                         help='folder for corruptions.md and corruptions.json')
    args = parser.parse_args()
    if args.what == 'corruptions' and args.batch_size is None:
        args.batch_size = 384 if args.device.startswith('cuda') else 48
    return args


def size(text: str) -> Tuple[int, int]:
    width, height = (int(side) for side in text.split('x'))
    return width, height


def published_warp(image: Tensor, parameters: WarpParameters) -> Tensor:
    """The warp as Sec. 3.1 states it: shift, then matrix, then one filter for each channel."""
    shifted = image + parameters.shift[..., None, None]
    mixed = torch.einsum('bdhw,bdc->bchw', shifted, parameters.matrix)
    batch, _, height, width = image.shape
    kernels = parameters.kernel[:, None].repeat_interleave(3, dim=0)
    filtered = F.conv2d(mixed.reshape(1, batch * 3, height, width), kernels, padding=2,
                        groups=batch * 3)
    return filtered.view_as(image)


def formulations(size: Tuple[int, int], device: str) -> Dict[str, Callable]:
    """What is timed, by name, on one image of the size (width, height)."""
    width, height = size
    image = torch.rand(1, 3, height, width, device=device)
    standardised = IMAGENET_RGB.standardise(image)
    nem = NEM().eval().to(device)
    sympie = SyMPIE(nem.state_dict()).eval().to(device)
    thumbnail = view(standardised)
    parameters = WarpParameters.split(nem(thumbnail))
    warped = warp(standardised, parameters)

    def published() -> Tensor:
        parameters = WarpParameters.split(nem(view(standardised)))
        return clamp_to_image_range(published_warp(standardised, parameters))

    return {
        'view': lambda: view(standardised),
        'NEM': lambda: nem(thumbnail),
        'warp, published': lambda: published_warp(standardised, parameters),
        'warp, ours': lambda: warp(standardised, parameters),
        'clamp': lambda: clamp_to_image_range(warped),
        'published formulation': published,
        'ours, with standardising and back': lambda: sympie(image)}


@torch.inference_mode()
def benchmark_enhancer(args: argparse.Namespace) -> None:
    for width, height in args.sizes:
        timed = formulations((width, height), args.device)
        measured = {name: summary(values) for name, values in
                    interleaved(timed, args.repeats, args.device).items()}
        whole = measured['published formulation']['median']
        rows = [['', 'median ms', 'fastest', 'slowest', 'of published']]
        for name, times in measured.items():
            rows.append([name, *(f'{value:.1f}' for value in times.values()),
                         f'{times["median"] / whole:.2f}'])
        print(terminal(rows, f'{width}x{height}, batch 1, float32, {args.device}, '
                       f'{args.threads} threads', summary_rows=2))


def numpy_package() -> Optional[ModuleType]:
    try:
        return importlib.import_module('imagecorruptions')
    except ImportError:
        return None


@torch.inference_mode()
def measure_corruptions(args: argparse.Namespace) -> Dict[str, Dict[str, Dict[str, float]]]:
    """Milliseconds an image by corruption; `ours` is a batch, `numpy` five images in turn."""
    width, height = args.size
    scenes = [render_street(seed, height, width).image for seed in range(5)]
    stacked = torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2).float() / 255
    number = torch.arange(args.batch_size)
    image = stacked[number % 5].contiguous().to(args.device)
    severity = number % 5 + 1
    generator = torch.Generator(args.device).manual_seed(0)
    package, timed, images = numpy_package(), {}, {}
    for name in POOL:
        drawn = Draw([name] * args.batch_size, severity)
        timed[name, 'ours'] = lambda drawn=drawn: corrupt(image, drawn, POOL, generator)
        images[name, 'ours'] = args.batch_size
        if package and name in package.get_corruption_names('all'):
            timed[name, 'numpy'] = lambda name=name: [
                package.corrupt(scene, level + 1, name) for level, scene in enumerate(scenes)]
            images[name, 'numpy'] = 5
    measured = {name: {} for name in POOL}
    for key, values in interleaved(timed, args.repeats, args.device).items():
        measured[key[0]][key[1]] = summary(values, images[key])
    return measured


def corruption_table(measured: Mapping[str, Any]) -> List[List[str]]:
    """Rows of the table, header first; the averages are over corruptions."""
    both = [name for name, times in measured.items() if 'numpy' in times]
    rows = [['', 'images/s', 'ms/image', 'fastest', 'slowest', *(['NumPy ms', 'times'] if both
                                                                 else [])]]

    def add(title: str, names: List[str], compared: bool) -> None:
        ours, theirs = ({key: sum(measured[name][whose][key] for name in names) / len(names)
                         for key in ('median', 'fastest', 'slowest')}
                        if whose == 'ours' or compared else None for whose in ('ours', 'numpy'))
        rows.append([title, f'{1000 / ours["median"]:.0f}', *(f'{ms:.3f}' for ms in ours.values())])
        if both:
            rows[-1] += [f'{theirs["median"]:.1f}', f'{theirs["median"] / ours["median"]:.1f}'
                         ] if compared else ['', '']

    for name in measured:
        add(name, [name], name in both)
    add(f'average of all {len(measured)}', list(measured), False)
    if both:
        add(f'average of the {len(both)} in both', both, True)
    return rows


def benchmark_corruptions(args: argparse.Namespace) -> None:
    check_writable(args.out)
    measured = measure_corruptions(args)
    device = (torch.cuda.get_device_name(args.device) if args.device.startswith('cuda')
              else f'{args.threads} threads')
    title = (f'{args.size[0]}x{args.size[1]}, batch {args.batch_size} of severities 1 to 5, '
             f'float32, {args.device}, {device}; NumPy: single 8-bit images')
    rows = corruption_table(measured)
    for suffix, text in (('md', f'{title}\n\n{markdown(rows)}\n'),
                         ('json', json.dumps(dict(title=title, ms_per_image=measured), indent=1))):
        with written_whole(args.out / f'corruptions.{suffix}') as path:
            path.write_text(text)
    print(terminal(rows, title, summary_rows=len(rows) - 1 - len(measured)))


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.what == 'enhancer':
        benchmark_enhancer(args)
    else:
        benchmark_corruptions(args)


if __name__ == '__main__':
    with errors_without_traceback():
        main()
