r"""Rank the filters of a model by what it would gain if they saw the clean image (DeepCorrect).

Example:
    python tools/rank_filters.py --classifier configs/classifiers/mobilenetv2.py \
        --data data/imagenet_samples --limit 64 --corruptions gaussian_blur gaussian_noise \
        --severities 1 3 5 --layers 'conv1.conv' 'layer*.conv.*.conv'
    python tools/rank_filters.py --segmentor configs/mobilenetv2_camvid.py --limit 8 \
        --corruptions darken night contrast --severities 3 --layers 'layer?.*.conv.2.conv'

Of a model with a backbone, the layers are those of the backbone, named as in it. Images come from
--data, or for a segmentor from the data that its config trains on, whole and unchanged.

Prints the layers and writes OUT/priority.json, which CorrectedBackbone(ranking=...) reads, and
OUT/priority.png: the error against the number of corrected filters. A run that was stopped goes on
behind the last layer in OUT/layers.
"""
import argparse
from pathlib import Path

from ..errors import InputError
from .options import add_cfg_options, add_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument('--classifier', metavar='NAME[:WEIGHTS]', help='torchvision:NAME:WEIGHTS, '
                       'or a config or zoo name of MMPretrain with or without :WEIGHTS')
    model.add_argument('--segmentor', metavar='CONFIG', help='config of a segmentor')
    parser.add_argument('--checkpoint', help="the segmentor's weights; default: load_from of the "
                        'config')
    parser.add_argument('--data', type=Path, help='folder of photographs, for a classifier')
    parser.add_argument('--limit', type=int, default=64, help='so many images, spread evenly')
    parser.add_argument('--corruptions', nargs='+', required=True, metavar='NAME')
    parser.add_argument('--severities', nargs='+', type=int, default=[1, 3, 5],
                        choices=range(1, 6), metavar='1..5')
    parser.add_argument('--layers', nargs='+', metavar='PATTERN',
                        help="names such as 'layer1.*'; default: all convolutions. Linear layers "
                        'are ranked where they are named')
    parser.add_argument('--error', choices=['top1', 'miou', 'pixel'],
                        help='default: top1 for a classifier, miou (1 - mIoU) for a segmentor')
    parser.add_argument('--seed', type=int, default=0)
    add_device(parser)
    parser.add_argument('--autocast', choices=['bfloat16'], help='run the model in this')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/rank_filters'))
    add_cfg_options(parser, "the segmentor's config")


def main(args: argparse.Namespace) -> None:
    """Rank, show the layers, and say where the files are."""
    args.error = args.error or ('miou' if args.segmentor else 'top1')
    if (args.error == 'top1') != bool(args.classifier):
        raise InputError(f'--error {args.error} is not for a '
                         f'{"classifier" if args.classifier else "segmentor"}.')
    if args.limit < 1:
        raise InputError(f'--limit is a number of images from 1, got {args.limit}.')
    from ..engine.rank_filters import rank_filters
    from ..evaluation.report import terminal
    ranking, seconds = rank_filters(args)
    rows = [['layer', 'filters', 'error', 'best filter corrected', 'half', 'all']]
    for name, layer in ranking['layers'].items():
        errors, best = layer['curve']['error'], max(layer['priority'])
        rows.append([name, str(len(layer['order'])), f'{errors[0]:.4f}', f'{100 * best:+.2f}%',
                     f'{errors[len(errors) // 2]:.4f}', f'{errors[-1]:.4f}'])
    print(terminal(rows, f'{args.error} error, mean over levels', summary_rows=0))
    print(f'{sum(len(layer["order"]) for layer in ranking["layers"].values())} filters in '
          f'{seconds:.0f} s: {args.out}')
