"""What a page says first: which model, which data, which enhancers, and whether scenes are real."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..compare_enhancers import NONE
from ..scores import POOLED

_PHOTOGRAPHS = ('ACDCDataset', 'CamVidDataset', 'CityscapesDataset', 'DarkZurichDataset')


def page_title(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The segmentor's weights, the enhancers and the data in one line."""
    details = _details(reports)
    model = Path(details.get('checkpoint', 'segmentor')).stem
    return f'{model} {_enhancers(list(reports))} on {_data(details)}'


def first_sentences(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """What was tested on what and when, and whether the scenes are synthetic."""
    details = _details(reports)
    scores = next(iter(reports.values()))['scores']
    conditions = ', '.join(f'{scores[name]["images"]} {name}' for name in scores if name != POOLED)
    root = details.get('data', {}).get('root')
    tested = (f'The segmentor {details.get("model", "")} ({details.get("checkpoint", "?")}), '
              f'{_enhancers(list(reports))}, on {scores[POOLED]["images"]} images'
              f'{f" of {root}" if root else ""}{f" ({conditions})" if conditions else ""}, '
              f'{details.get("date", "")[:10]}.')
    return f'{tested} {_reality(details)}'.strip()


def _details(reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return list(reports.values())[-1]['details']


def _enhancers(names: Sequence[str]) -> str:
    enhancers = [name for name in names if name != NONE]
    with_ = ' and '.join(filter(None, [', '.join(enhancers[:-1]), *enhancers[-1:]]))
    if len(enhancers) == len(names):
        return f'with {with_}'
    return f'without and with {with_}' if enhancers else 'without an enhancer'


def _data(details: Mapping[str, Any]) -> str:
    data = details.get('data', {})
    if data.get('synthetic'):
        return 'synthetic scenes'
    return data.get('type', 'test data').removesuffix('Dataset')


def _reality(details: Mapping[str, Any]) -> str:
    data = details.get('data', {})
    if data.get('synthetic'):
        return ('The scenes are synthetic: they were rendered, so the numbers say nothing about '
                'real weather.')
    return 'The images are photographs.' if data.get('type') in _PHOTOGRAPHS else ''
