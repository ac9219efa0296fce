r"""What video compression does to a network's features, without and with an enhancer after it.

Example:
    python tools/video_compression.py drive.mp4 --out work_dirs/compression
    python tools/video_compression.py data/camvid/test --prefix Seq05VD --fps 1 \
        --out work_dirs/compression
    python tools/video_compression.py drive.mp4 --bitrates 250 500 1000 --mean-match 110 \
        --network vgg19:checkpoints/vgg19-dcbb9e9d.pth --out work_dirs/compression

The paper's Table 8. A video, or a folder of frames in the order of their names, is compressed by
x264 at each rate; a torchvision network's features before its classifier (`.features`, at the
frames' full size) are taken of the original, of the compressed and of the compressed, then enhanced
frames, and compared by mean squared error. Prints the table and writes it to OUT/compression.md,
.csv, .json and .png, the compressed videos beside it.
"""
import argparse
from fractions import Fraction
from pathlib import Path

from ..errors import InputError
from .options import add_enhancer_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('video', metavar='VIDEO_OR_FRAMES', type=Path,
                        help='a video, or a folder of frames')
    parser.add_argument('--out', type=Path, required=True, help='output folder')
    parser.add_argument('--prefix', default='',
                        help='of a folder, only frames whose names start with this')
    parser.add_argument('--fps', type=Fraction,
                        help='frames a second; by default those of the video, of a folder 30 (at a '
                        'given CRF, x264 spends more on frames that last longer)')
    rates = parser.add_mutually_exclusive_group()
    rates.add_argument('--crf', nargs='+', type=int, default=[18, 23, 28, 33, 38, 43],
                       choices=range(52), metavar='0..51',
                       help="x264's constant rate factors; higher is smaller")
    rates.add_argument('--bitrates', nargs='+', type=int, metavar='KBIT_S',
                       help='instead, bitrates to aim at, in kbit/s')
    parser.add_argument('--network', metavar='NAME:WEIGHTS',
                        default='mobilenet_v2:checkpoints/mobilenet_v2-b0353104.pth',
                        help='a torchvision network and its weights; by default %(default)s')
    add_enhancer_options(parser)


def main(args: argparse.Namespace) -> None:
    """Compress, compare, and show the table."""
    if args.fps is not None and args.fps <= 0 or min(args.bitrates or [1]) <= 0:
        raise InputError('--fps and --bitrates have to be above 0.')
    from ..benchmarks.compression import compression_rows
    from ..engine.compression import compare_rates
    from ..evaluation.report import terminal
    measured, versions, title = compare_rates(args)
    print(terminal(compression_rows(measured, versions), title, summary_rows=1))
    print(f'Results: {args.out}')
