"""Loading configs with the changes of a command line."""
from typing import Any, Mapping

from mmengine.config import Config


def load_config(path: str, options: Mapping[str, Any] = {}) -> Config:
    """Read a config and apply `--cfg-options`.

    `data_root` sets the root of every data set in the config: MMEngine resolves the variable of
    that name when it reads the file, too early for a later change to reach the data sets.
    """
    cfg = Config.fromfile(path)
    options = dict(options)
    data_root = options.pop('data_root', None)
    cfg.merge_from_dict(options)
    if data_root is not None:
        _set_data_root(cfg._cfg_dict, data_root)
    return cfg


def _set_data_root(node: Any, data_root: str) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == 'data_root':
                node[key] = data_root
            else:
                _set_data_root(value, data_root)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _set_data_root(value, data_root)
