"""Accuracy of classifiers on corrupted images, with and without enhancers."""
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

from ..corruptions.by_name import GROUPS, corruption_names
from ..datasets.photographs import Photographs
from ..datasets.vizwiz import VizWizClassification
from ..evaluation.classification import (
    Tally,
    corruption_rows,
    make_accuracy_report,
    summary_rows,
    write_accuracy_report,
)
from ..evaluation.report import terminal
from ..evaluation.run_record import versions
from ..io.files import check_writable, write_json
from ..pretraining.upstream import check_classes
from .batches import (
    Batch,
    Loading,
    corrupted_batches,
    folder_batches,
    severity_folders,
    vizwiz_batches,
)
from .classification import build_classifiers, build_enhancers, count


def test_classifiers(args: argparse.Namespace) -> None:
    """Test as the options of the command say; show and write accuracies or answers.

    A run that stops early leaves what is done in `args.out/partial`.

    Raises:
        InputError: data, classifiers and enhancers do not fit together.
    """
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
    tally, start = Tally(), time.perf_counter()
    answers: dict[tuple[str, str], list] = {}
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


def open_data(args: argparse.Namespace,
              loading: Loading) -> tuple[Sequence[Photographs], Iterator[Batch], int]:
    """The data sets, their batches, and how many these are."""
    if args.vizwiz:
        flawed = VizWizClassification(args.vizwiz, args.data, limit=args.limit)
        return [flawed], vizwiz_batches(flawed, loading), loading.num_batches(len(flawed))
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
    """Print the table of each classifier, and their summary."""
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
