r"""Make a pretrained enhancer ready to give away: neutral on clean images, in half precision.

Example:
    python tools/release.py work_dirs/sympie_shipped/enhancer.pth enhancer.pth \
        --clean data/imagenet_samples --limit 200 --strength 0.5 --min-contrast 40
    python tools/release.py work_dirs/sympie_matched/enhancer.pth enhancer.pth
"""
import argparse
from pathlib import Path

from ..errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('source', help='enhancer.pth of a pretraining run')
    parser.add_argument('target', help='where to write the result')
    parser.add_argument('--clean', type=Path,
                        help='photographs that should stay as they are on average: those of the '
                        'pretraining. Leave it out for an enhancer that corrects the match to a '
                        'source, which leaves images like the source alone by itself')
    parser.add_argument('--limit', type=int, help='only so many of them, spread evenly')
    parser.add_argument('--strength', type=float, default=1.0, metavar='0..1',
                        help='how much of the predicted change is kept')
    parser.add_argument('--min-contrast', type=float, metavar='0..127.5',
                        help='stretch images of less contrast to this one first '
                        '(min_contrast_255 of SyMPIE); by default that of the source')


def main(args: argparse.Namespace) -> None:
    """Write the enhancer, and say its checksum."""
    if not 0 <= args.strength <= 1:
        raise InputError(f'--strength is a share from 0 to 1, got {args.strength:g}.')
    from ..engine.release import release_enhancer
    from ..io.files import sha256
    release_enhancer(args.source, args.target, args.clean, args.limit, args.strength,
                     args.min_contrast)
    print(f'{args.target}  SHA-256 {sha256(args.target)}')
