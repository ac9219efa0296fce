"""Accuracy of classifiers by corruption and severity, with and without enhancers."""
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..io.files import write_json, write_text, written_whole
from .report import markdown, percent, write_csv, write_each

NONE = 'none'  # The variant without an enhancer, which the others are compared with.
CLEAN = 'clean'
EVERY = 'every image'  # Images of all corruptions and clean ones, each counted once.
_APART = (CLEAN, EVERY)  # Not in the average over corruptions.
_KEYS = ('images', 'correct', 'gained', 'lost')


class Tally:
    """Counts of right and wrong answers for each classifier, enhancer, corruption and severity.

    `gained` are images that only the enhanced version gets right, `lost` those that only the
    original does.
    """

    def __init__(self):
        self.cells = defaultdict(lambda: np.zeros(len(_KEYS), dtype=np.int64))
        # Change and number of tests of each image, over corruptions and severities.
        self.image_changes = defaultdict(lambda: defaultdict(lambda: np.zeros(2, dtype=np.int64)))

    def add(self, classifier: str, enhancer: str, corruption: str, severity: str,
            files: Sequence[str], correct: np.ndarray, baseline: np.ndarray) -> None:
        """Count a batch of images.

        Args:
            files: B names; one image has the same name under every corruption.
            correct, baseline: (B,) bool, right with this enhancer and right without one.
        """
        correct, baseline = np.asarray(correct, dtype=bool), np.asarray(baseline, dtype=bool)
        if not len(files) == len(correct) == len(baseline):
            raise InputError(f'{len(files)} files, {len(correct)} answers and {len(baseline)} of '
                             'the baseline: wanted one of each an image.')
        self.cells[classifier, enhancer, corruption, str(severity)] += [
            len(correct), correct.sum(), (correct & ~baseline).sum(), (baseline & ~correct).sum()]
        if corruption not in _APART and enhancer != NONE:
            changes = self.image_changes[classifier, enhancer]
            for file, change in zip(files, correct.astype(int) - baseline):
                changes[file] += [change, 1]

    def interval_95(self, classifier: str, enhancer: str) -> list[float] | None:
        """95% interval in points of the change over all corruptions, from the spread over images.

        The tests of one image are no independent evidence: the image is the unit (a ratio estimate
        with clusters, normal approximation). None below two images, and where images were not all
        in the same number of tests, because 'all' then weighs them differently.
        """
        pairs = np.array(list(self.image_changes[classifier, enhancer].values()), dtype=float)
        if len(pairs) < 2 or len(set(pairs[:, 1])) > 1:
            return None
        change, tests = pairs.T
        mean = change.sum() / tests.sum()
        spread = np.sqrt(((change - mean * tests)**2).sum() * len(pairs) / (len(pairs) - 1))
        half = 1.96 * spread / tests.sum()
        return [100 * (mean - half), 100 * (mean + half)]


def make_accuracy_report(tally: Tally, groups: Mapping[str, Sequence[str]] = {},
                         details: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Accuracies in percent, averaged as in the SyMPIE paper's tables.

    A corruption's accuracy is the mean over its severities, a group's and 'all' the mean over their
    corruptions; `clean` and `every image` are in no mean.

    Args:
        groups: corruptions by the name of their group; corruptions that were not tested are left
            out.

    Returns:
        What `accuracy.json` holds: `details`, `groups`, and under `classifiers` for each classifier
        and enhancer `cells` (counts by corruption and severity), `corruptions`, `groups`, `all`,
        `clean`, and for an enhancer `change` (`all` and `clean`: points, relative in percent, and
        the 95% interval of `all`).
    """
    cells = {}
    for (classifier, enhancer, corruption, severity), counts in tally.cells.items():
        by_corruption = cells.setdefault(classifier, {}).setdefault(enhancer, {})
        by_corruption.setdefault(corruption, {})[severity] = dict(zip(_KEYS, map(int, counts)))
    groups = {name: [member for member in members if any(
        member in by_corruption for of in cells.values() for by_corruption in of.values())]
        for name, members in groups.items()}
    groups = {name: members for name, members in groups.items() if members}
    classifiers = {classifier: {enhancer: _summary(by_corruption, groups)
                                for enhancer, by_corruption in variants.items()}
                   for classifier, variants in cells.items()}
    for classifier, variants in classifiers.items():
        for enhancer, summary in variants.items():
            if enhancer != NONE:
                summary['change'] = {key: difference(variants.get(NONE, {}).get(key), summary[key])
                                     for key in ('all', 'clean', 'every image')}
                summary['change']['all']['interval_95'] = tally.interval_95(classifier, enhancer)
    return dict(details=dict(details), groups=groups, classifiers=classifiers)


def difference(without: float | None, with_: float | None) -> dict[str, float | None]:
    """Change in points and relative to `without` in percent; None where it has none."""
    if without is None or with_ is None:
        return dict(points=None, relative_percent=None)
    return dict(points=with_ - without,
                relative_percent=100 * (with_ - without) / without if without else None)


def _summary(by_corruption: Mapping[str, Mapping[str, Mapping[str, int]]],
             groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    accuracy = {corruption: _mean([100 * counts['correct'] / counts['images']
                                   for counts in severities.values() if counts['images']])
                for corruption, severities in by_corruption.items()}
    corruptions = {name: value for name, value in accuracy.items() if name not in _APART}
    return {'cells': by_corruption, 'corruptions': corruptions,
            'groups': {name: _mean([corruptions.get(member) for member in members])
                       for name, members in groups.items()},
            'all': _mean(corruptions.values()), 'clean': accuracy.get(CLEAN),
            'every image': accuracy.get(EVERY)}


def _mean(values) -> float | None:
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None


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

    def row(title: str, group: str, value) -> list[str]:
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
        folder / 'accuracy.png': lambda path: _plot(report, path)})


def _csv_rows(report: Mapping[str, Any]) -> Iterator[list[Any]]:
    yield ['classifier', 'enhancer', 'corruption', 'severity', *_KEYS, 'accuracy']
    for classifier, variants in report['classifiers'].items():
        for enhancer, summary in variants.items():
            for corruption, severities in summary['cells'].items():
                for severity, counts in severities.items():
                    yield [classifier, enhancer, corruption, severity, *counts.values(),
                           100 * counts['correct'] / counts['images']]


def _plot(report: Mapping[str, Any], path: Path) -> None:
    from .classification_plots import plot_accuracy  # Matplotlib takes a second to import.
    with written_whole(path) as partial:
        plot_accuracy(report, partial)
