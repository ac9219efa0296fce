"""The file that `tools/rank_filters.py` writes, and what is chosen from it."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.files import read_json


def read_ranking(path: str | Path) -> dict[str, Any]:
    """The ranking as `tools/rank_filters.py` wrote it.

    Raises:
        FileNotFoundError, InputError: there is none, or it is something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'The ranking {path} does not exist (looked from {Path.cwd()}). '
                                'Make one with `sympie rank-filters`.')
    try:
        ranking = read_json(path)
        assert all(sorted(layer['order']) == list(range(len(layer['order'])))
                   for layer in ranking['layers'].values())
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(f'{path} is no ranking of filters. Make one with `sympie '
                         'rank-filters`.') from error
    return ranking


def chosen_filters(path: str | Path, beta: float = 0.5,
                   layers: Sequence[str] | None = None) -> dict[str, list[int]]:
    """The share `beta` of each layer's filters that is worth most, at least one, in rising order.

    Args:
        path: of the ranking.
        beta: share of the filters, above 0 and up to 1.
        layers: names; by default all that were ranked.
    """
    if not 0 < beta <= 1:
        raise InputError(f'beta is a share of the filters, above 0 and up to 1, got {beta}.')
    ranked = read_ranking(path)['layers']
    missing = [layer for layer in layers or () if layer not in ranked]
    if missing:
        raise InputError(f'The ranking {path} has no layer {missing[0]!r}; it has '
                         f'{", ".join(ranked)}.')
    orders = {layer: ranked[layer]['order'] for layer in layers or ranked}
    return {layer: sorted(order[:max(1, round(beta * len(order)))])
            for layer, order in orders.items()}
