"""Pictures inside a page: photographs, label maps, and sliders that uncover one under another."""
import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

from ..panels import Panel, legend_entries, palette_256, parameter_picture
from ..report import percent

LONG_SIDE_PX = 720  # sharp enough for a third of a screen, small enough for a page of six panels

Colours = Sequence[Sequence[int]]


def panel_section(kind: str, panel: Panel, num_classes: int, palette: Colours,
                  compared: bool) -> str:
    """One image: itself and enhanced, what the segmentor sees in each, the truth.

    Args:
        kind: why it is shown, as 'best'.
        compared: the predictions with each other, or else the last one with the truth.
    """
    ious = panel.ious(num_classes)
    caption = f'mIoU {percent(ious[-1])}'
    if compared:
        caption = (f'mIoU {percent(ious[0])} &rarr; {percent(ious[-1])} '
                   f'({percent(ious[-1] - ious[0], sign=True)})')
    photos = [photo(image) for image in panel.images]
    labels = [label_map(prediction, palette) for prediction in panel.predictions]
    truth = label_map(panel.truth, palette)
    figures = [
        slider(photos[0], photos[-1], 'original', 'enhanced') if len(photos) > 1
        else still(photos[0], 'original'),
        *([slider(labels[0], labels[-1], 'without', 'with'), still(truth, 'truth')] if compared
          else [slider(labels[-1], truth, 'prediction', 'truth')])]
    file_name = panel.name.rpartition('/')[2]
    place = f' &middot; {escape(panel.condition)}' if panel.condition else ''
    return (f'<article><h3><span class="kind">{escape(kind)}</span> {caption}'
            f'<small title="{escape(panel.name)}">{escape(file_name)}{place}</small></h3>'
            f'<div class="panel">{"".join(figures)}</div>'
            f'{parameters(panel.kernels[-1], panel.matrices[-1], panel.effects()[-1])}</article>')


def slider(before: str, after: str, left: str, right: str) -> str:
    """Two pictures on top of each other with a cut between them that can be dragged."""
    return (f'<figure class="slider"><div class="stage">'
            f'<img src="{before}" alt="{left}" draggable="false">'
            f'<img src="{after}" alt="{right}" class="after" draggable="false">'
            f'<span class="tag">{left}</span><span class="tag right">{right}</span>'
            f'<span class="handle"></span></div>'
            f'<input type="range" min="0" max="100" step="1" value="50" '
            f'aria-label="cut between {left} and {right}"></figure>')


def still(picture: str, name: str) -> str:
    """A picture that stays as it is."""
    return (f'<figure><div class="stage"><img src="{picture}" alt="{name}">'
            f'<span class="tag">{name}</span></div></figure>')


def parameters(kernel: np.ndarray | None, matrix: np.ndarray | None, effect: str) -> str:
    """The predicted filter (5, 5) and colour matrix (3, 3) as one small picture, and in numbers.

    Args:
        effect: as `Panel.effects` puts it.
    """
    if kernel is None:
        return ''
    picture = data_uri(Image.fromarray(parameter_picture(kernel, matrix)), optimize=True)
    numbers = np.array2string(matrix, precision=2, suppress_small=True)
    return (f'<p class="parameters"><img class="weights" src="{picture}" alt="" '
            f'title="{numbers}">predicted filter and colour matrix, less the identity: '
            f'{escape(effect)}</p>')


def legend(panels: Sequence[Panel], classes: Sequence[str], palette: Colours) -> str:
    """Name and colour of every class that the panels show."""
    return ''.join(f'<span>{swatch(colour)}{escape(name)}</span>'
                   for colour, name in legend_entries(panels, classes, palette))


def swatch(colour: Sequence[int]) -> str:
    """A small square of a colour, RGB on 0..255."""
    red, green, blue = colour
    return f'<i class="swatch" style="background: rgb({red} {green} {blue})"></i>'


def photo(image: np.ndarray) -> str:
    """(H, W, 3), RGB, uint8 -> data URI."""
    picture = Image.fromarray(image)
    picture.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.BOX)
    return data_uri(picture, 'JPEG', quality=85)


def label_map(labels: np.ndarray, palette: Colours) -> str:
    """Classes (h, w), 255 void -> data URI, in the palette's colours."""
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette(palette_256(palette).tobytes())
    picture.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.NEAREST)
    return data_uri(picture, optimize=True)


def data_uri(picture: Image.Image, kind: str = 'PNG', **options) -> str:
    file = BytesIO()
    picture.save(file, kind, **options)
    return f'data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}'
