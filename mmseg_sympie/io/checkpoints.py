"""Reading weight files without running code from them, with errors that say what to do."""
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ..errors import InputError
from .home import home_path


def _history_buffer_method(owner: Any, name: str) -> Any:
    """`getattr` for `HistoryBuffer` alone; the real one would open the door to all of Python."""
    if owner is not HistoryBuffer or name.startswith('_'):
        raise pickle.UnpicklingError(f'Unsupported global: GLOBAL getattr({owner}, {name})')
    return getattr(owner, name)


def _mmengine_globals() -> list:
    """What MMEngine's runner saves beside the weights: the message hub's histories of numbers."""
    multiarray = (np._core if hasattr(np, '_core') else np.core).multiarray
    number_types = {type(np.dtype(name)) for name in ('float32', 'float64', 'int32', 'int64',
                                                      'uint32', 'bool')}
    # A buffer pickles its statistics methods through `getattr`.
    return [HistoryBuffer, (_history_buffer_method, 'builtins.getattr'), slice, np.ndarray,
            np.dtype, multiarray._reconstruct, multiarray.scalar, *number_types]


def read_checkpoint(path: str | Path, what: str = 'checkpoint',
                    map_location: Any = 'cpu') -> Any:
    """`torch.load` of tensors and of what MMEngine's runner saves, nothing else.

    Args:
        path: a file.
        what: the kind of checkpoint, for messages ('enhancer checkpoint').
        map_location: where its tensors go, as for `torch.load`.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the file is truncated, is no PyTorch file, or holds code, or there is no such
            device.
    """
    path = home_path(path)
    if not path.is_file():
        raise FileNotFoundError(f'The {what} {path} does not exist (looked from {Path.cwd()}).')
    try:
        with torch.serialization.safe_globals(_mmengine_globals()):
            return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # A damaged file fails in a dozen ways, down to struct.error.
        foreign = re.search(r'GLOBAL (\S+)', str(error))
        if isinstance(error, pickle.UnpicklingError) and foreign is not None:
            raise InputError(
                f'The {what} {path} holds a Python object other than tensors, {foreign[1]}, which '
                'could run code when loaded, so it was not loaded. Ask its author for a plain '
                'state dict.') from error
        if 'Attempting to deserialize object on' in str(error):
            raise InputError(f'The {what} {path} cannot be loaded to {map_location}, which this '
                             'machine does not have. Name another device.') from error
        raise InputError(_not_a_checkpoint(what, path)) from error


def read_mmengine_checkpoints_safely() -> None:
    """Have MMEngine's runner, `init_model` and `init_cfg` read local files by `read_checkpoint`.

    This changes MMEngine's loader for the whole process, so that no import does it: our commands
    call it first, and so may a script that builds models from configs.

    OneDL's MMEngine falls back to running the code in a file that holds some; OpenMMLab's on
    PyTorch 2.6 or newer cannot read its own training checkpoints.
    """
    def load_from_local(filename: str, map_location: Any = None) -> Any:
        found = read_checkpoint(filename, map_location=map_location or 'cpu')
        # `init_model` takes the classes from what else is in a file, and there always is a `meta`.
        return dict(state_dict=found, meta={}) if _is_state_dict(found) else found

    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)


def _not_a_checkpoint(what: str, path: Path) -> str:
    return (f'The {what} {path} ({path.stat().st_size:,} bytes) cannot be read: it is truncated or '
            'not a PyTorch file. Delete it, get it again, and compare its checksum.')


def unwrap_state_dict(checkpoint: Any, path: str | Path, what: str) -> dict[str, Tensor]:
    """The state dict inside a checkpoint, without a `state_dict` shell and `module.` prefixes."""
    for shell in ('state_dict', 'model'):
        if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get(shell), Mapping):
            checkpoint = checkpoint[shell]
    if not _is_state_dict(checkpoint):
        found = f'{len(checkpoint)} entries' if isinstance(checkpoint, Mapping) else 'no mapping'
        raise InputError(f'The {what} {path} is not a state dict: wanted names with tensors, found '
                         f'{type(checkpoint).__name__} ({found}).')
    return {key.removeprefix('module.'): value for key, value in checkpoint.items()}


def _is_state_dict(found: Any) -> bool:
    return isinstance(found, Mapping) and bool(found) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items())


def with_dataset_meta(state: Mapping[str, Tensor],
                      metainfo: Mapping[str, Any] | None) -> dict[str, Any]:
    """A state dict as MMEngine's runner saves it, with the classes and palette of its data set.

    MMSegmentation's `init_model` and `MMSegInferencer` want them there. Where there is no metainfo,
    or no head of that many classes, as after training on other data, the state dict stays as it is.
    """
    if metainfo is None or not any(len(value) == len(metainfo['classes'])
                                   for key, value in state.items()
                                   if key.startswith('decode_head.') and value.dim()):
        return dict(state)
    return dict(meta=dict(dataset_meta=dict(classes=tuple(metainfo['classes']),
                                            palette=[list(each) for each in metainfo['palette']])),
                state_dict=dict(state))


def check_state_dict(state: Mapping[str, Tensor], wanted: Mapping[str, Iterable[int]],
                     path: str | Path, what: str, hint: str = '',
                     surplus_allowed: bool = False) -> None:
    """Raise InputError unless `state` has exactly the wanted names and shapes, all finite.

    Args:
        state: what was found.
        wanted: shape for each name.
        path: of the checkpoint, for messages.
        what: the kind of checkpoint, for messages.
        hint: what to do about it, appended to the message.
        surplus_allowed: accept names that were not wanted.
    """
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    if wanted and len(missing) == len(wanted) and 'published' not in hint:
        hint += ' A published file is made loadable by `sympie convert-checkpoint`.'
    if missing or (unexpected and not surplus_allowed):
        raise InputError(
            f'The {what} {path} does not fit: {len(missing)} of {len(wanted)} keys are missing '
            f'(first: {_first(missing)}), {len(unexpected)} are unexpected (first: '
            f'{_first(unexpected)}). {hint}'.rstrip())
    for key, shape in wanted.items():
        if tuple(state[key].shape) != tuple(shape):
            raise InputError(f'The {what} {path} does not fit: {key} has shape '
                             f'{tuple(state[key].shape)}, wanted {tuple(shape)}. {hint}'.rstrip())
        if not torch.isfinite(state[key]).all():
            raise InputError(f'The {what} {path} is broken: {key} holds NaN or infinity, as after '
                             'diverged training. Use an earlier checkpoint.')


def load_weights(model: nn.Module, path: str | Path, what: str, hint: str,
                 surplus_allowed: bool = False, convert: Callable | None = None) -> list[str]:
    """Load a checkpoint into a model and be strict: nothing may stay at random values.

    Args:
        model: is changed in place.
        path: of the checkpoint.
        what: the kind of checkpoint, for messages.
        hint: what to do where it does not fit.
        surplus_allowed: accept names that the model does not have.
        convert: from the state dict and the path to a state dict with the model's names, where the
            file has none of them.

    Returns:
        Names in the file that the model does not have, which were left out.

    Raises:
        FileNotFoundError, InputError: as `read_checkpoint` and `check_state_dict`.
    """
    state = unwrap_state_dict(read_checkpoint(path, what), path, what)
    wanted = {key: value.shape for key, value in model.state_dict().items()}
    if convert is not None and wanted.keys().isdisjoint(state):
        converted = convert(state, path)
        if converted is not state and wanted.keys().isdisjoint(converted):
            hint += ' The file is a published one, of another model.'
        state = converted
    check_state_dict(state, wanted, path, what, hint, surplus_allowed)
    model.load_state_dict({key: state[key] for key in wanted})
    return [key for key in state if key not in wanted]


def _first(keys) -> str:
    return ', '.join(keys[:3]) or 'none'
