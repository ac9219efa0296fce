"""A segmentor's weights: which file, and into the model, with nothing left at random values."""
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn

from ..io.checkpoints import load_weights
from ..io.downloads import local_file
from ..models.published import as_ours

SEGMENTOR = 'segmentor checkpoint'


def checkpoint_of(cfg: Config, named: str | Path | None = None) -> str | None:
    """The file of a segmentor's weights: the one that is named, or `load_from` of the config.

    An address is downloaded.

    Raises:
        InputError: that failed.
    """
    checkpoint = named or cfg.get('load_from')
    return None if checkpoint is None else local_file(str(checkpoint))


def load_segmentor(model: nn.Module, checkpoint: str) -> None:
    """Load weights into a segmentor and be strict: nothing may stay at random values.

    A published file of `models/published.py` needs no conversion.

    Raises:
        InputError: a key is missing, has another shape or is not finite.
    """
    surplus = load_weights(segmentor_inside(model), checkpoint, SEGMENTOR,
                           'Wanted the weights of the model in the config.', surplus_allowed=True,
                           convert=as_ours)
    if surplus:
        print(f'Note: {len(surplus)} entries of {checkpoint} are not in the model and were left '
              f'out (first: {", ".join(surplus[:3])}).')


def segmentor_inside(model: Any) -> nn.Module:
    """The segmentor in wrappers for several processes or for test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model
