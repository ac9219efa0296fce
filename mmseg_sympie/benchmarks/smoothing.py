"""What re-using parameters from frame to frame of a video saves, and how steady they are."""
import argparse
import time
from pathlib import Path
from typing import Dict, List

import cv2
import torch
from torch import Tensor
from tqdm import tqdm

from ..datasets.photographs import SUFFIXES
from ..enhancer import SyMPIE, WarpParameters
from ..enhancer.fast import FastSyMPIE
from ..enhancer.smoother import ParameterSmoother
from ..errors import InputError
from ..evaluation.report import terminal
from ..files import check_writable
from .timing import machine, write_table


def gain(parameters: WarpParameters) -> Tensor:
    """How much brighter a grey image becomes: mean over C_M's diagonal times the sum of K."""
    return (parameters.matrix.diagonal(dim1=1, dim2=2).mean(dim=1)
            * parameters.kernel.sum(dim=(1, 2)))


@torch.inference_mode()
def benchmark_smoothing(args: argparse.Namespace) -> None:
    """Write and print the table; for the arguments see tools/benchmark.py."""
    check_writable(args.out)
    frames = sorted(path for path in args.frames.iterdir()
                    if path.suffix.lower() in SUFFIXES and path.name.startswith(args.prefix))
    if len(frames) < 2:
        raise InputError(f'{args.frames} has {len(frames)} images with names that start with '
                         f'{args.prefix!r}: wanted the frames of a video, in the order of names.')
    fast = FastSyMPIE(SyMPIE().eval().to(args.device), 'bgr')
    measured = {every: _measure(fast, frames, every, args) for every in args.every}
    title = (f'{len(frames)} frames {args.prefix}* of {args.frames}, momentum {args.momentum}, '
             f'{machine(args.device, torch.get_num_threads())}')
    rows = [['every', 'predictions', 'ms a frame', 'flicker of the gain']]
    for every, found in measured.items():
        rows.append([str(every), str(found['predictions']), f'{found["ms_per_frame"]:.2f}',
                     f'{found["flicker"]:.4f}'])
    write_table(args.out / 'smoothing', title, [rows], dict(measured=measured))
    print(terminal(rows, title, summary_rows=len(measured)))


def _measure(fast: FastSyMPIE, frames: List[Path], every: int,
             args: argparse.Namespace) -> Dict[str, float]:
    smoother = ParameterSmoother(fast, every, args.momentum)
    gains, seconds = [], 0.0
    for path in tqdm(frames, desc=f'every {every}', unit='frame'):
        frame = torch.from_numpy(cv2.imread(str(path))).permute(2, 0, 1)[None].to(args.device)
        start = time.perf_counter()
        gains.append(float(gain(smoother(frame))))
        seconds += time.perf_counter() - start
    return dict(predictions=smoother.predictions, ms_per_frame=1000 * seconds / len(frames),
                flicker=float(torch.tensor(gains).diff().abs().mean()))
