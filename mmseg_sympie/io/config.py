"""Loading configs with the changes of a command line, and building what they name; `~` in both."""
import argparse
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mmengine.config.config
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

from ..errors import InputError, unknown_type
from .files import plain


class CfgOptions(DictAction):
    """`--cfg-options KEY=VALUE ...`, with a message for what is no such pair."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, option_string: Any = None) -> None:
        for value in values:
            try:
                if value.startswith('='):
                    raise ValueError(value)
                super().__call__(parser, namespace, [value], option_string)
            except Exception:
                parser.error(f'argument {option_string}: {value!r} is not KEY=VALUE, such as '
                             'model.test_cfg.mode=whole; lists are [1,2], without spaces.')

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
                argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, with the `~` that the shell leaves, as in --out=~/results, written out."""
    args = parser.parse_args(argv)
    expand_home(vars(args))
    return args


def load_config(path: str, options: Mapping[str, Any] = {}) -> Config:
    """Read a config and apply `--cfg-options`; `~` in any string of it is the home folder.

    `data_root` sets the root of every data set in the config: MMEngine resolves the variable of
    that name when it reads the file, too early for a later change to reach the data sets.

    Raises:
        FileNotFoundError, InputError: the config, or one that it inherits from, is missing or
            wrong.
    """
    path = expand_home(path)
    with _says_what_is_wrong(f'The config {path} cannot be read'), _byte_order_marks_accepted():
        cfg = Config.fromfile(path)
        plain(cfg._cfg_dict)  # imports what a config in Python's style names
    options = dict(options)
    data_root = options.pop('data_root', None)
    with _says_what_is_wrong(f'--cfg-options do not fit {path}'):
        cfg.merge_from_dict(options)
    if data_root is not None:
        _set_data_root(cfg._cfg_dict, data_root)
    expand_home(cfg._cfg_dict)
    return cfg


def is_python_style(path: str) -> bool:
    """Whether a config is in MMEngine's pure-Python style, which inherits by `read_base`."""
    with _byte_order_marks_accepted():
        return Config._is_lazy_import(path)


def type_name(kind: Any, scoped: bool = False) -> str:
    """The name of a `type` in a config, which may be a string or a class.

    Args:
        scoped: with the package in front, as in 'mmseg_sympie.ACDCDataset' (of a string, where it
            says so).
    """
    if not isinstance(kind, str) and scoped:
        return f'{kind.__module__.split(".")[0]}.{kind.__name__}'
    name = str(getattr(kind, '__name__', kind))
    return name if scoped else name.split('.')[-1]


def enter_scope(cfg: Config) -> None:
    """Have names without a scope looked up where the config says, by default in mmseg."""
    init_default_scope(cfg.get('default_scope') or 'mmseg')


@contextmanager
def building(what: str) -> Iterator[None]:
    """Name what of a config cannot be built, instead of a traceback through MMEngine."""
    with _says_what_is_wrong(f'Cannot build {what}'):
        yield


@contextmanager
def _says_what_is_wrong(title: str) -> Iterator[None]:
    try:
        yield
    except (InputError, OSError):
        raise
    except UnicodeDecodeError as error:
        raise InputError(f'{title}: it is not in UTF-8 (byte {error.object[error.start]:#x} at '
                         f'{error.start}). Save it as UTF-8.') from error
    except Exception as error:
        lines = str(error).strip().splitlines() or ['']
        raise InputError(f'{title}: ' + (unknown_type(error) or
                                         f'{type(error).__name__}: {lines[0][:400]}')) from error


@contextmanager
def _byte_order_marks_accepted() -> Iterator[None]:
    """Have MMEngine read configs, and those they inherit from, as editors on Windows save them."""
    def open_marked(*args, encoding=None, **kwargs):
        return open(*args, encoding='utf-8-sig' if encoding == 'utf-8' else encoding, **kwargs)

    mmengine.config.config.open = open_marked
    try:
        yield
    finally:
        del mmengine.config.config.open


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


def forget_pretrained(node: Any) -> None:
    """Change a model's config in place: no download of weights, and no synchronised batch norm."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == 'pretrained' or (key == 'init_cfg' and 'Pretrained' in str(value)):
                node[key] = None
            elif (isinstance(value, (str, type))
                  and type_name(value) in ('SyncBN', 'SyncBN2d', 'MMSyncBN', 'SyncBatchNorm')):
                node[key] = 'BN'
            else:
                forget_pretrained(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            forget_pretrained(value)
