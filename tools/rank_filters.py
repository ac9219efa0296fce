"""Rank the filters of a model by what it would gain if they saw the clean image (DeepCorrect).

Example:
    python tools/rank_filters.py --classifier configs/classifiers/mobilenetv2.py \\
        --data data/imagenet_samples --limit 64 --corruptions gaussian_blur gaussian_noise \\
        --severities 1 3 5 --layers 'conv1.conv' 'layer*.conv.*.conv'
    python tools/rank_filters.py --segmentor configs/mobilenetv2_camvid.py --limit 8 \\
        --corruptions darken night contrast --severities 3 --layers 'layer?.*.conv.2.conv'

Of a model with a backbone, the layers are those of the backbone, named as in it. Images come from
--data, or for a segmentor from the data that its config trains on, whole and unchanged.

Prints the layers and writes OUT/priority.json, which CorrectedBackbone(ranking=...) reads, and
OUT/priority.png: the error against the number of corrected filters. A run that was stopped goes on
behind the last layer in OUT/layers.
"""
import argparse
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset

from mmseg_sympie.cli.options import device
from mmseg_sympie.datasets.photographs import Photographs
from mmseg_sympie.deepcorrect.corrections import filter_layers
from mmseg_sympie.deepcorrect.plots import plot_ranking
from mmseg_sympie.deepcorrect.priority import MEASURES
from mmseg_sympie.deepcorrect.rank import Example, rank_layers
from mmseg_sympie.engine.batches import corrupted, corruption_names
from mmseg_sympie.engine.classification import build_classifiers
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.evaluation.report import terminal
from mmseg_sympie.io.config import CfgOptions, building, load_config, parsed_args
from mmseg_sympie.io.files import check_writable, write_json
from mmseg_sympie.pretraining.stream import SegmentationCrops
from mmseg_sympie.pretraining.upstream import MMSegSegmentor, check_classes


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    parser.add_argument('--device', type=device,
                        default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--autocast', choices=['bfloat16'], help='run the model in this')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/rank_filters'))
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={},
                        metavar='KEY=VALUE', help="changes to the segmentor's config; "
                        'data_root=FOLDER sets the root of all its data sets')
    return parsed_args(parser)


def open_model(args: argparse.Namespace):
    """The model and its data set."""
    if args.segmentor:
        cfg = load_config(args.segmentor, args.cfg_options)
        if 'train_dataloader' not in cfg:
            raise InputError(f'{args.segmentor} has no train_dataloader, whose images to rank on.')
        data = cfg.train_dataloader.dataset
        data.pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
                         dict(type='PackSegInputs')]
        with building('what the config names'):
            return MMSegSegmentor(cfg, args.checkpoint), SegmentationCrops(data)
    if not args.data:
        raise InputError('--classifier needs --data, a folder of photographs with classes.')
    model, _ = next(iter(build_classifiers([args.classifier]).values()))
    dataset = Photographs(args.data)
    check_classes(dataset, model, args.classifier)
    if dataset.num_classes == 0:
        raise InputError(f'{args.data} has no labels, and errors are counted by them.')
    return model, dataset


def chosen_layers(network: nn.Module, patterns: Sequence[str]) -> dict[str, nn.Module]:
    """Layers by name, in the network's order."""
    layers = filter_layers(network)
    if not patterns:
        return {name: layer for name, layer in layers.items() if isinstance(layer, nn.Conv2d)}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in layers):
            raise InputError(f'No layer is named {pattern!r}; there are {", ".join(layers)}.')
    return {name: layer for name, layer in layers.items()
            if any(fnmatchcase(name, pattern) for pattern in patterns)}


def read_examples(dataset: Dataset, args: argparse.Namespace,
                  names: Sequence[str]) -> Iterator[Example]:
    number = min(args.limit, len(dataset))
    for index in (i * len(dataset) // number for i in range(number)):
        item = dataset[index]
        # In the layout that the model has, which convolutions are fast in.
        clean = item['inputs'][None].to(args.device).float() / 255
        clean = clean.contiguous(memory_format=torch.channels_last)
        yield Example(clean, {(name, severity): corrupted(clean, name, severity,
                                                          (args.seed, index))
                              for name in names for severity in args.severities},
                      torch.as_tensor(item['target'])[None].to(args.device))


def main() -> None:
    args = parse_args()
    error = args.error or ('miou' if args.segmentor else 'top1')
    if (error == 'top1') != bool(args.classifier):
        raise InputError(f'--error {error} is not for a '
                         f'{"classifier" if args.classifier else "segmentor"}.')
    if args.limit < 1:
        raise InputError(f'--limit is a number of images from 1, got {args.limit}.')
    names = corruption_names(args.corruptions)
    check_writable(args.out)
    model, dataset = open_model(args)
    layers = chosen_layers(getattr(model.model, 'backbone', model.model), args.layers)
    model.to(args.device, memory_format=torch.channels_last)
    number = min(args.limit, len(dataset))
    settings = dict(model=args.classifier or args.segmentor, checkpoint=args.checkpoint,
                    data=str(args.data) if args.data else None, images=number, corruptions=names,
                    severities=args.severities, error=error, seed=args.seed,
                    autocast=args.autocast)
    start = time.perf_counter()
    with torch.autocast(torch.device(args.device).type, torch.bfloat16,
                        enabled=args.autocast is not None):
        ranking = rank_layers(model.logits, layers, partial(read_examples, dataset, args, names),
                              (number, len(names) * len(args.severities)), MEASURES[error],
                              args.out, settings)
    write_json(args.out / 'priority.json', ranking, indent=None)
    plot_ranking(ranking, args.out / 'priority.png')
    rows = [['layer', 'filters', 'error', 'best filter corrected', 'half', 'all']]
    for name, layer in ranking['layers'].items():
        errors, best = layer['curve']['error'], max(layer['priority'])
        rows.append([name, str(len(layer['order'])), f'{errors[0]:.4f}', f'{100 * best:+.2f}%',
                     f'{errors[len(errors) // 2]:.4f}', f'{errors[-1]:.4f}'])
    print(terminal(rows, f'{error} error, mean over levels', summary_rows=0))
    print(f'{sum(len(layer["order"]) for layer in ranking["layers"].values())} filters in '
          f'{time.perf_counter() - start:.0f} s: {args.out}')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
