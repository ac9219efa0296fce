"""What re-using parameters from frame to frame of a video saves, and how steady they are."""
import argparse
from pathlib import Path
from typing import List, Tuple

import cv2
import torch
from torch import Tensor
from tqdm import tqdm

from ..enhancer import SyMPIE, WarpParameters
from ..enhancer.fast import FastSyMPIE
from ..enhancer.smoother import ParameterSmoother
from ..errors import InputError
from ..evaluation.report import terminal
from ..files import check_writable
from ..video import frame_files
from .timing import interleaved, machine, summary, write_table


def gain(parameters: WarpParameters) -> Tensor:
    """How much brighter a grey image becomes: mean over C_M's diagonal times the sum of K."""
    return (parameters.matrix.diagonal(dim1=1, dim2=2).mean(dim=1)
            * parameters.kernel.sum(dim=(1, 2)))


@torch.inference_mode()
def benchmark_smoothing(args: argparse.Namespace) -> None:
    """Write and print the table; for the arguments see tools/benchmark.py."""
    check_writable(args.out)
    frames = frame_files(args.frames, args.prefix, at_least=2)
    fast = FastSyMPIE(SyMPIE().eval().to(args.device), 'bgr')
    video = [_read(path).to(args.device) for path in tqdm(frames, desc='read')]
    milliseconds = interleaved({every: lambda every=every: _run(fast, video, every, args.momentum)
                                for every in args.every}, args.repeats, args.device)
    measured = {}
    for every in args.every:
        predictions, flicker = _run(fast, video, every, args.momentum)
        measured[every] = dict(predictions=predictions, flicker=flicker,
                               ms_per_frame=summary(milliseconds[every], len(video))['median'])
    title = (f'{len(frames)} frames {args.prefix}* of {args.frames}, momentum {args.momentum}, '
             f'{machine(args.device, torch.get_num_threads())}')
    rows = [['every', 'predictions', 'ms a frame', 'flicker of the gain']]
    for every, found in measured.items():
        rows.append([str(every), str(found['predictions']), f'{found["ms_per_frame"]:.2f}',
                     f'{found["flicker"]:.4f}'])
    write_table(args.out / 'smoothing', title, [rows], dict(measured=measured))
    print(terminal(rows, title, summary_rows=len(measured)))


def _read(path: Path) -> Tensor:
    image = cv2.imread(str(path))
    if image is None:
        raise InputError(f'{path} cannot be read as an image.')
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def _run(fast: FastSyMPIE, video: List[Tensor], every: int,
         momentum: float) -> Tuple[int, float]:
    """Number of predictions, and the mean absolute change of the gain from frame to frame."""
    smoother = ParameterSmoother(fast, every, momentum)
    gains = torch.cat([gain(smoother(frame)) for frame in video])
    return smoother.predictions, float(gains.diff().abs().mean())
