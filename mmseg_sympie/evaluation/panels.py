"""Single test images before and after enhancement: which to show, and in which colours."""
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..errors import InputError
from ..io.labels import IGNORE_LABEL
from ..normalization import IMAGENET_RGB_255
from .confusion import areas, confusion_matrix, mean_iou
from .scores import ImageScore

KINDS = ('best', 'median', 'worst')
CHANNEL_COLOURS = ('#d62728', '#2ca02c', '#1f77b4')  # of curves for R, G and B


class Correction(NamedTuple):
    """What an enhancer predicted for one image (`WarpParameters` of it, as arrays)."""

    matrix: np.ndarray  # C_M (3, 3)
    shift: np.ndarray   # C_S (3,)
    kernel: np.ndarray  # K (5, 5)
    exponent: np.ndarray = np.ones(3)  # of tone curves before them, of R, G and B


class Panel(NamedTuple):
    """One test image, enhanced in several ways, and what the segmentor makes of each result.

    The sequences have one entry for each entry of `variants`.
    """

    name: str
    condition: str | None
    variants: Sequence[Any]            # how often the enhancers were applied, or the name of a run
    images: Sequence[np.ndarray]       # (H, W, 3), RGB, uint8
    predictions: Sequence[np.ndarray]  # (h, w), classes, uint8
    truth: np.ndarray                  # (h, w), classes, 255 void, uint8
    corrections: Sequence[Correction | None]  # the last that was predicted

    def only(self, variants: Sequence[Any]) -> 'Panel':
        """The same panel with these variants alone."""
        places = [self.variants.index(each) for each in variants]
        return self._replace(
            variants=variants, images=[self.images[place] for place in places],
            predictions=[self.predictions[place] for place in places],
            corrections=[self.corrections[place] for place in places])

    def effects(self) -> Sequence[str]:
        """What was predicted for each entry, in a few numbers (`effect`); '' where nothing was."""
        return ['' if each is None else effect(each) for each in self.corrections]

    def ious(self, num_classes: int) -> Sequence[float]:
        """Mean IoU of each prediction in percent, over the classes that occur in the image."""
        truth = torch.as_tensor(self.truth)
        return [float(mean_iou(areas(confusion_matrix(torch.as_tensor(prediction), truth,
                                                      num_classes)), occurring_only=True))
                for prediction in self.predictions]


def beside(panels: Sequence[Panel], variants: Sequence[str]) -> Panel:
    """Panels of one image with one entry each as a single panel."""
    return panels[0]._replace(
        variants=variants, images=[each.images[0] for each in panels],
        predictions=[each.predictions[0] for each in panels],
        corrections=[each.corrections[0] for each in panels])


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


def choose_by_condition(scores: np.ndarray, conditions: Sequence[str | None],
                        kinds: Sequence[str] = KINDS, count: int = 1) -> dict[int, str]:
    """As `choose`, for each condition by itself: night first, the others in order."""
    chosen = {}
    for condition in sorted(dict.fromkeys(conditions), key=lambda each: each != 'night'):
        mine = np.array([each == condition for each in conditions])
        chosen.update(choose(np.where(mine, scores, np.nan), kinds, count))
    return chosen


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


def grey_response(correction: Correction) -> tuple[np.ndarray, np.ndarray]:
    """What a correction does after its tone curves to flat grey areas on 0..255, before clamping.

    Returns:
        Gain and offset (3,), RGB: with v from its curve, a channel becomes `gain * v + offset`.
    """
    mean, std = (np.array(values) for values in IMAGENET_RGB_255)

    def corrected(level: float) -> np.ndarray:
        shifted = (level - mean) / std + correction.shift
        return correction.kernel.sum() * shifted @ correction.matrix * std + mean

    offset = corrected(0)
    return (corrected(255) - offset) / 255, offset


def grey_curves(correction: Correction, levels: np.ndarray) -> np.ndarray:
    """What becomes of grey levels (N,) on 0..255: (3, N), RGB, clamped."""
    toned = 255 * (levels / 255) ** correction.exponent[:, None]
    gain, offset = grey_response(correction)
    return np.clip(gain[:, None] * toned + offset[:, None], 0, 255)


def grey_effect(correction: Correction) -> tuple[float, float, float]:
    """Means over the channels of what becomes of grey.

    Returns:
        gain, contrast, offset: the last two as in `grey_response`; `gain` is how much brighter the
        whole makes a grey of 127.5.
    """
    contrast, offset = grey_response(correction)
    gain = contrast * 0.5 ** (correction.exponent - 1) + offset / 127.5
    return float(gain.mean()), float(contrast.mean()), float(offset.mean())


def effect(correction: Correction) -> str:
    """`grey_effect` in words."""
    gain, contrast, offset = grey_effect(correction)
    exponents = '/'.join(f'{value:.2f}' for value in correction.exponent)
    curve = '' if (correction.exponent == 1).all() else f'exponents {exponents}, '
    return f'gain {gain:.2f}, {curve}contrast {contrast:.2f}, shift {round(offset):+d}'


def curve_picture(correction: Correction) -> np.ndarray:
    """`grey_curves` as three lines: level in to the right, level out upwards, both on 0..255.

    Returns:
        (256, 256, 3), RGB, uint8; the grey diagonal is no change.
    """
    large = 4  # drawn at this scale, for smooth lines
    picture = Image.new('RGB', (256 * large, 256 * large), 'white')
    draw = ImageDraw.Draw(picture)
    levels = np.arange(256)
    curves = [levels, *grey_curves(correction, levels)]
    for curve, colour in zip(curves, ('#b8b8b8', *CHANNEL_COLOURS)):
        draw.line([(large * (x + 0.5), large * (255.5 - y)) for x, y in zip(levels, curve)],
                  colour, width=3 * large)
    draw.rectangle((0, 0, 256 * large - 1, 256 * large - 1), outline='#808080', width=large)
    return np.asarray(picture.resize((256, 256), Image.Resampling.BOX))


def legend_entries(panels: Sequence[Panel], classes: Sequence[str],
                   palette: Sequence[Sequence[int]]) -> list[tuple[Sequence[int], str]]:
    """Colour and name of every class that labels or predictions of the panels show, in order."""
    shown = [np.unique(labels).tolist()
             for panel in panels for labels in (panel.truth, *panel.predictions)]
    found = sorted(set().union(*shown) - {IGNORE_LABEL})
    return [*((palette[index], classes[index]) for index in found), ((0, 0, 0), 'not labelled')]
