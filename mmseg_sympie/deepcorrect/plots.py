"""The picture of a ranking."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..io.files import written_whole


def plot_ranking(ranking: Mapping[str, Any], path: Path) -> None:
    """Error against the number of corrected filters, the best ones first; a line for each layer."""
    layers = ranking['layers']
    figure = Figure(figsize=(9, max(5, 0.12 * len(layers))), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, layer in layers.items():
        axes.plot(layer['curve']['corrected'], layer['curve']['error'], 'o-', markersize=3,
                  linewidth=1, label=name)
    axes.set(xscale='symlog', xlim=(0, None), xlabel='filters replaced by their clean activations',
             ylabel=f'error ({ranking["settings"]["error"]}), mean over levels')
    axes.grid(alpha=0.3)
    figure.legend(loc='outside right upper', fontsize=5 if len(layers) > 25 else 8, frameon=False)
    with written_whole(path) as partial:
        figure.savefig(partial, dpi=130)
