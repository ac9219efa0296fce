"""Rank the filters of a model by what it would gain from clean activations (DeepCorrect)."""
import argparse
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from torch import nn

from ..corruptions.by_name import corrupted, corruption_names
from ..datasets.photographs import Photographs
from ..deepcorrect.corrections import FilterLayer, filter_layers
from ..deepcorrect.plots import plot_ranking
from ..deepcorrect.priority import MEASURES
from ..deepcorrect.rank import Example, rank_layers
from ..errors import InputError
from ..io.config import building, load_config
from ..io.files import check_writable, write_json
from ..pretraining.stream import SegmentationCrops
from ..pretraining.upstream import MMSegSegmentor, check_classes
from .classification import build_classifiers


def rank_filters(args: argparse.Namespace) -> tuple[dict[str, Any], float]:
    """Rank by the options of the command; priority.json and priority.png go to `args.out`.

    Returns:
        The ranking, and the seconds that it took.
    """
    names = corruption_names(args.corruptions)
    check_writable(args.out)
    model, dataset = open_model(args)
    layers = chosen_layers(getattr(model.model, 'backbone', model.model), args.layers)
    model.to(args.device, memory_format=torch.channels_last)
    number = min(args.limit, len(dataset))
    settings = dict(model=args.classifier or args.segmentor, checkpoint=args.checkpoint,
                    data=str(args.data) if args.data else None, images=number, corruptions=names,
                    severities=args.severities, error=args.error, seed=args.seed,
                    autocast=args.autocast)
    start = time.perf_counter()
    with torch.autocast(torch.device(args.device).type, torch.bfloat16,
                        enabled=args.autocast is not None):
        ranking = rank_layers(model.logits, layers, partial(read_examples, dataset, args, names),
                              (number, len(names) * len(args.severities)), MEASURES[args.error],
                              args.out, settings)
    write_json(args.out / 'priority.json', ranking, indent=None)
    plot_ranking(ranking, args.out / 'priority.png')
    return ranking, time.perf_counter() - start


def open_model(args: argparse.Namespace) -> tuple[Any, Any]:
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


def chosen_layers(network: nn.Module, patterns: Sequence[str]) -> dict[str, FilterLayer]:
    """Layers by name, in the network's order."""
    layers = filter_layers(network)
    if not patterns:
        return {name: layer for name, layer in layers.items() if isinstance(layer, nn.Conv2d)}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in layers):
            raise InputError(f'No layer is named {pattern!r}; there are {", ".join(layers)}.')
    return {name: layer for name, layer in layers.items()
            if any(fnmatchcase(name, pattern) for pattern in patterns)}


def read_examples(dataset: Any, args: argparse.Namespace,
                  names: Sequence[str]) -> Iterator[Example]:
    """Each image, clean and under every corruption and severity."""
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
