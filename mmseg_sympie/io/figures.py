"""Matplotlib figures as files. Only these functions import Matplotlib, which takes a second."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """A figure with constrained layout, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(width_inches, height_inches), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | Path, dpi: int = 130) -> None:
    """Write a figure whole or not at all; the suffix says in which format."""
    with written_whole(path) as partial:
        figure.savefig(partial, dpi=dpi)


def signed_colours(values: np.ndarray, limit: float) -> np.ndarray:
    """Numbers (h, w) -> (h, w, 3), RGB, uint8: blue at -limit, white at 0, red at limit."""
    from matplotlib import colormaps
    return colormaps['RdBu_r']((values / limit + 1) / 2, bytes=True)[..., :3]
