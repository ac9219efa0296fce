"""Figures of test images before and after enhancement, as Figures 6 and 7 of the SyMPIE paper."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..io.figures import new_figure, save_figure
from .panels import Panel, colourise, curve_picture, legend_entries

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

PICTURE_INCHES = 2.8
CORRECTION = 'correction'

Colours = Sequence[Sequence[int]]


class Row(NamedTuple):
    """Titles and pictures (H, W, 3), RGB, uint8, side by side; a gap where there is none."""

    name: str
    titles: Sequence[str]
    pictures: Sequence[np.ndarray | None]


def panel_pictures(panel: Panel, palette: Colours) -> dict[str, np.ndarray]:
    """Original, enhanced, what is seen in each, the truth, and what was predicted, by name.

    Args:
        panel: with 0 and 1 applications, or with 0 alone.
        palette: RGB on 0..255 for each class.

    Returns:
        Pictures (H, W, 3), RGB, uint8.
    """
    names = ['prediction without', 'prediction with']
    if len(panel.variants) == 1:
        names = ['prediction']
    pictures = dict(zip(('original', 'enhanced'), panel.images))
    pictures.update((name, colourise(labels, palette))
                    for name, labels in zip(names, panel.predictions))
    pictures['truth'] = colourise(panel.truth, palette)
    if panel.corrections[-1] is not None:
        pictures[CORRECTION] = curve_picture(panel.corrections[-1])
    return pictures


def draw_panels(panels: Sequence[Panel], names: Sequence[str], classes: Sequence[str],
                palette: Colours, path: Path) -> None:
    """Draw `panel_pictures`, a row for each panel, with a legend; `names` go beside the rows."""
    pictures = [panel_pictures(panel, palette) for panel in panels]
    rows = [Row(name, [_titled(title, panel) for title in each], list(each.values()))
            for name, each, panel in zip(names, pictures, panels)]
    _draw(rows, _legend(panels, classes, palette), path)


def draw_applications(panel: Panel, classes: Sequence[str], palette: Colours, path: Path) -> None:
    """Draw image, prediction and predicted parameters after each number of applications."""
    rows = [
        Row('image', [f'applied {times} times' for times in panel.variants], panel.images),
        Row('prediction', [f'mIoU {iou:.2f}' for iou in panel.ious(len(classes))],
            [colourise(labels, palette) for labels in panel.predictions])]
    if panel.corrections[-1] is not None:
        rows.append(Row(CORRECTION, panel.effects(), [
            None if each is None else curve_picture(each) for each in panel.corrections]))
    _draw(rows, _legend([panel], classes, palette), path)


def _titled(title: str, panel: Panel) -> str:
    return f'{title}\n{panel.effects()[-1]}'.strip() if title == CORRECTION else title


def _draw(rows: Sequence[Row], legend: list[Patch], path: Path) -> None:
    save_figure(figure_of(rows, legend), path, dpi=150)


def figure_of(rows: Sequence[Row], legend: list[Patch]) -> Figure:
    """The rows one below the other, and a legend in as many columns as fit below them."""
    columns = max(len(row.pictures) for row in rows)
    height, width = next(each for each in rows[0].pictures if each is not None).shape[:2]
    figure = new_figure(PICTURE_INCHES * columns, 1)
    legend_rows = _add_legend(figure, legend)
    figure.set_figheight(0.4 + 0.2 * legend_rows
                         + len(rows) * (0.35 + PICTURE_INCHES * height / width))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for row, line in zip(rows, grid):
        for axes, title, picture in zip(line, row.titles, row.pictures):
            if picture is not None:
                axes.imshow(picture)
                axes.set_title(title, fontsize=9, pad=3)
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(row.name, fontsize=9)
    return figure


def _add_legend(figure: Figure, handles: list[Patch]) -> int:
    """Below all pictures; returns the number of its rows."""
    for columns in range(min(10, len(handles)), 0, -1):
        legend = figure.legend(handles=handles, loc='outside lower center', ncols=columns,
                               fontsize=9, frameon=False)
        if legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
    return -(-len(handles) // columns)


def _legend(panels: Sequence[Panel], classes: Sequence[str], palette: Colours) -> list[Patch]:
    from matplotlib.patches import Patch
    return [Patch(color=(red / 255, green / 255, blue / 255), label=name)
            for (red, green, blue), name in legend_entries(panels, classes, palette)]
