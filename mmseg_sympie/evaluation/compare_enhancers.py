"""Several enhancers side by side, on the same images with the same segmentor."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.files import write_json
from .compare import interval_text
from .differences import is_clear, miou_interval, paired
from .report import (
    class_titles,
    percent,
    terminal,
    write_comparison_markdown,
    write_csv,
    write_each,
)
from .scores import MEANS, POOLED

NONE = 'none'
MOST_ROWS = 14  # of the table on the terminal


def compare_enhancers(reports: Mapping[str, Mapping[str, Any]],
                      training_free: Sequence[str] = (),
                      baseline: str = NONE) -> dict[str, Any]:
    """One column for each enhancer, each against none and against the best training-free one.

    Args:
        reports: name of the enhancer -> its report from `read_report`.
        training_free: which of the names are of enhancers that were not trained. The best is that
            with the highest pooled mIoU.
        baseline: the name of the run that the others are compared with.

    Raises:
        InputError: the baseline is missing, or the reports differ in classes, images, or in the
            labels that are not counted.
    """
    if baseline not in reports:
        raise InputError(f'Wanted a report without an enhancer, {baseline!r}, got '
                         f'{list(reports)}.')
    without = reports[baseline]
    for name, report in reports.items():
        if report['classes'] != without['classes']:
            raise InputError(f'The report of {name} is of other classes. Test all on one data set.')
        if report['ignored_labels'] != without['ignored_labels']:
            raise InputError(f'The report of {name} ignores the labels {report["ignored_labels"]}, '
                             f'that of {baseline} {without["ignored_labels"]}. Test all with one '
                             'ignore_index.')
    best = max((name for name in training_free if name in reports),
               key=lambda name: reports[name]['scores'][POOLED]['miou'] or 0, default=None)
    conditions = {
        condition: {name: dict(
            **{key: report['scores'][condition][key] for key in MEANS.values()},
            against_none=_change(without, report, condition),
            against_best_training_free=(
                None if best in (None, name) or name == baseline
                else _change(reports[best], report, condition)))
            for name, report in reports.items()} for condition in without['scores']}
    return dict(classes=without['classes'], ignored_labels=without['ignored_labels'],
                details={name: report['details'] for name, report in reports.items()},
                baseline=baseline, enhancers=list(reports), best_training_free=best,
                training_free=[name for name in training_free if name in reports],
                synthetic=bool(without['details'].get('data', {}).get('synthetic')),
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
        for title, key in MEANS.items():
            of = '' if condition == POOLED else f', {condition}'
            rows.append([title + of, *(percent(scores[name][key]) for name in names)])
    return rows


def score_rows(comparison: Mapping[str, Any]) -> list[list[str]]:
    """The short table, header first: mIoU by condition and the change, a row for each enhancer."""
    conditions = comparison['conditions']
    rows = [['mIoU', *conditions, 'change', '95% interval']]
    for name in comparison['enhancers']:
        change = conditions[POOLED][name]['against_none']
        interval = change and change['miou_interval_95']
        rows.append([name, *(percent(scores[name]['miou']) for scores in conditions.values()),
                     percent(change['difference'], sign=True) if change else '',
                     f'[{interval[0]:+.2f}, {interval[1]:+.2f}]' if interval else ''])
    return rows


def sentences(comparison: Mapping[str, Any]) -> str:
    """The changes of the pooled mIoU with their intervals, one line for each."""
    best, lines = comparison['best_training_free'], []
    for name, scores in comparison['conditions'][POOLED].items():
        for base, key in ((comparison['baseline'], 'against_none'),
                          (best, 'against_best_training_free')):
            change = scores[key]
            # Where the best training-free enhancer is all there is, it stands in the first line.
            if change is not None and base != name:
                lines.append(f'{name} against {base}: {percent(change["difference"], sign=True)} '
                             f'points of mIoU, {interval_text(change)}')
    return '\n'.join(lines + [f'{comparison["images"][POOLED]} images.'])


def conclusion(comparison: Mapping[str, Any]) -> list[str]:
    """At most five plain sentences: what helped, whether training was worth it, what it cost."""
    pooled, base = comparison['conditions'][POOLED], comparison['baseline']
    free = comparison['best_training_free']
    others = [name for name in pooled if name != base and name not in comparison['training_free']]
    other = max(others, key=lambda name: pooled[name]['miou'] or 0, default=None)
    kind = 'synthetic images' if comparison['synthetic'] else 'images'
    first = 'Without an enhancer' if base == NONE else f'With {base}'
    lines = [f'{first}, prediction and truth overlap by {percent(pooled[base]["miou"])}% (mIoU, '
             f'the mean over classes) on {comparison["images"][POOLED]} {kind}.']
    for name, kind in ((free, 'training-free enhancer'), (other, 'of the others')):
        if name is not None:
            change = pooled[name]['against_none']
            lines.append(f'The best {kind} is {name}: {percent(pooled[name]["miou"])}, a change of '
                         f'{percent(change["difference"], sign=True)} ({_sureness(change)}).')
    if free is not None and other is not None:
        change = pooled[other]['against_best_training_free']
        won = (change['difference'] or 0) > 0 and bool(is_clear(change))
        verb = 'beats' if won else 'does not clearly beat'
        lines.append(f'{other} {verb} the best that needs no training: '
                     f'{percent(change["difference"], sign=True)} ({_sureness(change)}).')
    best = max(filter(None, (free, other)), key=lambda name: pooled[name]['miou'] or 0,
               default=None)
    if best is not None and len(comparison['conditions']) > 1:
        changes = {condition: scores[best]['against_none']['difference']
                   for condition, scores in comparison['conditions'].items() if condition != POOLED}
        lines.append(f'By condition {best} changes the mIoU by ' + ', '.join(
            f'{percent(change, sign=True)} ({condition})'
            for condition, change in changes.items()) + '.')
    return lines


def _sureness(change: Mapping[str, Any]) -> str:
    return {True: 'clear', False: 'could be chance', None: 'too few images to judge'}[
        is_clear(change)]


def show_enhancers(comparison: Mapping[str, Any], title: str,
                   folder: str | Path | None = None) -> None:
    """Print the comparison in at most 25 lines; write enhancers.json, .csv and .md to a folder.

    Without a folder the table by class is printed too.
    """
    rows = enhancer_rows(comparison)
    if folder is None:
        print(terminal(rows, title, summary_rows=len(MEANS) * len(comparison['conditions'])))
    else:
        folder = Path(folder)
        write_json(folder / 'enhancers.json', comparison)
        write_each({
            folder / 'enhancers.csv': lambda path: write_csv(path, rows),
            folder / 'enhancers.md': lambda path: write_comparison_markdown(
                path, rows, sentences(comparison), comparison['details'])})
    header, *scores = score_rows(comparison)
    best = sorted(scores, key=lambda row: -(
        comparison['conditions'][POOLED][row[0]]['miou'] or 0))[:MOST_ROWS]
    print(terminal([header, *(row for row in scores if row in best)], summary_rows=0))
    if len(scores) > MOST_ROWS:
        print(f'The best {MOST_ROWS} of {len(scores)}.')
    print('\n'.join(conclusion(comparison)))
    if folder is not None:
        print(f'By class and condition: {folder}/enhancers.md (and .json, .csv)')
