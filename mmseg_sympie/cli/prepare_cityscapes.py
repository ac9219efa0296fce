"""Make the train-id labels of Cityscapes, *_gtFine_labelTrainIds.png, from its polygons.

Example:
    python tools/prepare_cityscapes.py data/cityscapes

Files that cannot be read are named at the end, and the others made.
"""
import argparse
from pathlib import Path

from ..errors import InputError

STANDALONE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('root', type=Path, help='the folder that holds gtFine/')
    parser.add_argument('--workers', type=int, default=2)


def main(args: argparse.Namespace) -> None:
    """Make the labels, and say how many; name the files that gave none."""
    from ..engine.cityscapes_labels import make_labels
    made = make_labels(args.root, args.workers)
    print(f'{made.made} labels made, {made.there} were there.')
    if made.problems:
        raise InputError('\n- '.join([f'no label from {len(made.problems)} of {made.total} polygon '
                                      'files. Unpack them again:', *made.problems]))
