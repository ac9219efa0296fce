"""Enhancer weights: load, verify, convert from the published file."""
from pathlib import Path
from typing import Dict, Mapping, Union

import torch
from torch import Tensor

from ..checkpoints import check_state_dict, read_checkpoint, unwrap_state_dict
from .nem import NEM

WHAT = 'enhancer checkpoint'

# Names in the authors' file -> names here.
_PUBLISHED_NAMES = {'backbone.0.': 'stem.0.', 'backbone.1.': 'stem.1.', 'backbone.3.': 'blocks.0.',
                    'backbone.4.': 'blocks.1.', 'backbone.5.': 'blocks.2.', 'out.': 'head.'}


def _wanted() -> Dict[str, torch.Size]:
    with torch.device('meta'):
        return {key: value.shape for key, value in NEM().state_dict().items()}


def load_nem(checkpoint: Union[str, Path, Mapping[str, Tensor]]) -> NEM:
    """A NEM with trained weights.

    Args:
        checkpoint: path of a plain state dict, or the state dict itself.

    Raises:
        FileNotFoundError, InputError: missing, truncated, foreign, code, shape, not finite.
    """
    if isinstance(checkpoint, Mapping):
        path, state = 'given as a state dict', checkpoint
    else:
        path = checkpoint
        state = unwrap_state_dict(read_checkpoint(path, WHAT), path, WHAT)
    hint = ('It is a published SyMPIE file: convert it with '
            f'`python tools/convert_checkpoint.py enhancer {path} OUT.pth`.'
            if 'backbone.3.conv1.weight' in state else
            'Is it a checkpoint of a segmentor rather than of an enhancer?')
    check_state_dict(state, _wanted(), path, WHAT, hint)
    nem = NEM()
    nem.load_state_dict(state)
    return nem


def convert_published_enhancer(state: Mapping[str, Tensor],
                               path: Union[str, Path]) -> Dict[str, Tensor]:
    """Rename the entries of the authors' enhancer file.

    Raises:
        InputError: the names or shapes are not those of the published network.
    """
    back = {new: old for old, new in _PUBLISHED_NAMES.items()}
    published = {_rename(key, back): shape for key, shape in _wanted().items()}
    check_state_dict(state, published, path, 'published enhancer',
                     'Wanted the noise estimation network of SyMPIE.')
    return {_rename(key, _PUBLISHED_NAMES): value for key, value in state.items()}


def _rename(key: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        if key.startswith(old):
            return new + key[len(old):]
    return key
