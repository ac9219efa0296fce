r"""Pictures of test images: original, enhanced, what the segmentor sees in each, and the truth.

Example:
    python tools/test.py configs/mobilenetv2_camvid_sympie.py --compare
    python tools/visualize.py configs/mobilenetv2_camvid_sympie.py --out work_dirs/pictures
    python tools/visualize.py configs/mobilenetv2_camvid_sympie.py --out work_dirs/pictures \
        --images 0001TP_007650 0001TP_008130 --iterations 1 2 4

Writes OUT/panels.png with all images and a legend; for each image, in a folder named by its place
in the test set and its file, each picture at full size (original.png and so on), and with
--iterations iterations.png, the enhancers applied several times in a row.
"""
import argparse
from pathlib import Path

from .options import add_cfg_options

KINDS = ('best', 'median', 'worst')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?', help="the segmentor's weights, a file or an "
                        'address; default: load_from of the config')
    parser.add_argument('--out', type=Path, required=True, help='output folder')
    parser.add_argument('--from', dest='reports', type=Path, metavar='FOLDER',
                        help='output folder of `tools/test.py CONFIG --compare`, to choose by the '
                        'change of the IoU of each image; default work_dirs/CONFIG')
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument('--choose', nargs='+', choices=KINDS, default=KINDS)
    chosen.add_argument('--images', nargs='+', metavar='NAME',
                        help='these instead: file names, or ends of paths')
    parser.add_argument('--count', type=int, default=1, help='images of each kind; default 1')
    parser.add_argument('--by-condition', action='store_true',
                        help='so many for each condition by itself, night first')
    parser.add_argument('--iterations', nargs='+', type=int, metavar='N',
                        help='also apply the enhancers so many times, such as 1 2 4')
    add_cfg_options(parser)


def main(args: argparse.Namespace) -> None:
    """Draw the pictures, and say how many and where."""
    from ..engine.pictures import draw_pictures
    from ..runtime.malloc import tune_malloc_on_cpu
    tune_malloc_on_cpu()
    print(f'{draw_pictures(args)} images: {args.out}/panels.png')
