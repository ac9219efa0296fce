"""Published segmentors as their authors wrote them, known by the names of their entries."""
from collections.abc import Mapping

from torch import Tensor

from .deeplabv2 import convert_published_deeplabv2
from .espnetv2 import convert_espnetv2

# What an entry begins with in a file of that kind alone.
CONVERTERS = {'base_net.': convert_espnetv2, 'clas.conv2d_list.': convert_published_deeplabv2}


def as_ours(state: Mapping[str, Tensor], path: str) -> Mapping[str, Tensor]:
    """The state dict of a published segmentor with this package's names; any other as it is.

    Args:
        state: of a checkpoint.
        path: of the checkpoint, for messages.

    Raises:
        InputError: a published file that is damaged, or of another version.
    """
    for beginning, convert in CONVERTERS.items():
        if any(key.startswith(beginning) for key in state):
            return convert(state, path)
    return state
