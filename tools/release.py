"""Make a pretrained enhancer ready to give away: neutral on clean images, in half precision.

Example:
    python tools/release.py work_dirs/sympie_shipped/enhancer.pth enhancer.pth \\
        --clean data/imagenet_samples --limit 200 --strength 0.5 --min-contrast 40
    python tools/release.py work_dirs/sympie_matched/enhancer.pth enhancer.pth
"""
import argparse
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmseg_sympie.datasets.photographs import Photographs, stack_photographs
from mmseg_sympie.enhancer import SyMPIE
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import sha256, written_whole
from mmseg_sympie.pretraining.release import centre_on_clean, half_precision, shrink_to_identity


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    return parsed_args(parser)


def main() -> None:
    args = parse_args()
    if not 0 <= args.strength <= 1:
        raise InputError(f'--strength is a share from 0 to 1, got {args.strength:g}.')
    enhancer = SyMPIE(args.source, min_contrast_255=args.min_contrast).eval()
    if args.clean is not None:
        photographs = Photographs(args.clean, limit=args.limit, labels=None)
        batches = tqdm(DataLoader(photographs, 20, collate_fn=stack_photographs), unit='batch')
        centre_on_clean(enhancer, (batch['inputs'].float() / 255 for batch in batches))
    shrink_to_identity(enhancer, args.strength)
    # Given a path, torch.save writes its name into the file, and the checksum would depend on it.
    with written_whole(args.target) as partial, partial.open('wb') as file:
        torch.save(half_precision(enhancer), file)
    print(f'{args.target}  SHA-256 {sha256(args.target)}')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
