"""Enhance images and videos: results, predicted parameters and before/after panels.

Example:
    python tools/enhance.py night.png --out enhanced
    python tools/enhance.py frames/ --source cityscapes --out enhanced
    python tools/enhance.py frames/ --enhancer GreyWorld --out enhanced
    python tools/enhance.py drive.mp4 --every 8 --out enhanced

Writes, for each image, OUT/NAME.png (the enhanced image) and OUT/panels/NAME.jpg (original and
enhanced side by side); for each video OUT/NAME.mp4 (or .mkv), sound kept; and OUT/parameters.json
of all, to which later calls add. In a folder, a file that cannot be read does not stop the others:
these are listed at the end, and the exit status is 1.
"""
import argparse
from pathlib import Path

from ..errors import InputError
from .options import add_enhancer_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('inputs', nargs='+', type=Path,
                        help='images, videos '
                        '(.mp4, .mkv, .mov, .avi, .webm), or folders of both')
    parser.add_argument('--out', type=Path, required=True, help='output folder')
    parser.add_argument('--resume', action='store_true',
                        help='leave out what this enhancer has done in the output folder before')
    add_enhancer_options(parser)
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='of a video, predict every n-th frame and where the scene changes')
    parser.add_argument('--momentum', type=float, default=0.0,
                        help='of a video, how much of the last parameters a new prediction keeps')


def begin(args: argparse.Namespace) -> None:
    """Find the files, and say what will be done."""
    if args.every < 1 or not 0 <= args.momentum < 1:
        raise InputError('--every is a number of frames from 1, and --momentum from 0 to below 1; '
                         f'got {args.every} and {args.momentum:g}.')
    from ..engine.file_runs import announce, plan
    from ..io.files import check_writable
    args.planned = plan(args.inputs, args.out)
    check_writable(args.out)
    announce(args.planned, args.out, 'the enhancer')


def main(args: argparse.Namespace) -> None:
    """Enhance all that was named."""
    from ..engine.enhance import RECORD, configs_of_options, enhance_all, made_by
    from ..engine.file_runs import Record
    from ..engine.inference import ImageEnhancer
    from ..enhancer.build import names_of
    configs = configs_of_options(args)
    enhancer = ImageEnhancer(configs, device=args.device)
    record = Record(args.out, RECORD, made_by(configs, args))
    outcome = enhance_all(enhancer, args.planned, record, args)
    print(f'{outcome.summary("enhanced")}. Enhancer: {names_of(configs)}. Results: {args.out}')
    if args.source is None and configs == [dict(type='SyMPIE')]:
        print('Name what the model behind was trained on by --source: without it, images are '
              'brightened, which a model trained on Cityscapes does not want.')
    outcome.raise_failures('enhanced')
