"""What re-using parameters from frame to frame of a video saves, and how steady they are."""
import argparse

import torch
from torch import Tensor
from tqdm import tqdm

from ..enhancer import SyMPIE, WarpParameters
from ..enhancer.fast import FastSyMPIE
from ..enhancer.smoother import ParameterSmoother
from ..errors import InputError
from ..evaluation.report import terminal
from ..io.files import check_writable
from ..io.video import read_frames
from .timing import interleaved, machine, summary, write_table


def gain(parameters: WarpParameters) -> Tensor:
    """How much brighter a grey image becomes: mean over C_M's diagonal times the sum of K."""
    return (parameters.matrix.diagonal(dim1=1, dim2=2).mean(dim=1)
            * parameters.kernel.sum(dim=(1, 2)))


@torch.inference_mode()
def benchmark_smoothing(args: argparse.Namespace) -> None:
    """Write and print the table; for the arguments see tools/benchmark.py."""
    check_writable(args.out)
    video = [frame.to(args.device)
             for frame in tqdm(read_frames(args.frames, args.prefix), desc='read')]
    if len(video) < 2:
        raise InputError(f'{args.frames} has one frame {args.prefix}*: wanted two or more.')
    fast = FastSyMPIE(SyMPIE().eval().to(args.device), 'rgb')
    milliseconds = interleaved({every: lambda every=every: _run(fast, video, every, args.momentum)
                                for every in args.every}, args.repeats, args.device)
    measured = {}
    for every in args.every:
        predictions, flicker = _run(fast, video, every, args.momentum)
        measured[every] = dict(predictions=predictions, flicker=flicker,
                               ms_per_frame=summary(milliseconds[every], len(video))['median'])
    title = (f'{len(video)} frames {args.prefix}* of {args.frames}, momentum {args.momentum}, '
             f'{machine(args.device, torch.get_num_threads())}')
    rows = [['every', 'predictions', 'ms a frame', 'flicker of the gain']]
    for every, found in measured.items():
        rows.append([str(every), str(found['predictions']), f'{found["ms_per_frame"]:.2f}',
                     f'{found["flicker"]:.4f}'])
    write_table(args.out / 'smoothing', title, [rows], dict(measured=measured))
    print(terminal(rows, title, summary_rows=len(measured)))


def _run(fast: FastSyMPIE, video: list[Tensor], every: int,
         momentum: float) -> tuple[int, float]:
    """Number of predictions, and the mean absolute change of the gain from frame to frame."""
    smoother = ParameterSmoother(fast, every, momentum)
    gains = torch.cat([gain(smoother(frame)) for frame in video])
    return smoother.predictions, float(gains.diff().abs().mean())
