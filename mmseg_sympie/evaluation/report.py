"""The per-class report of one test run: its tables and its files."""
import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from prettytable import PrettyTable

from ..errors import InputError
from ..io.files import read_json, write_json, write_text, written_whole
from .plots import plot_class_iou
from .scores import MEANS, POOLED, ImageScore

_TITLES = dict(dice='Dice', fscore='F-score', precision='precision')


def write_report(folder: str | Path, report: Mapping[str, Any],
                 scores: Sequence[ImageScore]) -> None:
    """Write report.json, per_image.npz, report.csv, .md and .png, each whole or not at all.

    Whatever stops one of the last three is printed: the numbers are there.
    """
    folder = Path(folder)
    write_json(folder / 'report.json', report)
    with written_whole(folder / 'per_image.npz') as path:
        np.savez_compressed(
            path, name=[score.name for score in scores],
            condition=[score.condition or '' for score in scores],
            confusion=np.stack([score.confusion for score in scores]))
    write_each({
        folder / 'report.csv': lambda path: write_csv(path, _csv_rows(report)),
        folder / 'report.md': lambda path: write_text(
            path, f'{markdown(report_rows(report))}\n\n{_details_markdown(report)}'),
        folder / 'report.png': lambda path: plot_class_iou(report, path)})


def write_each(writers: Mapping[Path, Callable[[Path], None]]) -> None:
    """Write files that repeat numbers which are safe: what stops one does not stop the next."""
    for path, write in writers.items():
        try:
            write(path)
        except Exception as error:
            print(f'Note: {path} could not be written ({type(error).__name__}: {error}).')


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Rows as comma-separated values, in UTF-8."""
    text = io.StringIO(newline='')
    csv.writer(text).writerows(rows)
    write_text(path, text.getvalue())


def _csv_rows(report: Mapping[str, Any]) -> Iterator[list[Any]]:
    further = _further_keys(report)
    yield ['condition', 'class', 'iou', 'accuracy', *further, 'pixels']
    for condition, summary in report['scores'].items():
        for name in report['classes']:
            yield [condition, name, *(summary[f'class_{key}'][name]
                                      for key in ('iou', 'accuracy', *further, 'pixels'))]


def read_report(folder: str | Path) -> dict[str, Any]:
    """The report of a test run, with its `ImageScore`s under 'images'.

    Args:
        folder: where it is, or its report.json.
    """
    folder = Path(folder)
    folder = folder.parent if folder.name == 'report.json' else folder
    try:
        report = read_json(folder / 'report.json')
        images = np.load(folder / 'per_image.npz')
        report['images'] = [ImageScore(str(name), str(condition) or None, confusion)
                            for name, condition, confusion in
                            zip(images['name'], images['condition'], images['confusion'])]
        report['classes'], report['details'], report['scores'][POOLED]['miou']
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{error.filename} is missing: {folder} is not the output folder '
                                'of a finished `tools/test.py` run.') from error
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f'The report in {folder} cannot be read: {error}. Run `tools/test.py` '
                         'again.') from error
    return {'ignored_labels': [], **report}


def run_names(folders: Sequence[str | Path]) -> list[str]:
    """The folders of runs by their names, or by their paths where names are not different.

    Raises:
        InputError: a folder is named twice.
    """
    for names in ([Path(folder).name for folder in folders], list(map(str, folders))):
        if len(set(names)) == len(names):
            return names
    raise InputError(f'Name each run once, got {", ".join(names)}.')


def class_titles(report: Mapping[str, Any]) -> dict[str, str]:
    """The classes as tables name them: 'road', or 'road (ignored)'."""
    return {name: f'{name} (ignored)' if label in report.get('ignored_labels', ()) else name
            for label, name in enumerate(report['classes'])}


def _further_keys(report: Mapping[str, Any]) -> list[str]:
    return [key for key in _TITLES if f'class_{key}' in report['scores'][POOLED]]


def report_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """The table of a report, header first: classes down, scores and conditions across."""
    scores = report['scores']
    conditions = [name for name in scores if name != POOLED]
    pooled = scores[POOLED]
    further, titles = _further_keys(report), class_titles(report)
    rows = [['class', 'IoU', 'accuracy', *(_TITLES[key] for key in further), 'pixels %',
             *(f'IoU {name}' for name in conditions)]]
    for name in report['classes']:
        share = 100 * pooled['class_pixels'][name] / max(pooled['pixels'], 1)
        rows.append([titles[name], percent(pooled['class_iou'][name]),
                     *(percent(pooled[f'class_{key}'][name]) for key in ('accuracy', *further)),
                     percent(share),
                     *(percent(scores[condition]['class_iou'][name]) for condition in conditions)])
    groups = [pooled, *(scores[condition] for condition in conditions)]
    for title, key in MEANS.items():
        first, *others = (percent(group[key]) for group in groups)
        second = [percent(pooled[f'mean_{name}']) if key == 'miou' else ''
                  for name in ('accuracy', *further)]
        rows.append([title, first, *second, '', *others])
    first, *others = (str(group['images']) for group in groups)
    rows.append(['images', first, *([''] * (2 + len(further))), *others])
    return rows


def percent(value: float | None, sign: bool = False) -> str:
    """Two decimals, as MMSegmentation prints them; a dash for None."""
    return '-' if value is None else f'{value:{"+" if sign else ""}.2f}'


def terminal(rows: Sequence[Sequence[str]], title: str = '', summary_rows: int = 3,
             align: str = 'r') -> str:
    """Rows as a table for the terminal, with a line above the last `summary_rows`.

    Args:
        rows: texts; the first row are titles.
        title: of the table.
        summary_rows: see above.
        align: of all columns but the first, 'r' or 'l'.
    """
    table = PrettyTable(rows[0], title=title or None, align=align)
    table.align[rows[0][0]] = 'l'
    for index, row in enumerate(rows[1:], start=1):
        table.add_row(list(row), divider=index == len(rows) - 1 - summary_rows)
    return table.get_string()


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table."""
    lines = ['| ' + ' | '.join(cell.replace('|', r'\|') for cell in row) + ' |' for row in rows]
    lines.insert(1, '| --- |' + ' ---: |' * (len(rows[0]) - 1))
    return '\n'.join(lines)


def write_comparison_markdown(path: Path, rows: Sequence[Sequence[str]], text: str,
                              details: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a table of several runs, what is said of it, and what each run was made of.

    Args:
        path: of the file.
        rows: of the table; the first row are titles.
        text: below it.
        details: name of a run -> what its report holds under 'details'.
    """
    parts = filter(None, (markdown(rows), text, _made_of(details)))
    write_text(path, '\n\n'.join(parts) + '\n')


def _made_of(details: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each run, as far as its `details` say it."""
    lines = {}
    for name, run in details.items():
        found = [f'`{run[key]}`' for key in ('config', 'checkpoint') if run.get(key)]
        if 'enhancers' in run:
            found.insert(0, ' + '.join(run['enhancers']) or 'no enhancer')
        if run.get('checkpoint_sha256'):
            found.append(f'SHA-256 `{run["checkpoint_sha256"]}`')
        lines[name] = ', '.join([*found, *filter(None, [run.get('date')])])
    return '\n'.join(f'- {name}: {line}' for name, line in lines.items() if line)


def _details_markdown(report: Mapping[str, Any]) -> str:
    return '\n'.join(f'- {key}: `{value}`' for key, value in report['details'].items()) + '\n'
