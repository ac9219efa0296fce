"""Measure what a model was trained on: black point, colours, skew of the brightness, detail.

Example:
    python tools/source_statistics.py configs/mobilenetv2_camvid.py --out camvid.json
    python tools/source_statistics.py my_training_images/ --out mine.json

The file is what `source='mine.json'` in a data preprocessor takes. The images of a config are
measured at the size at which it tests, those of a folder as they are.
"""
import argparse
import math
from pathlib import Path

from ..errors import InputError
from .options import add_cfg_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('data', type=Path, metavar='CONFIG_OR_FOLDER',
                        help='the config that the model was trained with, or its training images')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE.json')
    parser.add_argument('--limit', type=int, metavar='N',
                        help='of so many images, spread evenly (a few hundred are enough)')
    parser.add_argument('--origin', default='', help='a note on where the images come from')
    add_cfg_options(parser)


def main(args: argparse.Namespace) -> None:
    """Measure, write the file, and show means and deviations."""
    if args.out.suffix != '.json':
        raise InputError(f'--out {args.out}: wanted a name that ends in .json, by which source= '
                         'tells a file from a name.')
    if args.out.is_dir():
        raise InputError(f'--out {args.out} is a folder. Choose another name.')
    if args.limit is not None and args.limit < 2:
        raise InputError(f'--limit is at least 2, got {args.limit}.')
    from ..engine.file_runs import counted
    from ..engine.source_statistics import (
        images_below,
        measure_source,
        resize_of_tests,
        training_images,
    )
    from ..io.config import load_config
    from ..io.files import check_writable, write_text
    from ..io.images import evenly
    check_writable(args.out.parent)
    if args.data.is_dir():
        paths, resize = images_below(args.data), None
    else:
        cfg = load_config(str(args.data), args.cfg_options)
        paths, resize = training_images(cfg), resize_of_tests(cfg)
    paths = evenly(paths, args.limit)
    source = measure_source(paths, args.origin or f'images of {args.data.name}', resize)
    write_text(args.out, source.to_json())
    mean, contrast = (', '.join(f'{value:.1f}' for value in values) for values in (
        source.mean, (row[channel] ** 0.5 for channel, row in enumerate(source.covariance))))
    size = 'as the config tests them' if resize else 'as they are'
    blank = len(paths) - source.images
    if blank:
        print(f'{counted(blank, "image")} of one colour left out, which say nothing of a source')
    print(f'{source.images} images, {size}: RGB mean {mean}, deviation {contrast} on 0..255, log '
          f'skew {source.log_skew:.2f}, detail {math.exp(source.log_detail):.1f} grey levels\n'
          f'{args.out}')
