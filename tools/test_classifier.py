"""Accuracy of classifiers on corrupted images, with and without enhancers.

Example:
    python tools/test_classifier.py --classifier configs/classifiers/efficientnet_lite0.py \
        --data data/photos_ccby --enhancer default --enhancer MeanMatch
    python tools/test_classifier.py --data data/photos_ccby --iterations 1 2 4 --enhancer default \
        --classifier torchvision:mobilenet_v2:checkpoints/mobilenet_v2-b0353104.pth \
        --corruptions imagenet-c-bar mixed
    python tools/test_classifier.py --classifier torchvision:resnet50:IMAGENET1K_V2 \
        --data /data/imagenet-c --clean /data/imagenet/val --enhancer default
    python tools/test_classifier.py --classifier torchvision:resnet50:IMAGENET1K_V2 \
        --data /data/vizwiz/images --vizwiz /data/vizwiz/annotations.json --enhancer default

--data is a folder of clean images (labels.csv, or a folder for each class), which are corrupted on
the fly; or a tree corruption/severity/class/image such as ImageNet-C, whose images are taken pixel
for pixel; or with --vizwiz the images of VizWiz-Classification. VizWiz's public annotations hold no
labels: then OUT/predictions/*.json are written, as its server takes them, and no accuracies.

Prints the tables and writes OUT/accuracy.json, .csv, .md and .png.
"""
import argparse
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from mmseg_sympie.cli.options import device
from mmseg_sympie.datasets.photographs import Photographs
from mmseg_sympie.datasets.vizwiz import VizWizClassification
from mmseg_sympie.engine.batches import (
    GROUPS,
    Batch,
    Loading,
    corrupted_batches,
    corruption_names,
    folder_batches,
    severity_folders,
    vizwiz_batches,
)
from mmseg_sympie.engine.classification import build_classifiers, build_enhancers, count
from mmseg_sympie.engine.segmentation import versions
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.evaluation.classification import (
    Tally,
    corruption_rows,
    make_accuracy_report,
    summary_rows,
    write_accuracy_report,
)
from mmseg_sympie.evaluation.report import terminal
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable, write_json
from mmseg_sympie.pretraining.upstream import check_classes
from mmseg_sympie.runtime.malloc import tune_malloc


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--classifier', action='append', required=True, metavar='NAME[:WEIGHTS]',
                        help='torchvision:NAME:WEIGHTS, or a config or zoo name of MMPretrain with '
                        'or without :WEIGHTS; give it again for several')
    parser.add_argument('--data', type=Path, required=True, help='folder of the images')
    parser.add_argument('--clean', type=Path, help='clean images to go with a corrupted tree')
    parser.add_argument('--vizwiz', type=Path, metavar='ANNOTATIONS',
                        help='annotations.json of VizWiz-Classification')
    parser.add_argument('--corruptions', nargs='+', default=['imagenet-c'], metavar='NAME',
                        help="imagenet-c, imagenet-c-bar, mixed, pool, or single ones; 'all' in "
                        'the tables is the mean over all of them')
    parser.add_argument('--severities', nargs='+', type=int, default=[1, 2, 3, 4, 5],
                        choices=range(1, 6), metavar='1..5')
    parser.add_argument('--enhancer', action='append', default=[], metavar='WHICH',
                        help='default (the weights that ship), a checkpoint, MeanMatch[:TARGET], '
                        'or several joined by +; none is always tested; give it again for several')
    parser.add_argument('--iterations', nargs='+', type=int, default=[1],
                        help='how often SyMPIE is applied; several are tested each')
    parser.add_argument('--limit', type=int, help='only so many images, spread evenly')
    parser.add_argument('--batch-size', type=int, default=50)
    parser.add_argument('--workers', type=int, default=0, help='processes that load images')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--device', type=device,
                        default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--autocast', choices=['bfloat16'],
                        help='run the classifiers in this; enhancers stay in float32')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/test_classifier'))
    return parsed_args(parser)


def open_data(args: argparse.Namespace,
              loading: Loading) -> tuple[Sequence[Photographs], Iterator[Batch], int]:
    """The data sets, their batches, and how many these are."""
    if args.vizwiz:
        dataset = VizWizClassification(args.vizwiz, args.data, limit=args.limit)
        return [dataset], vizwiz_batches(dataset, loading), loading.num_batches(len(dataset))
    folders = severity_folders(args.data) if args.data.is_dir() else {}
    if folders:
        datasets = {key: Photographs(path, None, None, args.limit)
                    for key, path in folders.items()}
        if args.clean:
            datasets['clean', '0'] = Photographs(args.clean, limit=args.limit)
        total = sum(loading.num_batches(len(dataset)) for dataset in datasets.values())
        return list(datasets.values()), folder_batches(datasets, loading), total
    names = corruption_names(args.corruptions)
    dataset = Photographs(args.data, limit=args.limit)
    total = loading.num_batches(len(dataset)) * (1 + len(names) * len(args.severities))
    return [dataset], corrupted_batches(dataset, loading, names, args.severities,
                                        args.seed), total


def show(report: Mapping[str, Any]) -> None:
    for classifier in report['classifiers']:
        print(terminal(corruption_rows(report, classifier), classifier, summary_rows=2))
    print(terminal(summary_rows(report), 'accuracy in percent', summary_rows=0))


def write(out: Path, tally: Tally, answers: Mapping[tuple[str, str], list],
          details: dict[str, Any], seconds: float) -> None:
    """Show and write what there is: accuracies, or answers to unlabelled images."""
    for (classifier, enhancer), pairs in answers.items():
        name = re.sub(r'[^\w.+-]', '_', f'{classifier}-{enhancer}')
        write_json(out / f'predictions/{name}.json', pairs, indent=None)
    number = (sum(int(counts[0]) for counts in tally.cells.values())
              + sum(map(len, answers.values())))
    details.update(seconds=round(seconds, 1), answers_per_second=round(number / seconds, 1))
    if tally.cells:
        report = make_accuracy_report(tally, GROUPS, details)
        write_accuracy_report(out, report)
        show(report)
    print(f'{number} answers in {seconds:.0f} s, {number / seconds:.1f} a second: {out}')


def main() -> None:
    args = parse_args()
    if args.batch_size < 1:
        raise InputError(f'--batch-size is a number of images from 1, got {args.batch_size}.')
    check_writable(args.out)
    loading = Loading(args.batch_size, args.workers, args.device)
    datasets, batches, total = open_data(args, loading)
    enhancers = build_enhancers(args.enhancer, args.iterations)
    classifiers = build_classifiers(args.classifier)
    for name, (model, _) in classifiers.items():
        for dataset in datasets:
            check_classes(dataset, model.to(args.device), name)
    details = dict(
        command=shlex.join(sys.argv), date=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        classifiers={name: facts for name, (_, facts) in classifiers.items()},
        enhancers={name: facts for name, (_, facts) in enhancers.items()},
        images=len(datasets[0]), batch_size=args.batch_size, seed=args.seed, device=args.device,
        autocast=args.autocast, versions=dict(versions()))
    tally, answers, start = Tally(), {}, time.perf_counter()
    place = dict(device=args.device, memory_format=torch.channels_last)
    precision = torch.autocast(torch.device(args.device).type, torch.bfloat16,
                               enabled=args.autocast is not None)
    try:
        with precision:
            count(batches, total,
                  {name: model.to(**place).logits for name, (model, _) in classifiers.items()},
                  {name: module.to(**place) for name, (module, _) in enhancers.items()},
                  tally, answers)
    except BaseException:
        if tally.cells or answers:
            details = dict(partial='PARTIAL: the run stopped early', **details)
            print('\nStopped early. What is done so far:')
            write(args.out / 'partial', tally, answers, details, time.perf_counter() - start)
        raise
    write(args.out, tally, answers, details, time.perf_counter() - start)


if __name__ == '__main__':
    tune_malloc()
    with errors_without_traceback():
        main()
