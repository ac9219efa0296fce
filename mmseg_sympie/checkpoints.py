"""Reading weight files without running code from them, with errors that say what to do."""
import pickle
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from .errors import InputError


def allow_mmengine_checkpoints() -> None:
    """Let `torch.load(weights_only=True)` read what MMEngine's runner saves beside the weights.

    MMEngine 0.10.7 keeps `HistoryBuffer`s in its message hub; PyTorch 2.6 and newer refuse them,
    so that the runner could not load its own training checkpoints.
    """
    core = np._core if hasattr(np, '_core') else np.core
    number_types = {type(np.dtype(name)) for name in ('float32', 'float64', 'int32', 'int64',
                                                      'uint32', 'bool')}
    # A buffer pickles the names of its statistics functions through `getattr`.
    torch.serialization.add_safe_globals([
        HistoryBuffer, getattr, slice, np.ndarray, np.dtype, core.multiarray._reconstruct,
        core.multiarray.scalar, *number_types])


def read_checkpoint(path: Union[str, Path], what: str) -> Any:
    """`torch.load` on the CPU, tensors only.

    Args:
        path: a file.
        what: the kind of checkpoint, for messages ('enhancer checkpoint').

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the file is truncated, is no PyTorch file, or holds code.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'The {what} {path} does not exist (looked from {Path.cwd()}).')
    allow_mmengine_checkpoints()  # Again: OneDL's MMEngine takes the list back after each load.
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        foreign = re.search(r'GLOBAL (\S+)', str(error))
        if foreign is None:
            raise InputError(_not_a_checkpoint(what, path)) from error
        raise InputError(
            f'The {what} {path} holds a Python object other than tensors, {foreign[1]}, which '
            'could run code when loaded, so it was not loaded. Ask its author for a plain state '
            'dict.'
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(_not_a_checkpoint(what, path)) from error


def _not_a_checkpoint(what: str, path: Path) -> str:
    return (f'The {what} {path} ({path.stat().st_size:,} bytes) cannot be read: it is truncated or '
            'not a PyTorch file. Download or copy it again and compare its checksum.')


def unwrap_state_dict(checkpoint: Any, path: Union[str, Path], what: str) -> Dict[str, Tensor]:
    """The state dict inside a checkpoint, without a `state_dict` shell and `module.` prefixes."""
    for shell in ('state_dict', 'model'):
        if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get(shell), Mapping):
            checkpoint = checkpoint[shell]
    if not isinstance(checkpoint, Mapping) or not checkpoint or not all(
            isinstance(value, Tensor) for value in checkpoint.values()):
        found = f'{len(checkpoint)} entries' if isinstance(checkpoint, Mapping) else 'no mapping'
        raise InputError(f'The {what} {path} is not a state dict: wanted names with tensors, found '
                         f'{type(checkpoint).__name__} ({found}).')
    return {key.removeprefix('module.'): value for key, value in checkpoint.items()}


def check_state_dict(state: Mapping[str, Tensor], wanted: Mapping[str, Iterable[int]],
                     path: Union[str, Path], what: str, hint: str = '') -> None:
    """Raise InputError unless `state` has exactly the wanted names and shapes, all finite.

    Args:
        state: what was found.
        wanted: shape for each name.
        hint: what to do about it, appended to the message.
    """
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    if missing or unexpected:
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


def _first(keys) -> str:
    return ', '.join(keys[:3]) or 'none'
