"""What a label map may hold, in memory and in a file."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from .images import orientation

IGNORE_LABEL = 255
MOST_CLASSES = 255  # A label map has 8 bits, and 255 is void.
FEW_VALUES = 64  # Label maps hold fewer classes each, photographs more grey levels.
_IGNORE_16_BIT = 65535  # the same where a file has 16 bits; MMSegmentation takes the lower eight
_SCALED_BY_PILLOW = ('1', 'L;2', 'L;4')  # grey of fewer than 8 bits; MMCV reads labels by Pillow


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


def is_label_map(path: str | Path) -> bool:
    """Whether an image file looks like a label map: a PNG of one channel that holds few values.

    A file that cannot be read does not.
    """
    try:
        with Image.open(path) as image:
            return (image.format == 'PNG' and image.mode in ('1', 'L', 'P', 'I', 'I;16')
                    and len(np.unique(np.array(image))) <= FEW_VALUES)
    except OSError:
        return False


def label_values(path: str | Path) -> list[float]:
    """The values that occur in a label map, sorted."""
    with Image.open(path) as image:
        return np.unique(np.array(image)).tolist()


def check_label_file(path: str | Path,
                     palette: Sequence[Sequence[int]] | None = None) -> None:
    """Raise InputError unless MMCV reads a label map with the classes that its file means.

    A label map has one channel, of 8 bits, or of more that hold no other values; with a palette,
    the index is the class. It is stored upright: MMCV does not turn labels.

    Args:
        path: the file.
        palette: RGB on 0..255 of each class in the file, to see whether the file's own palette
            counts the classes in another order.
    """
    with Image.open(path) as image:
        if orientation(image) != 1:
            raise InputError(f'The label {path} has an EXIF orientation, which MMCV does not apply '
                             'to labels. Save it upright and without it, like its image.')
        if image.format in ('JPEG', 'MPO'):
            raise InputError(f'The label {path} is stored as JPEG, which changes the values. Use '
                             'the original, or save the classes anew as PNG.')
        if image.mode in ('1', 'L') and any(f"'{each}'" in str(image.tile)
                                            for each in _SCALED_BY_PILLOW):
            raise InputError(f'The label {path} is grey with fewer than 8 bits a pixel: the values '
                             'could be numbers or grey levels. Save it with 8 bits.')
        if image.mode == 'P':
            _check_palette(image, path, palette or ())
        elif image.mode in ('I', 'F') or image.mode.startswith('I;16'):
            values = np.unique(np.array(image))
            whole = (values == np.round(values)) & (values >= 0) & (values <= 255)
            ignored = (values == _IGNORE_16_BIT) & (values.dtype.kind != 'f')
            if not np.all(whole | ignored):
                raise InputError(f'The label {path} holds values from {values[0]:g} to '
                                 f'{values[-1]:g} ({values.dtype}); wanted whole numbers on '
                                 '0..255, the class of each pixel.')
        elif image.mode != 'L':
            raise InputError(f'The label {path} is a picture of mode {image.mode}; wanted one '
                             'channel with the class of each pixel, not colours.')


def _check_palette(image: Image.Image, path: str | Path,
                   palette: Sequence[Sequence[int]]) -> None:
    class_of = {tuple(colour): index for index, colour in enumerate(palette)}
    flat = image.getpalette('RGB') or []
    colours = list(zip(flat[::3], flat[1::3], flat[2::3]))
    meant = {value: class_of.get(colours[value]) for value in np.unique(np.array(image)).tolist()
             if value < min(len(palette), len(colours))}
    wrong = [value for value, index in meant.items() if index != value]
    if wrong and None not in meant.values():
        raise InputError(f'The label {path} has a palette that counts the classes in another '
                         f'order: {wrong[0]} has the colour of class {meant[wrong[0]]}. Save the '
                         'numbers of the classes.')
