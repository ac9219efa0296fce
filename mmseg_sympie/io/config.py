"""Loading configs with the changes of a command line, and building what they name; `~` in both."""
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import mmengine.config.config
import mmengine.config.utils
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..errors import InputError, unknown_type
from .files import plain
from .home import expand_home
from .shipped import PACKAGE, WEIGHTS, find_config


def load_config(path: str, options: Mapping[str, Any] = {}) -> Config:
    """Read a config and apply `--cfg-options`; `~` in any string of it is the home folder.

    `data_root` sets the root of every data set in the config: MMEngine resolves the variable of
    that name when it reads the file, too early for a later change to reach the data sets.

    Raises:
        FileNotFoundError, InputError: the config, or one that it inherits from, is missing or
            wrong.
    """
    path = find_config(expand_home(path))
    if Path(path).suffix not in ('.py', '.yml', '.yaml', '.json'):
        raise InputError(f'{path} is no config: wanted a .py, .yaml or .json file.')
    with (_says_what_is_wrong(f'The config {path} cannot be read'), _byte_order_marks_accepted(),
          _mmseg_found()):
        cfg = Config.fromfile(path)
        plain(cfg._cfg_dict)  # imports what a config in Python's style names
    options = dict(options)
    data_root = options.pop('data_root', None)
    with _says_what_is_wrong(f'--cfg-options do not fit {path}'):
        cfg.merge_from_dict(options)
    if data_root is not None:
        _set_data_root(cfg._cfg_dict, data_root)
    expand_home(cfg._cfg_dict)
    _find_shipped_weights(cfg._cfg_dict)
    return cfg


def _find_shipped_weights(node: Any) -> None:
    """Change a config in place: weights of this package are found from any folder."""
    for key, value in list(node.items() if isinstance(node, dict) else
                           enumerate(node) if isinstance(node, list) else ()):
        if isinstance(value, str) and value.startswith(WEIGHTS) and not Path(value).exists():
            node[key] = str(PACKAGE.parent / value)
        else:
            _find_shipped_weights(value)


def is_python_style(path: str) -> bool:
    """Whether a config is in MMEngine's pure-Python style, which inherits by `read_base`."""
    with _byte_order_marks_accepted():
        return Config._is_lazy_import(path)


def type_name(kind: Any, scoped: bool = False) -> str:
    """The name of a `type` in a config, which may be a string or a class.

    Args:
        kind: a name or a class.
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
        if isinstance(error, ImportError) and isinstance(error.__cause__, ImportError):
            error = error.__cause__  # MMEngine wraps what names the module, and adds its path
        lines = str(error).strip().splitlines() or ['']
        if lines[0] == 'need at least one array to concatenate':
            raise InputError(f'{title}: there is no image where data_root and data_prefix of the '
                             'data set point to, with its img_suffix.') from error
        raise InputError(f'{title}: ' + (unknown_type(error) or
                                         f'{type(error).__name__}: {lines[0][:400]}')) from error


def files_of(path: str) -> set[Path]:
    """The files that a config is read from: its own, and those that it inherits from."""
    with (_says_what_is_wrong(f'The config {path} cannot be read'),
          _byte_order_marks_accepted() as read, _mmseg_found()):
        Config.fromfile(path)
    return {Path(file).resolve() for file in read}


@contextmanager
def _byte_order_marks_accepted() -> Iterator[list[str]]:
    """Have MMEngine read configs, and those they inherit from, as editors on Windows save them.

    Yields:
        The files that it reads.
    """
    read = []

    def open_marked(file, mode='r', *args, encoding=None, **kwargs):
        if 'r' in mode:
            read.append(file)
            encoding = 'utf-8-sig' if encoding == 'utf-8' else encoding
        return open(file, mode, *args, encoding=encoding, **kwargs)

    mmengine.config.config.open = open_marked
    try:
        yield read
    finally:
        del mmengine.config.config.open


@contextmanager
def _mmseg_found() -> Iterator[None]:
    """Have MMEngine find `mmseg::...` in a `_base_`, where OneDL's package is installed.

    It looks for one named mmsegmentation. The name of the module serves, too.
    """
    names = mmengine.config.utils.MODULE2PACKAGE
    before = names['mmseg']
    try:
        metadata.version(before)  # `is_installed` warns of its own means on older MMEngines.
    except metadata.PackageNotFoundError:
        names['mmseg'] = 'mmseg'
    try:
        yield
    finally:
        names['mmseg'] = before


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
