"""The picture of a ranking."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..io.figures import new_figure, save_figure


def plot_ranking(ranking: Mapping[str, Any], path: Path) -> None:
    """Error against the number of corrected filters, the best ones first; a line for each layer."""
    layers = ranking['layers']
    figure = new_figure(9, max(5, 0.12 * len(layers)))
    axes = figure.subplots()
    for name, layer in layers.items():
        axes.plot(layer['curve']['corrected'], layer['curve']['error'], 'o-', markersize=3,
                  linewidth=1, label=name)
    axes.set(xscale='symlog', xlim=(0, None), xlabel='filters replaced by their clean activations',
             ylabel=f'error ({ranking["settings"]["error"]}), mean over levels')
    axes.grid(alpha=0.3)
    figure.legend(loc='outside right upper', fontsize=5 if len(layers) > 25 else 8, frameon=False)
    save_figure(figure, path)
