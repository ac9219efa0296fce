"""Pictures inside a page: photographs, label maps, and sliders that uncover one under another."""
import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

from ..panels import (
    Correction,
    Panel,
    grey_curves,
    grey_response,
    legend_entries,
    palette_256,
)
from ..report import percent

LONG_SIDE_PX = 720  # sharp enough for a third of a screen, small enough for a page of six panels

Colours = Sequence[Sequence[int]]


def panel_section(kind: str, panel: Panel, num_classes: int, palette: Colours,
                  compared: bool) -> str:
    """One image: itself and enhanced, what the segmentor sees in each, the truth.

    Args:
        kind: why it is shown, as 'best'.
        panel: what to show.
        num_classes: of the labels.
        palette: RGB on 0..255 for each class.
        compared: the variants are runs, a column for each; or else the last with the truth.
    """
    file_name = panel.name.rpartition('/')[2]
    place = f'{escape(panel.condition)} &middot; ' if panel.condition else ''
    columns = (_run_columns if compared else _single_columns)(panel, num_classes, palette)
    return (f'<article><h3><span class="kind">{place}{escape(kind)}</span>'
            f'<small title="{escape(panel.name)}">{escape(file_name)}</small></h3>'
            f'<div class="panel">{"".join(columns)}</div></article>')


def _single_columns(panel: Panel, num_classes: int, palette: Colours) -> list[str]:
    photos = [photo(image) for image in panel.images]
    truth = label_map(panel.truth, palette)
    first = (slider(photos[0], photos[-1], 'original', 'enhanced') if len(photos) > 1
             else still(photos[0], 'original'))
    score = f'mIoU {percent(panel.ious(num_classes)[-1])}'
    return [_column('image', '', first, correction_section(panel.corrections[-1])),
            _column('prediction', score, slider(label_map(panel.predictions[-1], palette), truth,
                                                'prediction', 'truth'))]


def _run_columns(panel: Panel, num_classes: int, palette: Colours) -> list[str]:
    photos = [photo(image) for image in panel.images]
    labels = [label_map(prediction, palette) for prediction in panel.predictions]
    ious = panel.ious(num_classes)
    base = panel.variants[0]
    columns = [_column(base, f'mIoU {percent(ious[0])}', still(photos[0], 'original'),
                       still(labels[0], 'prediction'))]
    for place in range(1, len(photos)):
        score = f'mIoU {percent(ious[place])} ({percent(ious[place] - ious[0], sign=True)})'
        columns.append(_column(
            panel.variants[place], score,
            slider(0, photos[place], 'original', 'enhanced'),
            slider(1, labels[place], base, panel.variants[place]),
            correction_section(panel.corrections[place])))
    return [*columns, _column('truth', '', still(label_map(panel.truth, palette), 'truth'))]


def _column(title: str, note: str, *parts: str) -> str:
    return (f'<div class="column"><h4>{escape(title)} <span>{note}</span></h4>'
            f'{"".join(parts)}</div>')


def slider(before: str | int, after: str, left: str, right: str) -> str:
    """Two pictures on top of each other with a cut between them that can be dragged.

    Args:
        before: a picture, or the place of one in the first column, which the page then takes again.
        after: what the right side shows.
        left: name of the first.
        right: name of the second.
    """
    left, right = escape(left), escape(right)
    source = f'data-place="{before}"' if isinstance(before, int) else f'src="{before}"'
    return (f'<figure class="slider"><div class="stage">'
            f'<img {source} alt="{left}" draggable="false">'
            f'<img src="{after}" alt="{right}" class="after" draggable="false">'
            f'<span class="tag">{left}</span><span class="tag right">{right}</span>'
            f'<span class="handle"></span></div>'
            f'<input type="range" min="0" max="100" step="1" value="50" '
            f'aria-label="cut between {left} and {right}"></figure>')


def still(picture: str, name: str) -> str:
    """A picture that stays as it is."""
    return (f'<figure><div class="stage"><img src="{picture}" alt="{name}">'
            f'<span class="tag">{name}</span></div></figure>')


def correction_section(correction: Correction | None) -> str:
    """A predicted correction: gain and offset of each channel in numbers, and as curves."""
    if correction is None:
        return ''
    levels = np.arange(0, 256, 5)
    rows, curves = [], []
    for name, exponent, gain, offset, curve in zip('RGB', correction.exponent,
                                                   *grey_response(correction),
                                                   grey_curves(correction, levels)):
        rows.append(f'<tr class="{name}"><th scope="row">{name}</th><td>{exponent:.2f}</td>'
                    f'<td>{gain:.2f}</td><td>{round(offset):+d}</td></tr>')
        points = ' '.join(f'{level},{255 - value:.0f}' for level, value in zip(levels, curve))
        curves.append(f'<polyline class="{name}" points="{points}"/>')
    return ('<div class="correction"><svg viewBox="-2 -2 259 259" role="img" '
            'aria-label="brightness out against brightness in, for each channel">'
            '<rect width="255" height="255"/><path d="M0 255L255 0"/>'
            f'{"".join(curves)}</svg>'
            '<table><caption>correction: out = gain &times; 255 (in / 255)<sup>exponent</sup> + '
            'offset, on 0..255</caption>'
            '<tr><td></td><th scope="col">exponent</th><th scope="col">gain</th>'
            '<th scope="col">offset</th></tr>'
            f'{"".join(rows)}</table></div>')


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
    """A picture in the page itself; the options are those of Pillow's writer."""
    file = BytesIO()
    picture.save(file, kind, **options)
    return f'data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}'
