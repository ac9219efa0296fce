"""Enhancer weights: load, verify, convert from the published file."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..io.checkpoints import check_state_dict, read_checkpoint, unwrap_state_dict
from .nem import NEM

WHAT = 'enhancer checkpoint'
# What `levels` is told, where the weights go with it.
MINIMA = ('min_mean_255', 'min_contrast_255')
# Half precision, 9.4 MB; where it comes from and what it does: the model card beside it.
SHIPPED = Path(__file__).parents[1] / 'weights/sympie.pth'
# Likewise; trained as a correction of the match to a source.
SHIPPED_MATCHED = SHIPPED.with_name('sympie_matched.pth')


def shipped(source: Any) -> Path:
    """The weights that a SyMPIE takes by default, with a source or (None) without one."""
    return SHIPPED if source is None else SHIPPED_MATCHED


# Names in the authors' file -> names here.
_PUBLISHED_NAMES = {'backbone.0.': 'stem.0.', 'backbone.1.': 'stem.1.', 'backbone.3.': 'blocks.0.',
                    'backbone.4.': 'blocks.1.', 'backbone.5.': 'blocks.2.', 'out.': 'head.'}


def _wanted() -> dict[str, torch.Size]:
    with torch.device('meta'):
        return {key: value.shape for key, value in NEM().state_dict().items()}


def load_network(checkpoint: str | Path | Mapping[str, Tensor] | None = None
                 ) -> tuple[NEM, dict[str, Tensor]]:
    """A NEM with trained weights, and those of `MINIMA` that they go with.

    Args:
        checkpoint: path of a plain state dict, or the state dict itself: the NEM's entries, and
            as many of `MINIMA` (numbers) as the weights go with. By default the shipped weights.

    Raises:
        FileNotFoundError, InputError: missing, truncated, foreign, code, shape, not finite.
    """
    path: str | Path
    if isinstance(checkpoint, Mapping):
        path, state = 'given as a state dict', dict(checkpoint)
    else:
        path = SHIPPED if checkpoint is None else checkpoint
        state = unwrap_state_dict(read_checkpoint(path, WHAT), path, WHAT)
    wanted = {**_wanted(), **{key: torch.Size() for key in MINIMA if key in state}}
    hint = ('It is a published SyMPIE file: convert it with '
            f'`sympie convert-checkpoint enhancer {path} OUT.pth`.'
            if 'backbone.3.conv1.weight' in state else
            'Is it a checkpoint of a segmentor rather than of an enhancer?')
    check_state_dict(state, wanted, path, WHAT, hint)
    minima = {key: state.pop(key).float() for key in MINIMA if key in state}
    nem = NEM()
    nem.load_state_dict(state)
    return nem, minima


def convert_published_enhancer(state: Mapping[str, Tensor],
                               path: str | Path) -> dict[str, Tensor]:
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
