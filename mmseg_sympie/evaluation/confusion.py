"""Confusion matrices and the scores that follow from them; all scores are in percent."""
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..io.labels import IGNORE_LABEL, check_classes


def confusion_matrix(prediction: Tensor, label: Tensor, num_classes: int) -> np.ndarray:
    """Count pixels by true class (row) and predicted class (column); label 255 is ignored.

    Args:
        prediction: classes 0..num_classes-1.
        label: of the same shape, likewise, or 255.
        num_classes: how many there are.

    Returns:
        (num_classes, num_classes) int64.

    Raises:
        InputError: other classes, which would be counted in rows that are not theirs.
    """
    counted = label != IGNORE_LABEL
    label, prediction = label[counted].long(), prediction[counted].long()
    check_classes(label, num_classes, 'The labels')
    check_classes(prediction, num_classes, 'The predictions')
    counts = torch.bincount(label * num_classes + prediction, minlength=num_classes**2)
    return counts.view(num_classes, num_classes).cpu().numpy()


class Areas(NamedTuple):
    """Pixel counts for each class, all that IoU needs; any leading axes, classes last."""

    intersection: np.ndarray
    predicted: np.ndarray
    true: np.ndarray


def areas(confusion: np.ndarray) -> Areas:
    """Pixel counts of confusion matrices (..., C, C)."""
    return Areas(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-2), confusion.sum(-1))


def class_iou(counted: Areas) -> np.ndarray:
    """Intersection over union (..., C); NaN where a class neither occurs nor is predicted."""
    with np.errstate(invalid='ignore'):
        return 100 * counted.intersection / (counted.predicted + counted.true
                                             - counted.intersection)


def class_accuracy(counted: Areas) -> np.ndarray:
    """Share of a class's pixels that are found (..., C); NaN where it does not occur."""
    with np.errstate(invalid='ignore'):
        return 100 * counted.intersection / counted.true


def class_precision(counted: Areas) -> np.ndarray:
    """Share of what is predicted as a class that is right (..., C); NaN where nothing is."""
    with np.errstate(invalid='ignore'):
        return 100 * counted.intersection / counted.predicted


def class_dice(counted: Areas) -> np.ndarray:
    """Dice coefficient (..., C); NaN where a class neither occurs nor is predicted."""
    with np.errstate(invalid='ignore'):
        return 200 * counted.intersection / (counted.predicted + counted.true)


def class_fscore(counted: Areas, beta: float = 1) -> np.ndarray:
    """F-score (..., C), as MMSegmentation: NaN where precision or recall is, or both are 0."""
    precision, recall = class_precision(counted), class_accuracy(counted)
    with np.errstate(invalid='ignore'):
        return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def mean_iou(counted: Areas, occurring_only: bool = False) -> np.ndarray:
    """Mean IoU over classes, shape (...).

    MMSegmentation's convention counts a class that is predicted though it never occurs, with IoU 0;
    `occurring_only` leaves it out, as the 17 classes of Dark Zurich val.
    """
    iou = class_iou(counted)
    valid = ~np.isnan(iou) & ((counted.true > 0) | (not occurring_only))
    with np.errstate(invalid='ignore'):
        return np.where(valid, iou, 0).sum(-1) / valid.sum(-1)
