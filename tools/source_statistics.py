"""Measure what a model was trained on: black point, mean and covariance of the colours.

Example:
    python tools/source_statistics.py configs/mobilenetv2_camvid.py --out camvid.json
    python tools/source_statistics.py my_training_images/ --out mine.json

The file is what `source='mine.json'` in a data preprocessor takes.
"""
import argparse
from pathlib import Path

from mmseg_sympie.engine.source_statistics import measure_source, training_images
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io.config import CfgOptions, load_config, parsed_args
from mmseg_sympie.io.files import write_text
from mmseg_sympie.io.images import files_below


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', type=Path, metavar='CONFIG_OR_FOLDER',
                        help='the config that the model was trained with, or its training images')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE.json')
    parser.add_argument('--limit', type=int, metavar='N',
                        help='of so many images, spread evenly (a few hundred are enough)')
    parser.add_argument('--origin', default='', help='a note on where the images come from')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={},
                        metavar='KEY=VALUE', help='changes to the config; data_root=FOLDER sets '
                        'the root of all its data sets')
    return parsed_args(parser)


def main() -> None:
    args = parse_args()
    if args.out.suffix != '.json':
        raise InputError(f'--out {args.out}: wanted a name that ends in .json, by which source= '
                         'tells a file from a name.')
    paths = ([str(args.data / file) for file in files_below(args.data)] if args.data.is_dir() else
             training_images(load_config(str(args.data), args.cfg_options)))
    source = measure_source(paths, args.limit, args.origin or f'images of {args.data.name}')
    write_text(args.out, source.to_json())
    mean, contrast = (', '.join(f'{value:.1f}' for value in values) for values in (
        source.mean, (row[channel] ** 0.5 for channel, row in enumerate(source.covariance))))
    print(f'{source.images} images: RGB mean {mean}, deviation {contrast} on 0..255\n{args.out}')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
