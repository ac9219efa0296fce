"""Render synthetic street scenes in the tree of ACDC: clear ones to train on, adverse ones to test.

Example:
    python tools/render_scenes.py --out data/demo --train 400 --val 12 --seed 0

OUT/rgb_anon/CONDITION/SPLIT/scenes/ holds the images and OUT/gt/... their labels (Cityscapes
train ids). CONDITION is clear, fog, night, rain or snow; only clear has SPLIT train.
"""
import argparse
from collections.abc import Sequence
from pathlib import Path

STANDALONE = True
MOST_SCENES = 99_999


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('--out', type=Path, required=True, help='the folder to write')
    parser.add_argument('--train', type=int, default=400, help='clear scenes to train on (400)')
    parser.add_argument('--val', type=int, default=12, help='test scenes of each condition (12)')
    parser.add_argument('--seed', type=int, default=0, help='another seed, other streets (0)')
    parser.add_argument('--only-val', action='store_true', help='write no training scenes')


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, in their ranges."""
    args = parser.parse_args(argv)
    for name in ('train', 'val'):
        if not 0 <= getattr(args, name) <= MOST_SCENES:
            parser.error(f'--{name} must be from 0 to {MOST_SCENES}')
    if args.seed < 0:
        parser.error('--seed must not be negative')
    return args


def main(args: argparse.Namespace) -> None:
    """Write the scenes that are missing, and say how many."""
    from ..engine.scenes import render_scenes
    written, total = render_scenes(args.out, 0 if args.only_val else args.train, args.val,
                                   args.seed)
    print(f'Wrote {written} scenes to {args.out}.' if written else
          f'All {total} scenes are already in {args.out}.')
