"""Write a config that inherits from another one and puts an enhancer in front of its model."""
import os
import pprint
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS
from torch import nn

from ..attachment import changes, find_preprocessor
from ..errors import InputError
from ..io.config import building, enter_scope, is_python_style, load_config, type_name
from ..io.files import write_text, written_whole


def write_child(base: Path, out: Path, enhancer: dict | Sequence[dict] | None,
                checkpoint: str | None, source: str | None) -> nn.Module:
    """Write a config at `out` that inherits from `base`, and build its data preprocessor.

    Args:
        base: the config to inherit from.
        out: the new config, a .py file.
        enhancer: as for `attach`.
        checkpoint: likewise.
        source: likewise.

    Returns:
        The data preprocessor of the new config.

    Raises:
        InputError: what cannot be done; nothing is written then.
    """
    cfg = load_config(str(base))
    change = changes(cfg, enhancer, checkpoint, source)
    text = child_config(base, out, with_names(change))
    cfg.merge_from_dict(change)
    _preprocessor(cfg)  # before anything is written
    with written_whole(out) as partial:
        write_text(partial, text)
        return _preprocessor(load_config(str(partial)))


def _preprocessor(cfg: Config) -> nn.Module:
    enter_scope(cfg)
    with building('the data preprocessor'):
        return MODELS.build(find_preprocessor(cfg)[1])


def with_names(value: Any) -> Any:
    """Classes in a config by their registered names."""
    if isinstance(value, dict):
        return {key: with_names(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_names(each) for each in value]
    return type_name(value, scoped=True) if isinstance(value, type) else value


def child_config(base: Path, out: Path, changes: dict[str, Any]) -> str:
    """The text of a config at `out` that inherits from `base`, in its style.

    Raises:
        InputError: a base in Python's style has a name that Python cannot import.
    """
    folder = Path(os.path.abspath(out)).parent
    # MMEngine takes `..` by name, which leads elsewhere from a folder that is a link.
    path = (os.path.relpath(base.resolve(), folder) if folder == folder.resolve() else
            str(base.resolve()))
    written = {name: pprint.pformat(value, sort_dicts=False, width=96)
               for name, value in changes.items()}
    if not is_python_style(str(base)):
        path = path if path.startswith(('.', os.sep)) else f'./{path}'
        return '\n'.join([f'_base_ = [{path!r}]',
                          *(f'{name} = {value}' for name, value in written.items())]) + '\n'
    ups, parts = path.count('../'), Path(path.replace('../', '')).with_suffix('').parts
    if not all(part.isidentifier() for part in parts):
        raise InputError(f'The config is in Python\'s style, and {path} is no name that Python can '
                         'import: rename the file, or in Python call mmseg_sympie.attach(cfg).')
    return '\n'.join(['from mmengine.config import read_base', '', 'with read_base():',
                      f'    from {"." * (ups + 1)}{".".join(parts)} import *', '',
                      *(f'{name}.merge({value})' for name, value in written.items())]) + '\n'
