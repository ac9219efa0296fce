"""Several enhancers side by side, on the same images with the same segmentor."""
import csv
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ..errors import InputError
from ..files import written_whole
from .compare import bootstrap_interval, paired
from .report import POOLED, markdown, percent, terminal

NONE = 'none'


def compare_enhancers(reports: Mapping[str, Mapping[str, Any]],
                      training_free: Sequence[str] = ()) -> Dict[str, Any]:
    """One column for each enhancer, each against none and against the best training-free one.

    Args:
        reports: name of the enhancer -> its report from `read_report`; one is 'none'.
        training_free: which of the names are of enhancers that were not trained. The best is that
            with the highest pooled mIoU.

    Raises:
        InputError: none is missing, or the reports are not of the same classes and images.
    """
    if NONE not in reports:
        raise InputError(f'Wanted a report without an enhancer, {NONE!r}, got {list(reports)}.')
    without = reports[NONE]
    for name, report in reports.items():
        if report['classes'] != without['classes']:
            raise InputError(f'The report of {name} is of other classes. Test all on one data set.')
    best = max((name for name in training_free if name in reports),
               key=lambda name: reports[name]['scores'][POOLED]['miou'], default=None)
    conditions = {
        condition: {name: dict(
            miou=report['scores'][condition]['miou'],
            miou_occurring=report['scores'][condition]['miou_occurring'],
            against_none=_change(without, report, condition),
            against_best_training_free=(
                None if best in (None, name) or name == NONE
                else _change(reports[best], report, condition)))
            for name, report in reports.items()} for condition in without['scores']}
    return dict(classes=without['classes'], enhancers=list(reports), best_training_free=best,
                conditions=conditions,
                class_iou={name: report['scores'][POOLED]['class_iou']
                           for name, report in reports.items()},
                images={condition: scores['images']
                        for condition, scores in without['scores'].items()})


def _change(before: Mapping[str, Any], after: Mapping[str, Any],
            condition: str) -> Optional[Dict[str, Any]]:
    if before is after:
        return None
    pairs = [(old.confusion, new.confusion) for old, new in zip(
        *paired(before['images'], after['images'])) if condition in (POOLED, old.condition)]
    old, new = (report['scores'][condition]['miou'] for report in (before, after))
    return dict(difference=None if None in (old, new) else new - old,
                interval_95=bootstrap_interval(*map(list, zip(*pairs))))


def enhancer_rows(comparison: Mapping[str, Any]) -> List[List[str]]:
    """The table, header first: IoU by class, then the mIoU of each condition, for each enhancer."""
    names = comparison['enhancers']
    rows = [['class', *names]]
    rows += [[each, *(percent(comparison['class_iou'][name][each]) for name in names)]
             for each in comparison['classes']]
    for condition, scores in comparison['conditions'].items():
        title = 'mIoU' if condition == POOLED else f'mIoU {condition}'
        rows.append([title, *(percent(scores[name]['miou']) for name in names)])
        rows.append([f'{title}, occurring classes',
                     *(percent(scores[name]['miou_occurring']) for name in names)])
    return rows


def sentences(comparison: Mapping[str, Any]) -> str:
    """The changes of the pooled mIoU with their intervals, one line for each."""
    best, lines = comparison['best_training_free'], []
    for name, scores in comparison['conditions'][POOLED].items():
        for base, key in ((NONE, 'against_none'), (best, 'against_best_training_free')):
            change = scores[key]
            # Where the best training-free enhancer is all there is, it stands in the first line.
            if change is not None and base != name:
                lines.append(f'{name} against {base}: {percent(change["difference"], sign=True)} '
                             f'points of mIoU, {_interval(change["interval_95"])}')
    return '\n'.join(lines + [f'{comparison["images"][POOLED]} images.'])


def _interval(interval: Optional[Sequence[float]]) -> str:
    return ('too few images for an interval' if interval is None else
            f'95% interval [{interval[0]:+.2f}, {interval[1]:+.2f}]')


def show_enhancers(comparison: Mapping[str, Any], title: str,
                   folder: Optional[Union[str, Path]] = None) -> None:
    """Print the comparison; write enhancers.json, .csv and .md to a folder, if one is given."""
    rows = enhancer_rows(comparison)
    print(terminal(rows, title, summary_rows=2 * len(comparison['conditions'])))
    print(sentences(comparison))
    if folder is None:
        return
    folder = Path(folder)
    with written_whole(folder / 'enhancers.json') as path:
        path.write_text(json.dumps(comparison, indent=1, allow_nan=False), encoding='utf-8')
    with written_whole(folder / 'enhancers.csv') as path, path.open(
            'w', newline='', encoding='utf-8') as file:
        csv.writer(file).writerows(rows)
    with written_whole(folder / 'enhancers.md') as path:
        path.write_text(f'{markdown(rows)}\n\n{sentences(comparison)}\n', encoding='utf-8')
    print(f'Comparison: {folder}')
