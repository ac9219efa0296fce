"""Several enhancers side by side, on the same images with the same segmentor."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.files import write_json, write_text
from .compare import interval_text, miou_interval, paired
from .report import class_titles, markdown, percent, terminal, write_csv, write_each
from .scores import POOLED

NONE = 'none'


def compare_enhancers(reports: Mapping[str, Mapping[str, Any]],
                      training_free: Sequence[str] = ()) -> dict[str, Any]:
    """One column for each enhancer, each against none and against the best training-free one.

    Args:
        reports: name of the enhancer -> its report from `read_report`; one is 'none'.
        training_free: which of the names are of enhancers that were not trained. The best is that
            with the highest pooled mIoU.

    Raises:
        InputError: none is missing, or the reports differ in classes, images, or in the labels that
            are not counted.
    """
    if NONE not in reports:
        raise InputError(f'Wanted a report without an enhancer, {NONE!r}, got {list(reports)}.')
    without = reports[NONE]
    for name, report in reports.items():
        if report['classes'] != without['classes']:
            raise InputError(f'The report of {name} is of other classes. Test all on one data set.')
        if report['ignored_labels'] != without['ignored_labels']:
            raise InputError(f'The report of {name} ignores the labels {report["ignored_labels"]}, '
                             f'that of {NONE} {without["ignored_labels"]}. Test all with one '
                             'ignore_index.')
    best = max((name for name in training_free if name in reports),
               key=lambda name: reports[name]['scores'][POOLED]['miou'] or 0, default=None)
    conditions = {
        condition: {name: dict(
            miou=report['scores'][condition]['miou'],
            miou_occurring=report['scores'][condition]['miou_occurring'],
            against_none=_change(without, report, condition),
            against_best_training_free=(
                None if best in (None, name) or name == NONE
                else _change(reports[best], report, condition)))
            for name, report in reports.items()} for condition in without['scores']}
    return dict(classes=without['classes'], ignored_labels=without['ignored_labels'],
                enhancers=list(reports), best_training_free=best,
                conditions=conditions,
                class_iou={name: report['scores'][POOLED]['class_iou']
                           for name, report in reports.items()},
                images={condition: scores['images']
                        for condition, scores in without['scores'].items()})


def _change(before: Mapping[str, Any], after: Mapping[str, Any],
            condition: str) -> dict[str, Any] | None:
    if before is after:
        return None
    old, new = (report['scores'][condition]['miou'] for report in (before, after))
    return dict(difference=None if None in (old, new) else new - old,
                **miou_interval(*paired(before['images'], after['images']), condition))


def enhancer_rows(comparison: Mapping[str, Any]) -> list[list[str]]:
    """The table, header first: IoU by class, then the mIoU of each condition, for each enhancer."""
    names, titles = comparison['enhancers'], class_titles(comparison)
    rows = [['class', *names]]
    rows += [[titles[each], *(percent(comparison['class_iou'][name][each]) for name in names)]
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
                             f'points of mIoU, {interval_text(change)}')
    return '\n'.join(lines + [f'{comparison["images"][POOLED]} images.'])


def show_enhancers(comparison: Mapping[str, Any], title: str,
                   folder: str | Path | None = None) -> None:
    """Print the comparison; write enhancers.json, .csv and .md to a folder, if one is given."""
    rows = enhancer_rows(comparison)
    print(terminal(rows, title, summary_rows=2 * len(comparison['conditions'])))
    print(sentences(comparison))
    if folder is None:
        return
    folder = Path(folder)
    write_json(folder / 'enhancers.json', comparison)
    write_each({
        folder / 'enhancers.csv': lambda path: write_csv(path, rows),
        folder / 'enhancers.md': lambda path: write_text(
            path, f'{markdown(rows)}\n\n{sentences(comparison)}\n')})
    print(f'Comparison: {folder}')
