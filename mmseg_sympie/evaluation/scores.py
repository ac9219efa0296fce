"""The scores of a test run: confusion matrices of images, pooled and divided once."""
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .confusion import (
    areas,
    class_accuracy,
    class_dice,
    class_fscore,
    class_iou,
    class_precision,
    mean_iou,
)

POOLED = 'all'
# Of all classes at once: the name in tables -> the key here.
MEANS = {'mIoU': 'miou', 'mIoU of occurring classes': 'miou_occurring',
         'pixel accuracy': 'pixel_accuracy'}
# What MMSegmentation's `iou_metrics` asks for beside the IoU: the name of a mean -> its key here.
FURTHER_SCORES = dict(mDice=dict(mDice='dice'),
                      mFscore=dict(mFscore='fscore', mPrecision='precision', mRecall='accuracy'))


class ImageScore(NamedTuple):
    """The confusion matrix (C, C) of one image, by file name, and the condition it shows."""

    name: str
    condition: str | None
    confusion: np.ndarray


def make_report(scores: Sequence[ImageScore], classes: Sequence[str],
                details: Mapping[str, Any] = {}, ignored: Sequence[int] = (),
                further: Sequence[str] = (), beta: float = 1) -> dict[str, Any]:
    """Pool confusion matrices over all images and over each condition, and divide once.

    Args:
        scores: of all images.
        classes: their names, in the order of the matrices.
        details: what the report says of the run.
        ignored: labels that were not counted, beside 255.
        further: of `FURTHER_SCORES`.
        beta: of the F-score.

    Returns:
        What `report.json` holds: `classes`, `ignored_labels`, `details`, and under `scores` for
        'all' and each condition IoU and accuracy by class, the means, and the counts. Scores are in
        percent; None where a class neither occurs nor is predicted.
    """
    groups = {POOLED: list(scores)}
    for score in scores:
        if score.condition == POOLED:
            raise InputError(f'{score.name} has the condition {POOLED!r}, which is the name of the '
                             'sum over all conditions. Call it something else.')
        if score.condition is not None:
            groups.setdefault(score.condition, []).append(score)
    summaries = {}
    for name, group in groups.items():
        confusion = np.sum([score.confusion for score in group], axis=0)
        summaries[name] = {**_summary(confusion, classes, len(group)),
                        **_further(confusion, classes, further, beta)}
    return dict(classes=list(classes), ignored_labels=list(ignored), details=dict(details),
                scores=summaries)


def _further(confusion: np.ndarray, classes: Sequence[str], further: Sequence[str],
             beta: float) -> dict[str, Any]:
    counted = areas(confusion)
    measures = dict(dice=class_dice(counted), fscore=class_fscore(counted, beta),
                    precision=class_precision(counted))
    summary: dict[str, Any] = {}
    for key in (key for name in further for key in FURTHER_SCORES.get(name, {}).values()):
        if key in measures:
            summary[f'mean_{key}'] = _mean(measures[key])
            summary[f'class_{key}'] = dict(zip(classes, map(_number, measures[key])))
    return summary


def _mean(values: np.ndarray) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _summary(confusion: np.ndarray, classes: Sequence[str], num_images: int) -> dict[str, Any]:
    counted = areas(confusion)
    accuracy = class_accuracy(counted)
    return dict(
        miou=_number(mean_iou(counted)),
        miou_occurring=_number(mean_iou(counted, occurring_only=True)),
        mean_accuracy=_mean(accuracy),
        pixel_accuracy=_number(100 * np.float64(counted.intersection.sum()) / confusion.sum()
                               if confusion.any() else np.nan),
        occurring_classes=int((counted.true > 0).sum()),
        images=num_images,
        pixels=int(confusion.sum()),
        class_iou=dict(zip(classes, map(_number, class_iou(counted)))),
        class_accuracy=dict(zip(classes, map(_number, accuracy))),
        class_pixels=dict(zip(classes, map(int, counted.true))))


def _number(value: float | np.ndarray) -> float | None:
    return None if np.isnan(value) else float(value)
