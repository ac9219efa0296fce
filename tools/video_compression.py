"""What video compression does to a network's features, without and with an enhancer after it.

Example:
    python tools/video_compression.py drive.mp4 --out work_dirs/compression
    python tools/video_compression.py data/camvid/test --prefix Seq05VD --fps 1 \\
        --out work_dirs/compression
    python tools/video_compression.py drive.mp4 --bitrates 250 500 1000 --mean-match 110 \\
        --network vgg19:checkpoints/vgg19-dcbb9e9d.pth --out work_dirs/compression

The paper's Table 8. A video, or a folder of frames in the order of their names, is compressed by
x264 at each rate; a torchvision network's features before its classifier (`.features`, at the
frames' full size) are taken of the original, of the compressed and of the compressed, then enhanced
frames, and compared by mean squared error. Prints the table and writes it to OUT/compression.md,
.csv, .json and .png, the compressed videos beside it.
"""
import argparse
import functools
from fractions import Fraction
from pathlib import Path

from mmseg_sympie.benchmarks.compression import (
    Rate,
    compare,
    compress,
    compression_rows,
    feature_extractor,
    write_results,
)
from mmseg_sympie.cli.options import add_enhancer_options, chosen_enhancer, enhance_raw
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.evaluation.report import terminal
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable
from mmseg_sympie.io.video import frame_rate, read_frames


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    return parsed_args(parser)


def check(args: argparse.Namespace) -> None:
    """Raise InputError for what would fail or do harm later."""
    if not args.video.exists():
        raise InputError(f'{args.video} does not exist (looked from {Path.cwd()}).')
    folder = args.video if args.video.is_dir() else args.video.parent
    if args.out.resolve() == folder.resolve():
        raise InputError(f'--out {args.out} is the folder of the originals. Choose another one.')
    if args.fps is not None and args.fps <= 0 or min(args.bitrates or [1]) <= 0:
        raise InputError('--fps and --bitrates have to be above 0.')
    check_writable(args.out)


def main() -> None:
    args = parse_args()
    check(args)
    features = feature_extractor(args.network, args.device)
    enhancer = chosen_enhancer(args)
    fps = args.fps or (Fraction(30) if args.video.is_dir() else frame_rate(args.video))
    rates = ([Rate(kbit_s=kbit_s) for kbit_s in args.bitrates] if args.bitrates
             else [Rate(crf=crf) for crf in args.crf])
    versions = {rate.name: compress(read_frames(args.video, args.prefix),
                                    args.out / rate.file_name, rate, fps) for rate in rates}
    measured = compare(read_frames(args.video, args.prefix), versions,
                       functools.partial(enhance_raw, enhancer), features, args.device)
    which = (f'MeanMatch({args.mean_match:g})' if args.mean_match is not None
             else f'SourceMatch({args.source})' if args.source and not args.checkpoint
             else f'SyMPIE ({args.checkpoint or "the weights that ship"})')
    title = (f'{args.video} {args.prefix}, {float(fps):g} frames a second, '
             f'{args.network.partition(":")[0]}, {which}')
    write_results(args.out, title, measured, versions)
    print(terminal(compression_rows(measured, versions), title, summary_rows=1))
    print(f'Results: {args.out}')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
