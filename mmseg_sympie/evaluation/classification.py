"""The report of a test of classifiers: its tables and its files."""
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..io.files import write_json, write_text
from .accuracy import CLEAN, COUNTS, EVERY, NONE, Tally, difference, make_accuracy_report
from .classification_plots import plot_accuracy
from .report import markdown, percent, write_csv, write_each

__all__ = ['CLEAN', 'EVERY', 'NONE', 'Tally', 'corruption_rows', 'difference',
           'make_accuracy_report', 'summary_rows', 'write_accuracy_report']


def summary_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """Classifiers and enhancers down, groups across, header first (Tables 4 and 7)."""
    has_every = any(summary['every image'] is not None for variants in
                    report['classifiers'].values() for summary in variants.values())
    rows = [['classifier', 'enhancer', 'clean', *report['groups'], 'all', 'change', 'change %',
             '95% interval', 'clean change', *([EVERY] if has_every else [])]]
    for classifier, variants in report['classifiers'].items():
        for enhancer, summary in variants.items():
            change = summary.get('change')
            rows.append([classifier, enhancer, percent(summary['clean']),
                         *map(percent, summary['groups'].values()), percent(summary['all']),
                         *(_change_cells(change) if change else [''] * 4),
                         *([percent(summary['every image'])] if has_every else [])])
    return rows


def _change_cells(change: Mapping[str, Any]) -> list[str]:
    interval = change['all']['interval_95']
    return [percent(change['all']['points'], sign=True),
            percent(change['all']['relative_percent'], sign=True),
            '-' if interval is None else f'{interval[0]:+.2f} to {interval[1]:+.2f}',
            percent(change['clean']['points'], sign=True)]


def corruption_rows(report: Mapping[str, Any], classifier: str) -> list[list[str]]:
    """Corruptions down, enhancers across, header first; the last two rows are 'all' and clean.

    Beside an enhancer its change in points (+) and relative (%).
    """
    variants = report['classifiers'][classifier]
    enhancers = [name for name in variants if name != NONE]
    rows = [['corruption', 'group', *([NONE] if NONE in variants else []),
             *(title for name in enhancers for title in (name, f'{name} +', f'{name} %'))]]
    group_of = {member: name for name, members in report['groups'].items() for member in members}
    first = next(iter(variants.values()))

    def row(title: str, group: str, value: Callable) -> list[str]:
        without = value(variants[NONE]) if NONE in variants else None
        cells = [title, group, *([percent(without)] if NONE in variants else [])]
        for name in enhancers:
            change = difference(without, value(variants[name]))
            cells += [percent(value(variants[name])), percent(change['points'], sign=True),
                      percent(change['relative_percent'], sign=True)]
        return cells

    for corruption in sorted(first['corruptions'], key=[*group_of, *first['corruptions']].index):
        rows.append(row(corruption, group_of.get(corruption, ''),
                        lambda summary, key=corruption: summary['corruptions'].get(key)))
    for title in ('all', 'clean'):
        rows.append(row(title, '', lambda summary, key=title: summary[key]))
    return rows


def write_accuracy_report(folder: str | Path, report: Mapping[str, Any]) -> None:
    """Write accuracy.json, .csv, .md and .png, each whole or not at all."""
    folder = Path(folder)
    write_json(folder / 'accuracy.json', report)
    tables = [markdown(summary_rows(report)),
              *(f'## {classifier}\n\n{markdown(corruption_rows(report, classifier))}'
                for classifier in report['classifiers']),
              '\n'.join(f'- {key}: `{value}`' for key, value in report['details'].items())]
    write_each({
        folder / 'accuracy.csv': lambda path: write_csv(path, _csv_rows(report)),
        folder / 'accuracy.md': lambda path: write_text(path, '\n\n'.join(tables) + '\n'),
        folder / 'accuracy.png': lambda path: plot_accuracy(report, path)})


def _csv_rows(report: Mapping[str, Any]) -> Iterator[list[Any]]:
    yield ['classifier', 'enhancer', 'corruption', 'severity', *COUNTS, 'accuracy']
    for classifier, variants in report['classifiers'].items():
        for enhancer, summary in variants.items():
            for corruption, severities in summary['cells'].items():
                for severity, counts in severities.items():
                    yield [classifier, enhancer, corruption, severity, *counts.values(),
                           100 * counts['correct'] / counts['images']]
