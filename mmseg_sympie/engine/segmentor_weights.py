"""Finds and loads a segmentor's weights."""
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn

from ..io.downloads import local_file
from ..models.published_weights import SEGMENTOR, load_segmentor_weights


def checkpoint_of(cfg: Config, named: str | Path | None = None) -> str | None:
    """The file of a segmentor's weights: the one that is named, or `load_from` of the config.

    An address is downloaded; of several processes, by the first.

    Raises:
        InputError: that failed.
    """
    checkpoint = named or cfg.get('load_from')
    if checkpoint is None:
        return None
    if not is_main_process():
        barrier()
    path = local_file(str(checkpoint))
    if is_main_process():
        barrier()
    return path


def missing_weights(checkpoint: str) -> str:
    """What to do about a checkpoint that is not there."""
    return (f'The {SEGMENTOR} {checkpoint} does not exist (looked from {Path.cwd()}). Name another '
            'file, or its address; the model zoo (docs/model_zoo.md) says where weights come from. '
            'Or train some with `sympie train`.')


def load_segmentor(model: nn.Module, checkpoint: str) -> None:
    """Load weights into a segmentor and be strict: nothing may stay at random values.

    A published file of `models/published_weights.py` needs no conversion.

    Raises:
        InputError: a key is missing, has another shape or is not finite.
    """
    surplus = load_segmentor_weights(segmentor_inside(model), checkpoint)
    if surplus:
        print(f'Note: {len(surplus)} entries of {checkpoint} are not in the model and were left '
              f'out (first: {", ".join(surplus[:3])}).')


def segmentor_inside(model: Any) -> nn.Module:
    """The segmentor in wrappers for several processes or for test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model
