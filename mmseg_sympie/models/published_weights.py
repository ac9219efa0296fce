"""Weights of segmentors, those of published files under this package's names."""
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from ..io.checkpoints import load_weights
from .deeplabv2 import convert_published_deeplabv2
from .espnetv2 import convert_espnetv2

SEGMENTOR = 'segmentor checkpoint'
# By what entries begin with in a file of that kind alone.
PUBLISHED = {'base_net.': convert_espnetv2, 'clas.conv2d_list.': convert_published_deeplabv2}


def load_segmentor_weights(model: nn.Module, path: str | Path) -> list[str]:
    """Load weights into a segmentor and be strict: nothing may stay at random values.

    Returns:
        Names in the file that the model does not have, which were left out.

    Raises:
        FileNotFoundError, InputError: as `load_weights`.
    """
    return load_weights(model, path, SEGMENTOR, 'Wanted the weights of the model in the config.',
                        surplus_allowed=True, convert=convert_published)


def convert_published(state: Mapping[str, Tensor], path: str) -> Mapping[str, Tensor]:
    """The state dict of a published segmentor with this package's names; any other as it is.

    Args:
        state: of a checkpoint.
        path: of the checkpoint, for messages.

    Raises:
        InputError: a published file that is damaged, or of another version.
    """
    for beginning, convert in PUBLISHED.items():
        if any(key.startswith(beginning) for key in state):
            return convert(state, path)
    return state
