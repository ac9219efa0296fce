"""Single test images before and after enhancement: which to show, and in which colours."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from ..errors import InputError
from ..io.labels import IGNORE_LABEL
from ..normalization import IMAGENET_RGB_255
from .confusion import areas, confusion_matrix, mean_iou
from .plots import signed_colours
from .report import ImageScore

KINDS = ('best', 'median', 'worst')


class Panel(NamedTuple):
    """One test image, enhanced several times over, and what the segmentor makes of each result.

    The sequences have one entry for each entry of `applications`.
    """

    name: str
    condition: str | None
    applications: Sequence[int]          # how often the enhancers were applied
    images: Sequence[np.ndarray]         # (H, W, 3), RGB, uint8
    predictions: Sequence[np.ndarray]    # (h, w), classes, uint8
    truth: np.ndarray                    # (h, w), classes, 255 void, uint8
    kernels: Sequence[np.ndarray | None]   # K (5, 5) predicted last, or None
    matrices: Sequence[np.ndarray | None]  # C_M (3, 3), likewise
    shifts: Sequence[np.ndarray | None] = ()  # C_S (3,), likewise

    def only(self, applications: Sequence[int]) -> 'Panel':
        """The same panel with these numbers of applications alone."""
        places = [self.applications.index(times) for times in applications]
        return self._replace(applications=applications, **{
            name: [getattr(self, name)[place] for place in places]
            for name in ('images', 'predictions', 'kernels', 'matrices', 'shifts')
            if getattr(self, name)})

    def effects(self) -> Sequence[str]:
        """What was predicted for each entry, in a few numbers (`effect`); '' where nothing was."""
        predicted = zip(self.kernels, self.matrices, self.shifts or [None] * len(self.kernels))
        return ['' if shift is None else effect(kernel, matrix, shift)
                for kernel, matrix, shift in predicted]

    def ious(self, num_classes: int) -> Sequence[float]:
        """Mean IoU of each prediction in percent, over the classes that occur in the image."""
        truth = torch.as_tensor(self.truth)
        return [float(mean_iou(areas(confusion_matrix(torch.as_tensor(prediction), truth,
                                                      num_classes)), occurring_only=True))
                for prediction in self.predictions]


def image_ious(images: Sequence[ImageScore]) -> np.ndarray:
    """Mean IoU of each image in percent, over the classes that occur in it; NaN without labels."""
    return mean_iou(areas(np.stack([image.confusion for image in images])), occurring_only=True)


def choose(scores: np.ndarray, kinds: Sequence[str] = KINDS, count: int = 2) -> dict[int, str]:
    """Index -> kind, for `count` images of the highest, middle and lowest scores.

    Images without a score (NaN) are left out, and none is chosen twice: of few images, each kind
    gets fewer.
    """
    ranked = [index for index in np.argsort(-scores, kind='stable') if np.isfinite(scores[index])]
    middle = (len(ranked) - 1) / 2
    places = sorted(range(len(ranked)), key=lambda place: abs(place - middle))
    order = dict(best=ranked, median=[ranked[place] for place in places], worst=ranked[::-1])
    chosen = {}
    for kind in list(kinds) * count:
        free = [index for index in order[kind] if index not in chosen]
        chosen.update({int(index): kind for index in free[:1]})
    return dict(sorted(chosen.items(), key=lambda item: kinds.index(item[1])))


def find_images(paths: Sequence[str], names: Sequence[str]) -> Sequence[int]:
    """The index of each named image: a whole path, the end of one, or a file name without suffix.

    Raises:
        InputError: a name fits no image or several.
    """
    found = []
    for name in names:
        fits = ([index for index, path in enumerate(paths)
                 if path == name or path.endswith(f'/{name}')]
                or [index for index, path in enumerate(paths)
                    if path.rpartition('/')[2].rpartition('.')[0] == name])
        if len(fits) != 1:
            like = [paths[index] for index in fits[:3]] or paths[:3]
            raise InputError(f'{name} names {len(fits)} of the {len(paths)} images of the test '
                             'set; wanted one. Give the end of its path, as in '
                             f'{", ".join(like)}.')
        found += fits
    return found


def palette_256(palette: Sequence[Sequence[int]]) -> np.ndarray:
    """The colour (256, 3), uint8, of every value of a label map; what is no class is black."""
    colours = np.zeros((256, 3), np.uint8)
    colours[:len(palette)] = palette
    return colours


def colourise(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Label map (h, w), 255 void -> (h, w, 3), RGB, uint8, in the palette's colours."""
    return palette_256(palette)[labels]


def parameter_picture(kernel: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Kernel (5, 5) beside colour matrix (3, 3), as what they differ in from the identity.

    On one fixed scale, so that pictures can be compared: white for no change, the darkest red for
    one more and above, the darkest blue for one less. Roots are taken, to show small changes.

    Returns:
        (240, 528, 3), RGB, uint8.
    """
    centre = np.zeros((5, 5))
    centre[2, 2] = 1
    squares = [np.kron(signed_colours(np.sign(change) * np.sqrt(np.abs(change)), limit=1),
                       np.ones((240 // len(change), 240 // len(change), 1), np.uint8))
               for change in (kernel - centre, matrix - np.eye(3))]
    return np.concatenate([squares[0], np.full((240, 48, 3), 255, np.uint8), squares[1]], axis=1)


def grey_effect(kernel: np.ndarray, matrix: np.ndarray,
                shift: np.ndarray) -> tuple[float, float, float]:
    """What a correction does to flat grey areas v on 0..255, before clamping.

    Returns:
        gain, contrast, offset: the mean of the channels becomes `contrast * v + offset`; `gain` is
        how much brighter that makes a grey of 127.5.
    """
    mean, std = (np.array(values) for values in IMAGENET_RGB_255)

    def corrected(level: float) -> float:
        return float((kernel.sum() * ((level - mean) / std + shift) @ matrix * std + mean).mean())

    return corrected(127.5) / 127.5, (corrected(255) - corrected(0)) / 255, corrected(0)


def effect(kernel: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> str:
    """`grey_effect` in words."""
    gain, contrast, offset = grey_effect(kernel, matrix, shift)
    return f'gain {gain:.2f}, contrast {contrast:.2f}, shift {round(offset):+d}'


def legend_entries(panels: Sequence[Panel], classes: Sequence[str],
                   palette: Sequence[Sequence[int]]) -> list[tuple[Sequence[int], str]]:
    """Colour and name of every class that labels or predictions of the panels show, in order."""
    shown = [np.unique(labels).tolist()
             for panel in panels for labels in (panel.truth, *panel.predictions)]
    found = sorted(set().union(*shown) - {IGNORE_LABEL})
    return [*((palette[index], classes[index]) for index in found), ((0, 0, 0), 'not labelled')]
