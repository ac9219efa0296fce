r"""Write ImageNet-C, ImageNet-C-bar or ImageNetC-mixed from any images; or draw all corruptions.

Example:
    python tools/corrupt.py data/imagenet/val --out data/imagenet-c
    python tools/corrupt.py data/photos_ccby --out data/photos-c --corruptions street fog mixed \
        --severities 3 --short-side 0 --crop 0 --format png
    python tools/corrupt.py photo.jpg --gallery gallery.png --severities 3

Images go to OUT/CORRUPTION/SEVERITY/CLASS/IMAGE. CLASS is the folder of the original, or its number
where the originals come with labels.csv, and is left out where they have neither. Files that exist
are skipped: call it again to go on, or to add corruptions, severities or images. The seed and names
alone decide what is drawn; only other devices (CPU, CUDA) draw other numbers. The settings are
written to OUT/corruptions.json.
"""
import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from .options import add_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('source', type=Path, help='folder of images; for --gallery one image')
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('--out', type=Path, help='the folder to write')
    target.add_argument('--gallery', type=Path, metavar='FIGURE',
                        help='draw one image under the corruptions (.png, .pdf, ...)')
    parser.add_argument('--corruptions', nargs='+', metavar='NAME',
                        help='imagenet-c (15; the default), extra (4), street (4), pool (these 23; '
                        'the default of --gallery), imagenet-c-bar (10), mixed, or single ones')
    parser.add_argument('--severities', nargs='+', type=int, choices=range(1, 6), metavar='1..5',
                        help='all five; for --gallery one (3)')
    parser.add_argument('--short-side', type=int, default=256, metavar='PIXELS',
                        help='resize to this short side (256); 0 leaves images as they are')
    parser.add_argument('--crop', type=int, default=224, metavar='PIXELS',
                        help='cut out the central square (224); 0 leaves images as they are')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--format', choices=('jpg', 'png'), default='jpg',
                        help='jpg of quality 85 as the released ImageNet-C (the default), or '
                        'lossless png')
    parser.add_argument('--limit', type=int, help='only so many images, spread evenly')
    add_device(parser)
    parser.add_argument('--workers', type=int, help='processes (one for each core; on CUDA none)')


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, with the defaults that depend on others."""
    args = parser.parse_args(argv)
    for name in ('short_side', 'crop', 'workers'):
        if (getattr(args, name) or 0) < 0:
            parser.error(f'--{name.replace("_", "-")} must not be negative')
    if args.gallery and len(args.severities or [3]) > 1:
        parser.error('--gallery shows one severity')
    default = ('pool', [3]) if args.gallery else ('imagenet-c', [1, 2, 3, 4, 5])
    args.corruptions = args.corruptions or [default[0]]
    args.severities = sorted(set(args.severities or default[1]))
    return args


def main(args: argparse.Namespace) -> None:
    """Write the tree or draw the gallery, and say how many images it has."""
    from ..engine.corruption import draw_corruptions, write_tree
    from ..runtime.malloc import tune_malloc
    tune_malloc()
    if args.workers is None:
        args.workers = os.cpu_count() if args.device == 'cpu' else 0
    if args.gallery:
        number = draw_corruptions(args)
        print(f'{number} corruptions of {args.source}: {args.gallery}')
    else:
        written, total = write_tree(args)
        print(f'Wrote {written} of {total} images, the others were there: {args.out}')
