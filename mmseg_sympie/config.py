"""Loading configs with the changes of a command line; `~` in both."""
import argparse
import os
import re
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from mmengine.config import Config

# At the beginning, or of a path after a name, as in torchvision:vgg16:~/vgg16.pth.
_HOME = re.compile(r'(^|[:+])(~[^/:+]*)')


def expand_home(value: Any) -> Any:
    """`value` with `~` in its strings and paths written out, also inside lists and dicts.

    Containers are changed in place, where they can be.
    """
    if isinstance(value, Path):
        return value.expanduser()
    if isinstance(value, str):
        return _HOME.sub(lambda match: match[1] + os.path.expanduser(match[2]), value)
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(expand_home, value))
    entries = (value.items() if isinstance(value, dict) else
               enumerate(value) if isinstance(value, list) else ())
    for key, entry in list(entries):
        expanded = expand_home(entry)
        if expanded is not entry:
            value[key] = expanded
    return value


def parsed_args(parser: argparse.ArgumentParser,
                argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """The command line, with the `~` that the shell leaves, as in --out=~/results, written out."""
    args = parser.parse_args(argv)
    expand_home(vars(args))
    return args


def load_config(path: str, options: Mapping[str, Any] = {}) -> Config:
    """Read a config and apply `--cfg-options`; `~` in any string of it is the home folder.

    `data_root` sets the root of every data set in the config: MMEngine resolves the variable of
    that name when it reads the file, too early for a later change to reach the data sets.
    """
    cfg = Config.fromfile(expand_home(path))
    options = dict(options)
    data_root = options.pop('data_root', None)
    cfg.merge_from_dict(options)
    if data_root is not None:
        _set_data_root(cfg._cfg_dict, data_root)
    expand_home(cfg._cfg_dict)
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
