"""Corruptions by name: their groups and sets, and images under one of them, drawn from a seed."""
import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from . import pools
from .apply import Draw, corrupt
from .imagenet_c_bar import IMAGENET_C_BAR
from .mixed import corrupt_mixed, draw_mixed
from .pools import POOL

MIXED = 'mixed'
GROUPS = {'Noise': tuple(pools.NOISE), 'Blur': tuple(pools.BLUR), 'Weather': tuple(pools.WEATHER),
          'Digital': tuple(pools.DIGITAL), 'Extra': tuple(pools.IMAGENET_C_EXTRA),
          'Street': tuple(pools.STREET), 'Camera': tuple(pools.CAMERA),
          'C-bar': tuple(IMAGENET_C_BAR), 'Mixed': (MIXED,)}
_SETS = {'imagenet-c': tuple(pools.IMAGENET_C), 'extra': tuple(pools.IMAGENET_C_EXTRA),
         'street': tuple(pools.STREET), 'pool': tuple(POOL),
         'imagenet-c-bar': tuple(IMAGENET_C_BAR), MIXED: (MIXED,)}


def corruption_names(wanted: Sequence[str]) -> list[str]:
    """Names of corruptions for names of sets and of corruptions.

    Raises:
        InputError: an unknown name.
    """
    names: list[str] = []
    for name in wanted:
        if name not in _SETS and name not in pools.ALL:
            raise InputError(f'Unknown corruption {name!r}; known are {", ".join(_SETS)}, and each '
                             f'by itself: {", ".join(pools.ALL)}.')
        names += _SETS.get(name, (name,))
    return list(dict.fromkeys(names))


def corrupted(image: Tensor, name: str, severity: int, seed: Sequence) -> Tensor:
    """Images (B, 3, H, W) under one corruption; the random parts follow from name and seed."""
    digest = hashlib.sha256(repr((*seed, name, severity)).encode()).digest()
    number = int.from_bytes(digest[:7], 'big')
    generator = torch.Generator(image.device).manual_seed(number)
    if name == MIXED:
        draws = draw_mixed(len(image), POOL, torch.Generator().manual_seed(number), (severity,))
        return corrupt_mixed(image, draws, POOL, generator)
    drawn = Draw([name] * len(image), torch.full((len(image),), severity))
    return corrupt(image, drawn, pools.ALL, generator)
