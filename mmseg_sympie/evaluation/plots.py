"""Bar charts of the reports."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .scores import POOLED

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


def signed_colours(values: np.ndarray, limit: float) -> np.ndarray:
    """Numbers (h, w) -> (h, w, 3), RGB, uint8: blue at -limit, white at 0, red at limit."""
    return matplotlib.colormaps['RdBu_r']((values / limit + 1) / 2, bytes=True)[..., :3]


def _axes(num_classes: int):
    figure = Figure(figsize=(8, 1.5 + 0.28 * num_classes), layout='constrained')
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _finish(figure: Figure, axes, classes: Sequence[str], path: Path) -> None:
    axes.set_yticks(np.arange(len(classes)), classes)
    axes.invert_yaxis()
    axes.grid(axis='x', alpha=0.3)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc='outside lower center', ncols=5, fontsize=8, frameon=False)
    figure.savefig(path, dpi=130)
