"""Bar chart of what enhancers change for classifiers, corruption by corruption."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..io.figures import new_figure, save_figure
from .accuracy import CLEAN, NONE, difference

COLOURS = ('#2a7f4f', '#3a6ea5', '#c98a1b', '#8e5aa3', '#7a7a7a', '#b5523b')


def plot_accuracy(report: Mapping[str, Any], path: Path) -> None:
    """Change of the accuracy by corruption, one panel a classifier, one bar an enhancer.

    Without enhancers, the accuracies themselves.
    """
    classifiers = report['classifiers']
    rows = max(len(_bars(variants[name], None)) for variants in classifiers.values()
               for name in variants)
    bars = max(len(variants) - (NONE in variants) for variants in classifiers.values())
    figure = new_figure(2 + 5 * len(classifiers), 1.8 + rows * max(0.28, 0.16 * bars))
    panels = figure.subplots(1, len(classifiers), squeeze=False, sharex=True)[0]
    for panel, (classifier, variants) in zip(panels, classifiers.items()):
        _panel(panel, classifier, variants)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=4, fontsize=8, frameon=False)
    save_figure(figure, path)


def _panel(axes, classifier: str, variants: Mapping[str, Any]) -> None:
    baseline = variants.get(NONE)
    shown = [name for name in variants if name != NONE] if baseline else list(variants)
    as_change = bool(baseline and shown)
    shown = shown or [NONE]
    thickness = 0.8 / len(shown)
    for index, name in enumerate(shown):
        values = _bars(variants[name], baseline if as_change else None)
        positions = np.arange(len(values)) + (index - (len(shown) - 1) / 2) * thickness
        numbers = np.array([np.nan if value is None else value for value in values.values()], float)
        drawn = axes.barh(positions, numbers, thickness, label=name,
                          color=COLOURS[index % len(COLOURS)])
        axes.bar_label(drawn, [f'{value:{"+" if as_change else ""}.1f}' if np.isfinite(value)
                               else '' for value in numbers], padding=2, fontsize=6)
    axes.set_yticks(np.arange(len(values)), list(values))
    axes.invert_yaxis()
    axes.axvline(0, color='black', linewidth=0.8)
    axes.axhline(len(values) - 2.5, color='black', linewidth=0.5)
    axes.grid(axis='x', alpha=0.3)
    axes.set_axisbelow(True)
    axes.margins(x=0.12)
    axes.set(title=classifier, xlabel='change of accuracy in points' if as_change
             else 'accuracy in percent')


def _bars(summary: Mapping[str, Any],
          baseline: Mapping[str, Any] | None) -> Mapping[str, float | None]:
    values = {**summary['corruptions'], 'all': summary['all'], CLEAN: summary['clean']}
    if not baseline:
        return values
    before = {**baseline['corruptions'], 'all': baseline['all'], CLEAN: baseline['clean']}
    return {name: difference(before.get(name), value)['points'] for name, value in values.items()}
