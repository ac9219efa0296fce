"""Bar charts of the reports."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..io.figures import new_figure, save_figure
from .scores import POOLED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAIN, LOSS = '#2a7f4f', '#c0392b'


def plot_class_iou(report: Mapping[str, Any], path: Path) -> None:
    """IoU of each class: a bar for all images, a mark for each condition."""
    classes = report['classes']
    figure, axes = _axes(len(classes))
    rows = np.arange(len(classes))
    markers = iter('o^sDvPX*' * (len(report['scores']) // 8 + 1))
    for condition, summary in report['scores'].items():
        iou = [np.nan if summary['class_iou'][name] is None else summary['class_iou'][name]
               for name in classes]
        miou = '-' if summary['miou'] is None else f"{summary['miou']:.1f}"
        label = f'{condition}: mIoU {miou}'
        if condition == POOLED:
            axes.barh(rows, iou, color='#9db4c8', label=label)
        else:
            axes.plot(iou, rows, next(markers), markersize=5, label=label)
    axes.set(xlim=(0, 100), xlabel='IoU in percent')
    _finish(figure, axes, classes, path)


def plot_class_gains(classes: Sequence[str], gains: Sequence[float], title: str,
                     path: Path) -> None:
    """Change of the IoU of each class in points: gains to the right, losses to the left."""
    figure, axes = _axes(len(classes))
    values = np.array([np.nan if gain is None else gain for gain in gains], dtype=float)
    bars = axes.barh(np.arange(len(classes)), values,
                     color=[LOSS if value < 0 else GAIN for value in values])
    axes.bar_label(bars, [f'{value:+.1f}' if np.isfinite(value) else '' for value in values],
                   padding=3, fontsize=8)
    axes.axvline(0, color='black', linewidth=0.8)
    axes.margins(x=0.15)
    axes.set(xlabel='change of IoU in points', title=title)
    _finish(figure, axes, classes, path)


def _axes(num_classes: int) -> tuple[Figure, Axes]:
    figure = new_figure(8, 1.5 + 0.28 * num_classes)
    return figure, figure.subplots()


def _finish(figure: Figure, axes: Axes, classes: Sequence[str], path: Path) -> None:
    axes.set_yticks(np.arange(len(classes)), classes)
    axes.invert_yaxis()
    axes.grid(axis='x', alpha=0.3)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc='outside lower center', ncols=5, fontsize=8, frameon=False)
    save_figure(figure, path)
