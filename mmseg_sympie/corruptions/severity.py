"""Severities, one for each image of a batch, turned into the constants of a corruption."""
from collections.abc import Sequence

import torch
from torch import Tensor

from ..runtime.device_constants import constant


def per_image(constants: Sequence[float], severity: Tensor) -> Tensor:
    """The constant for each image's severity, shaped (B, 1, 1, 1) to broadcast over an image.

    Args:
        constants: five numbers, for severities 1 to 5.
        severity: (B,), integers from 1 to 5.
    """
    table = constant(tuple(constants), severity, torch.float32)
    return table[severity - 1].view(-1, 1, 1, 1)
