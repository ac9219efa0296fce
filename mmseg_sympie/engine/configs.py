"""The configs that ship, as a table."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..attachment import find_preprocessor, has_enhancer
from ..io.config import load_config, type_name
from ..io.files import read_json
from ..io.shipped import PACKAGE, config_folder
from .segmentation import enhancers_of

TITLES = ['config', 'data', 'enhancer', 'weights', 'scores']


def config_rows(parts: Sequence[str] = ()) -> list[list[str]]:
    """Name, data, enhancer, weights and scores of each config, below a row of titles.

    Args:
        parts: only configs with one of these in their names; by default all.
    """
    folder, zoo = config_folder(), model_zoo()
    names = sorted(str(path.relative_to(folder).with_suffix('')) for path in folder.rglob('*.py')
                   if '_base_' not in path.parts)
    return [TITLES, *(_row(name, load_config(name), zoo) for name in names
                      if not parts or any(part in name for part in parts))]


def model_zoo() -> list[dict[str, Any]]:
    """The entries of the model zoo, in the package or beside it; none where there is no such file.

    Each has at least the `file` of its weights, as configs name it, and its `scores`.
    """
    for path in (PACKAGE / 'model_zoo.json', PACKAGE.parent / 'docs/model_zoo.json'):
        if path.is_file():
            return [entry for entries in read_json(path).values() if isinstance(entries, list)
                    for entry in entries]
    return []


def _row(name: str, cfg: Config, zoo: list[dict[str, Any]]) -> list[str]:
    enhancers = []
    if 'model' in cfg and has_enhancer(cfg):
        enhancers = [type_name(each['type']) for each in enhancers_of(find_preprocessor(cfg)[1])]
    weights = cfg.get('load_from') or ''
    scores = next((entry.get('scores') or '' for entry in zoo if entry.get('file')
                   and Path(entry['file']).name == Path(weights).name), '')
    missing = ' (missing)' if weights and not (
        '://' in weights or Path(weights).is_file()) else ''
    return [name, _data(cfg), ', '.join(enhancers), Path(weights).name + missing, scores]


def _data(cfg: Config) -> str:
    """The type of the data that a config tests on, or trains on, and its folder."""
    node = cfg.get('test_dataloader') or cfg.get('train_dataloader') or {}
    root = None
    while isinstance(node, dict) and (inner := node.get('dataset') or node.get('datasets')):
        node = inner[0] if isinstance(inner, (list, tuple)) else inner
        root = node.get('data_root') or node.get('root') or root
    kind = node.get('type')
    return ' '.join(filter(None, [kind and type_name(kind), root]))
