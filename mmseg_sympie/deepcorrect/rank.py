"""Rank the filters of one layer after the other; what is done is kept, and not done again."""
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..errors import InputError
from ..io.files import read_json, write_json
from .corrections import FilterLayer, num_filters
from .priority import Logits, Measure, clean_activation, priority, substituted_logits

Level = tuple[str, int]  # corruption and severity
CURVE_POINTS = 8


class Example(NamedTuple):
    """A clean image, its distorted versions, and what is true of it."""

    clean: Tensor  # (1, 3, H, W), RGB on [0, 1]
    distorted: Mapping[Level, Tensor]
    target: Tensor  # (1,) class, or (1, H, W) label map, 255 where nothing is labelled


def rank_layers(logits: Logits, layers: Mapping[str, FilterLayer],
                examples: Callable[[], Iterable[Example]], number: tuple[int, int],
                measure: Measure, folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Rank the filters of layers, and measure what correcting the best n at once would give.

    Each layer's result is kept in `folder/layers`; a run that stopped goes on behind the last.

    Args:
        logits: the model.
        layers: of the model, by name.
        examples: gives the same ones at every call.
        number: of examples, and of levels of each.
        measure: the error that correcting is to lower.
        folder: for `priority.json` and the results of the layers.
        settings: what the results depend on; a folder with others is refused.

    Returns:
        What `priority.json` holds: `settings`, and by layer what `rank_layer` gives.
    """
    check_settings(folder, settings)
    ranked = {}
    passes = {name: number[0] * number[1] * (
        num_filters(layer) + 1 + len(curve_points(num_filters(layer))))
        for name, layer in layers.items()}
    with tqdm(total=sum(passes.values()), unit='pass', unit_scale=True, desc='rank') as bar:
        for name, layer in layers.items():
            bar.set_postfix_str(name)
            path = folder / 'layers' / f'{name}.json'
            if path.is_file():
                bar.update(passes[name])
            else:
                result = rank_layer(logits, layer, examples, measure, bar)
                write_json(path, result, indent=None)
            ranked[name] = read_json(path)
    return dict(settings=dict(settings), layers=ranked)


def rank_layer(logits: Logits, layer: FilterLayer, examples: Callable[[], Iterable[Example]],
               measure: Measure, bar: tqdm) -> dict[str, Any]:
    """`order` of the filters, best first, with their `priority`; errors by `level`.

    `error` is that on distorted images by level, and `curve` what it would be, averaged over
    levels, with the best n filters corrected (`corrected`: n).
    """
    filters = num_filters(layer)
    one_by_one = torch.eye(filters + 1, filters).roll(1, dims=0).bool()  # the first is of none
    levels, counts = sweep(logits, layer, examples, one_by_one, measure, bar)
    errors = measure.errors(counts)
    first, second = (priority(error[:, 0], error[:, 1:]) for error in errors)
    # Top-1 error on few images has many ties.
    order = sorted(range(filters), key=lambda i: (-first[i].item(), -second[i].item()))
    points = curve_points(filters)
    best = torch.zeros(len(points), filters, dtype=torch.bool)
    for row, count in zip(best, points):
        row[order[:count]] = True
    _, counts = sweep(logits, layer, examples, best, measure, bar)
    curve = torch.cat([errors[0][:, :1], measure.errors(counts)[0]], dim=1).mean(dim=0)
    return dict(order=order, priority=first.tolist(), tie_break=second.tolist(),
                level=[f'{name} {severity}' for name, severity in levels],
                error=errors[0][:, 0].tolist(),
                curve=dict(corrected=[0, *points], error=curve.tolist()))


def curve_points(filters: int) -> list[int]:
    """Up to eight numbers of filters, evenly from few to all."""
    return sorted({max(1, round(step * filters / CURVE_POINTS))
                   for step in range(1, CURVE_POINTS + 1)})


@torch.no_grad()
def sweep(logits: Logits, layer: nn.Module, examples: Callable[[], Iterable[Example]],
          replaced: Tensor, measure: Measure, bar: tqdm) -> tuple[list[Level], Tensor]:
    """Counts (levels, K, n) over all examples, for K sets of replaced filters (K, C)."""
    counts: dict[Level, Tensor] = {}
    for example in examples():
        clean = clean_activation(logits, layer, example.clean)
        for level, image in example.distorted.items():
            parts = []
            for part in replaced.to(image.device).split(clean.copies):
                scores = substituted_logits(logits, layer, image, clean.output, part)
                parts.append(measure.count(scores, example.target).cpu())
                bar.update(len(part))
            counts[level] = counts.get(level, 0) + torch.cat(parts)
    return list(counts), torch.stack(list(counts.values()))


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Raise InputError where a folder holds results of other settings; else note them there."""
    path = folder / 'layers' / 'settings.json'
    if path.is_file():
        found = read_json(path)
        other = [key for key in settings if found.get(key) != settings[key]]
        if other:
            raise InputError(
                f'{folder} holds results of another run: {other[0]} was {found.get(other[0])!r}, '
                f'and is now {settings[other[0]]!r}. Give another --out, or delete that folder.')
    else:
        write_json(path, settings)
