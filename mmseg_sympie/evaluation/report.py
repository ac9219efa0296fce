"""The per-class report of one test run: its numbers, its tables and its files."""
import csv
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np
from prettytable import PrettyTable

from ..errors import InputError
from ..files import written_whole
from .confusion import areas, class_accuracy, class_iou, mean_iou

POOLED = 'all'


class ImageScore(NamedTuple):
    """The confusion matrix (C, C) of one image, by file name, and the condition it shows."""

    name: str
    condition: Optional[str]
    confusion: np.ndarray


def make_report(scores: Sequence[ImageScore], classes: Sequence[str],
                details: Mapping[str, Any] = {}) -> Dict[str, Any]:
    """Pool confusion matrices over all images and over each condition, and divide once.

    Returns:
        What `report.json` holds: `classes`, `details`, and under `scores` for 'all' and each
        condition IoU and accuracy by class, the means, and the counts. Scores are in percent; None
        where a class neither occurs nor is predicted.
    """
    groups = {POOLED: list(scores)}
    for score in scores:
        if score.condition == POOLED:
            raise InputError(f'{score.name} has the condition {POOLED!r}, which is the name of the '
                             'sum over all conditions. Call it something else.')
        if score.condition is not None:
            groups.setdefault(score.condition, []).append(score)
    return dict(classes=list(classes), details=dict(details),
                scores={name: _summary(sum(score.confusion for score in group), classes, len(group))
                        for name, group in groups.items()})


def _summary(confusion: np.ndarray, classes: Sequence[str], num_images: int) -> Dict[str, Any]:
    counted = areas(confusion)
    accuracy = class_accuracy(counted)
    return dict(
        miou=_number(mean_iou(counted)),
        miou_occurring=_number(mean_iou(counted, occurring_only=True)),
        mean_accuracy=_number(np.nanmean(accuracy) if counted.true.any() else np.nan),
        pixel_accuracy=_number(100 * np.float64(counted.intersection.sum()) / confusion.sum()
                               if confusion.any() else np.nan),
        occurring_classes=int((counted.true > 0).sum()),
        images=num_images,
        pixels=int(confusion.sum()),
        class_iou=dict(zip(classes, map(_number, class_iou(counted)))),
        class_accuracy=dict(zip(classes, map(_number, accuracy))),
        class_pixels=dict(zip(classes, map(int, counted.true))))


def _number(value: float) -> Optional[float]:
    return None if np.isnan(value) else float(value)


def write_report(folder: Union[str, Path], report: Mapping[str, Any],
                 scores: Sequence[ImageScore]) -> None:
    """Write report.json, .csv, .md, .png and per_image.npz, each whole or not at all."""
    from .plots import plot_class_iou  # Matplotlib takes a second to import.
    folder = Path(folder)
    with written_whole(folder / 'report.json') as path:
        path.write_text(json.dumps(report, indent=1))
    with written_whole(folder / 'per_image.npz') as path:
        np.savez_compressed(
            path, name=[score.name for score in scores],
            condition=[score.condition or '' for score in scores],
            confusion=np.stack([score.confusion for score in scores]))
    with written_whole(folder / 'report.csv') as path, path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['condition', 'class', 'iou', 'accuracy', 'pixels'])
        for condition, summary in report['scores'].items():
            for name in report['classes']:
                writer.writerow([condition, name, summary['class_iou'][name],
                                 summary['class_accuracy'][name], summary['class_pixels'][name]])
    with written_whole(folder / 'report.md') as path:
        path.write_text(f'{markdown(report_rows(report))}\n\n{_details_markdown(report)}')
    with written_whole(folder / 'report.png') as path:
        plot_class_iou(report, path)


def read_report(folder: Union[str, Path]) -> Dict[str, Any]:
    """The report of a test run, with its `ImageScore`s under 'images'."""
    folder = Path(folder)
    try:
        report = json.loads((folder / 'report.json').read_text())
        images = np.load(folder / 'per_image.npz')
        report['images'] = [ImageScore(str(name), str(condition) or None, confusion)
                            for name, condition, confusion in
                            zip(images['name'], images['condition'], images['confusion'])]
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{error.filename} is missing: {folder} is not the output folder '
                                'of a finished `tools/test.py` run.') from error
    except (ValueError, KeyError) as error:
        raise InputError(f'The report in {folder} cannot be read: {error}. Run `tools/test.py` '
                         'again.') from error
    return report


def report_rows(report: Mapping[str, Any]) -> List[List[str]]:
    """The table of a report, header first: classes down, scores and conditions across."""
    scores = report['scores']
    conditions = [name for name in scores if name != POOLED]
    pooled = scores[POOLED]
    rows = [['class', 'IoU', 'accuracy', 'pixels %', *(f'IoU {name}' for name in conditions)]]
    for name in report['classes']:
        share = 100 * pooled['class_pixels'][name] / max(pooled['pixels'], 1)
        rows.append([name, percent(pooled['class_iou'][name]),
                     percent(pooled['class_accuracy'][name]), percent(share),
                     *(percent(scores[condition]['class_iou'][name]) for condition in conditions)])
    groups = [pooled, *(scores[condition] for condition in conditions)]
    for title, key in (('mIoU', 'miou'), ('mIoU of occurring classes', 'miou_occurring')):
        first, *others = (percent(group[key]) for group in groups)
        second = percent(pooled['mean_accuracy']) if key == 'miou' else ''
        rows.append([title, first, second, '', *others])
    first, *others = (str(group['images']) for group in groups)
    rows.append(['images', first, '', '', *others])
    return rows


def percent(value: Optional[float], sign: bool = False) -> str:
    """Two decimals, as MMSegmentation prints them; a dash for None."""
    return '-' if value is None else f'{value:{"+" if sign else ""}.2f}'


def terminal(rows: Sequence[Sequence[str]], title: str = '', summary_rows: int = 3) -> str:
    """Rows as a table for the terminal, with a line above the last `summary_rows`."""
    table = PrettyTable(rows[0], title=title or None, align='r')
    table.align[rows[0][0]] = 'l'
    for index, row in enumerate(rows[1:], start=1):
        table.add_row(row, divider=index == len(rows) - 1 - summary_rows)
    return table.get_string()


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table."""
    lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
    lines.insert(1, '| --- |' + ' ---: |' * (len(rows[0]) - 1))
    return '\n'.join(lines)


def _details_markdown(report: Mapping[str, Any]) -> str:
    return '\n'.join(f'- {key}: `{value}`' for key, value in report['details'].items()) + '\n'
