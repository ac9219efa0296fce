"""Accuracy of classifiers by corruption and severity, with and without enhancers."""
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .differences import relative_percent

NONE = 'none'  # The variant without an enhancer, which the others are compared with.
CLEAN = 'clean'
EVERY = 'every image'  # Images of all corruptions and clean ones, each counted once.
_APART = (CLEAN, EVERY)  # Not in the average over corruptions.
COUNTS = ('images', 'correct', 'gained', 'lost')


class Tally:
    """Counts of right and wrong answers for each classifier, enhancer, corruption and severity.

    `gained` are images that only the enhanced version gets right, `lost` those that only the
    original does.
    """

    def __init__(self):
        self.cells = defaultdict(lambda: np.zeros(len(COUNTS), dtype=np.int64))
        # Change and number of tests of each image, over corruptions and severities.
        self.image_changes = defaultdict(lambda: defaultdict(lambda: np.zeros(2, dtype=np.int64)))

    def add(self, classifier: str, enhancer: str, corruption: str, severity: str,
            files: Sequence[str], correct: np.ndarray, baseline: np.ndarray) -> None:
        """Count a batch of images.

        Args:
            classifier: its name.
            enhancer: its name, or 'none'.
            corruption: of all images of the batch, or 'clean' or 'every image'.
            severity: of the corruption.
            files: B names; one image has the same name under every corruption.
            correct: (B,) bool, right with this enhancer.
            baseline: (B,) bool, right without one.
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
        tally: the counts.
        groups: corruptions by the name of their group; corruptions that were not tested are left
            out.
        details: what the report says of the run.

    Returns:
        What `accuracy.json` holds: `details`, `groups`, and under `classifiers` for each classifier
        and enhancer `cells` (counts by corruption and severity), `corruptions`, `groups`, `all`,
        `clean`, and for an enhancer `change` (`all` and `clean`: points, relative in percent, and
        the 95% interval of `all`).
    """
    cells: dict[str, dict[str, dict[str, dict[str, dict[str, int]]]]] = {}
    for (classifier, enhancer, corruption, severity), counts in tally.cells.items():
        by_corruption = cells.setdefault(classifier, {}).setdefault(enhancer, {})
        by_corruption.setdefault(corruption, {})[severity] = dict(zip(COUNTS, map(int, counts)))
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
    return dict(points=with_ - without, relative_percent=relative_percent(without, with_))


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


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
