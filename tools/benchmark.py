"""Time the enhancer beside the published formulation, part by part, interleaved in one run.

Example:
    python tools/benchmark.py enhancer --sizes 1920x1080 --threads 2
"""
import argparse
import statistics
import time
from typing import Callable, Dict, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from mmseg_sympie.enhancer import NEM, SyMPIE, WarpParameters, clamp_to_image_range, view, warp
from mmseg_sympie.errors import errors_without_traceback
from mmseg_sympie.evaluation.report import terminal
from mmseg_sympie.statistics import IMAGENET_RGB


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['enhancer'])
    parser.add_argument('--sizes', nargs='+', default=['1920x1080'], metavar='WIDTHxHEIGHT',
                        type=lambda text: tuple(int(side) for side in text.split('x')))
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--repeats', type=int, default=15)
    return parser.parse_args()


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


def interleaved(timed: Dict[str, Callable], repeats: int, device: str) -> Dict[str, List[float]]:
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


@torch.inference_mode()
def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    for size in args.sizes:
        measured = interleaved(formulations(size, args.device), args.repeats, args.device)
        whole = statistics.median(measured['published formulation'])
        rows = [['', 'median ms', 'fastest', 'slowest', 'of published']]
        for name, values in measured.items():
            median = statistics.median(values)
            rows.append([name, f'{median:.1f}', f'{min(values):.1f}', f'{max(values):.1f}',
                         f'{median / whole:.2f}'])
        print(terminal(rows, f'{size[0]}x{size[1]}, batch 1, float32, {args.device}, '
                       f'{args.threads} threads', summary_rows=2))


if __name__ == '__main__':
    with errors_without_traceback():
        main()
