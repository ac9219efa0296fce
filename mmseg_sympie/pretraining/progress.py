"""What a pretraining run shows: held-out accuracy, losses and parameters as pictures, weights."""
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..enhancer.dwm import WarpParameters
from ..io.figures import new_figure, save_figure, signed_colours
from ..io.files import written_whole
from ..registry import HOOKS, METRICS
from ..runtime.distributed import unwrapped


@METRICS.register_module()
class HeldOutAccuracy(BaseMetric):
    """Accuracy in percent on clean and corrupted held-out images, without and with the enhancer.

    `parameters` keeps the mean parameter vector (37,) for each corruption, for the pictures.
    """

    default_prefix = 'accuracy'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the results of `Pretrainer.val_step`."""
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Accuracy in percent by condition and variant, as `clean/none`."""
        vectors = defaultdict(list)
        for result in results:
            vectors[result['corruption']].append(result['parameters'])
        self.parameters = {name: np.mean(vectors[name], axis=0) for name in sorted(vectors)}
        return {name: 100 * float(np.mean([result['correct'][name] for result in results]))
                for name in results[0]['correct']}


@HOOKS.register_module()
class ExportEnhancer(Hook):
    """After each validation and at the end: `enhancer.pth`, `losses.png`, `parameters.png`.

    `enhancer.pth` is the averaged copy, as `SyMPIE(checkpoint=...)` reads it.
    """

    priority = 'LOW'

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float]) -> None:
        """Write pictures and weights."""
        if runner.rank != 0:
            return
        hub = runner.message_hub
        history = list(hub.get_info('held_out', []) or []) + [
            dict(step=runner.iter, **{key: float(value) for key, value in metrics.items()})]
        hub.update_info('held_out', history)
        folder = Path(runner.work_dir)
        losses = {name: hub.get_scalar(f'train/{name}').data[0] for name in ('loss_1', 'loss_2')
                  if f'train/{name}' in hub.log_scalars}
        plot_progress(losses, history, folder / 'losses.png')
        for metric in runner.val_evaluator.metrics:
            if getattr(metric, 'parameters', None):
                plot_parameters(metric.parameters, folder / 'parameters.png')
        self._export(runner)

    def after_train(self, runner: Runner) -> None:
        """Write the weights."""
        if runner.rank == 0:
            self._export(runner)

    def _export(self, runner: Runner) -> None:
        model: Any = unwrapped(runner.model)
        with written_whole(Path(runner.work_dir) / 'enhancer.pth') as partial:
            torch.save(model.average.weights(), partial)


def plot_progress(losses: Mapping[str, np.ndarray], history: Sequence[Mapping[str, float]],
                  path: Path) -> None:
    """Both losses (faint, and as a moving mean) and held-out accuracies over the steps."""
    figure = new_figure(10, 4)
    left, right = figure.subplots(1, 2)
    for name, values in losses.items():
        line, = left.plot(values, linewidth=0.5, alpha=0.3)
        width = max(1, len(values) // 50)
        smooth = np.convolve(values, np.ones(width) / width, 'valid')
        left.plot(np.arange(len(smooth)) + width // 2, smooth, color=line.get_color(), label=name)
    for name in [key for key in history[0] if key != 'step'] if history else []:
        right.plot([row['step'] for row in history], [row[name] for row in history], 'o-',
                   markersize=3, label=name.split('/', 1)[-1])
    left.set(xlabel='step', ylabel='loss')
    right.set(xlabel='step', ylabel='accuracy in percent')
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    save_figure(figure, path)


def plot_parameters(parameters: Mapping[str, np.ndarray], path: Path) -> None:
    """The mean predicted kernel, colour matrix and shift for each corruption."""
    figure = new_figure(1.1 * len(parameters) + 1, 4)
    grid = figure.subplots(3, len(parameters), squeeze=False)
    for column, (name, vector) in enumerate(parameters.items()):
        predicted = WarpParameters.split(torch.as_tensor(np.asarray(vector))[None])
        grid[0, column].set_title(name.replace('_', '\n'), fontsize=7)
        for row, (part, label) in enumerate((
                (predicted.kernel[0], 'kernel'), (predicted.matrix[0], 'matrix'),
                (predicted.shift, 'shift'))):
            axes = grid[row, column]
            axes.imshow(signed_colours(part.numpy(), limit=1.2))
            axes.set(xticks=[], yticks=[])
            if column == 0:
                axes.set_ylabel(label, fontsize=8)
    save_figure(figure, path)
