"""Differences between two test runs on the same images, with bootstrap intervals."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .confusion import Areas, areas, mean_iou
from .scores import MEANS, POOLED, ImageScore

RESAMPLES = 2000
FEWEST_IMAGES = 5  # Of fewer, resampling says nothing about others.


def compare_reports(without: Mapping[str, Any], with_: Mapping[str, Any]) -> dict[str, Any]:
    """Differences of two reports from `read_report`, in points and relative, per class.

    Raises:
        InputError: the reports differ in classes, images, or in the labels that are not counted.
    """
    if without['ignored_labels'] != with_['ignored_labels']:
        raise InputError('The reports ignore different labels: '
                         f"{without['ignored_labels']} and {with_['ignored_labels']}. Test both "
                         'with one ignore_index.')
    if without['classes'] != with_['classes']:
        raise InputError(f"The reports have different classes: {without['classes']} and "
                         f"{with_['classes']}. Compare runs on one data set.")
    images = paired(without['images'], with_['images'])
    conditions = {}
    for condition in without['scores']:
        old, new = without['scores'][condition], with_['scores'][condition]
        conditions[condition] = dict(
            **{key: _difference(old[key], new[key])
               for key in MEANS.values()},
            **miou_interval(*images, condition),
            class_iou={name: _difference(old['class_iou'][name], new['class_iou'][name])
                       for name in without['classes']})
    return dict(classes=without['classes'], ignored_labels=without['ignored_labels'],
                conditions=conditions,
                details=dict(without=without['details'], **{'with': with_['details']}))


def miou_interval(before: Sequence[ImageScore], after: Sequence[ImageScore],
                  condition: str) -> dict[str, Any]:
    """What a condition's images say of the mIoU difference: its interval, and how many they are.

    Args:
        before: from `paired`.
        after: likewise.
        condition: the name of one, or 'all'.
    """
    first, second = ([image.confusion for image in images if condition in (POOLED, image.condition)]
                     for images in (before, after))
    return dict(miou_interval_95=bootstrap_interval(first, second), images=len(first),
                labelled_images=sum(bool(confusion.any()) for confusion in first))


def bootstrap_interval(before: Sequence[np.ndarray], after: Sequence[np.ndarray],
                       resamples: int = RESAMPLES,
                       seed: int = 0) -> tuple[float, float] | None:
    """95% interval of the mIoU difference when the same images are drawn again with replacement.

    Args:
        before: confusion matrices (C, C) of images.
        after: those of another run on the same images.
        resamples: how often images are drawn.
        seed: of the draws.

    Returns:
        Lower and upper bound of `after - before` in points (percentile bootstrap, paired); None
        with fewer than two images that have a labelled pixel. Resamples without one are left out.
    """
    if sum(bool(confusion.any()) for confusion in before) < 2:
        return None
    draws = np.random.default_rng(seed).multinomial(
        len(before), np.full(len(before), 1 / len(before)), size=resamples).astype(float)
    means = [mean_iou(Areas(*(draws @ counts for counts in areas(np.stack(confusions)))))
             for confusions in (before, after)]
    differences = means[1] - means[0]
    low, high = np.percentile(differences[np.isfinite(differences)], [2.5, 97.5])
    return float(low), float(high)


def is_clear(result: Mapping[str, Any]) -> bool | None:
    """Whether a condition's interval leaves no doubt about the sign of the difference.

    None where the images are too few to say so.
    """
    interval = result['miou_interval_95']
    if interval is None or result['labelled_images'] < FEWEST_IMAGES:
        return None
    return bool(interval[0] > 0 or interval[1] < 0)


def paired(before: Sequence[ImageScore],
           after: Sequence[ImageScore]) -> tuple[list[ImageScore], list[ImageScore]]:
    """The images of both runs in one order; the data may have moved to another folder between.

    Raises:
        InputError: they are not the same images.
    """
    before, after = (sorted(images, key=lambda image: image.name) for images in (before, after))
    if len(before) != len(after):
        raise InputError(f'The reports are of {len(before)} and of {len(after)} images. Test both '
                         'on the same files.')
    for old, new in zip(before, after):
        same = Path(old.name).name == Path(new.name).name and old.condition == new.condition
        if not same or (old.confusion.sum(1) != new.confusion.sum(1)).any():
            raise InputError(f'The reports are not of the same images: {old.name} '
                             f'({old.condition}) and {new.name} ({new.condition}) differ in name, '
                             'condition or label. Test both on the same files.')
    return before, after


def _difference(old: float | None, new: float | None) -> dict[str, float | None]:
    return {'without': old, 'with': new,
            'difference': None if old is None or new is None else new - old,
            'relative_percent': relative_percent(old, new)}


def relative_percent(old: float | None, new: float | None) -> float | None:
    """Change of a score in percent of it; None below one point, of which it would say nothing."""
    return None if old is None or new is None or old < 1 else 100 * (new - old) / old
