"""What a label map may hold."""
from typing import Any, Sequence

import torch
from torch import Tensor

from .errors import InputError

IGNORE_LABEL = 255
MOST_CLASSES = 255  # A label map has 8 bits, and 255 is void.


def ignored_labels(ignore_index: Any) -> Sequence[int]:
    """The labels that an `ignore_index` (a number, several, or None) names beside 255."""
    given = [ignore_index] if isinstance(ignore_index, int) else list(ignore_index or [])
    return sorted({int(label) for label in given} - {IGNORE_LABEL})


def with_void(label: Tensor, ignored: Sequence[int]) -> Tensor:
    """A label map, int64, with 255 (void) in the place of every ignored label."""
    label = label.long()
    return label.masked_fill(torch.isin(label, label.new_tensor(ignored)), IGNORE_LABEL)


def has_unknown_labels(label: Tensor, num_classes: int) -> bool:
    """Whether a label map holds anything but 0..num_classes-1 and 255."""
    return bool(torch.any(((label < 0) | (label >= num_classes)) & (label != IGNORE_LABEL)))


def check_label_map(label: Tensor, num_classes: int, path: str) -> None:
    """Raise InputError, with the file's name, for a label map with unknown labels."""
    if has_unknown_labels(label, num_classes):
        raise InputError(f'The label {path} holds the values {label.unique().tolist()}; '
                         f'wanted 0..{num_classes - 1} and 255 (ignored).')


def check_classes(values: Tensor, num_classes: int, what: str) -> None:
    """Raise InputError where values are not all 0..num_classes-1."""
    lowest, highest = map(int, values.aminmax()) if values.numel() else (0, 0)
    if lowest < 0 or highest >= num_classes:
        raise InputError(f'{what} hold the class {lowest if lowest < 0 else highest}, and there '
                         f'are {num_classes} classes, 0..{num_classes - 1}. The model has to have '
                         'the classes of the data set.')


def check_same_classes(model: Any, classes: Sequence[str]) -> None:
    """Raise InputError where a segmentor and its data set count different classes.

    Args:
        model: a segmentor; one that does not say its `num_classes` is not checked.
        classes: of the data set.
    """
    if len(classes) > MOST_CLASSES:
        raise InputError(f'The data set has {len(classes)} classes, and label maps of 8 bits hold '
                         f'at most {MOST_CLASSES} beside 255, which is void.')
    found = getattr(model, 'num_classes', None)
    if found is not None and found != len(classes):
        raise InputError(f'The model has {found} classes and the data set {len(classes)} '
                         f'({", ".join(classes[:3])}, ...): its predictions would be counted as '
                         'other classes. Test with a data set of the classes that the model was '
                         'trained on, or set num_classes of its head and load fitting weights.')
