"""The one-number baseline that every learned enhancer has to beat."""
from torch import Tensor, nn

from ..errors import InputError
from ..registry import MODELS


def mean_match(image: Tensor, target_mean_255: float) -> Tensor:
    """Scale each image by one number so that its mean over pixels and channels is the target.

    Args:
        image: (B, 3, H, W) on [0, 1].
        target_mean_255: wanted mean on 0..255.

    Returns:
        (B, 3, H, W); not clamped, so highlights may exceed 1. An image darker than one grey level
        is taken as one grey level, so that black stays black.
    """
    return image * mean_match_gain(image, target_mean_255)


def mean_match_gain(image: Tensor, target_mean_255: float) -> Tensor:
    """The factor of `mean_match` for each image (B, 3, H, W) on [0, 1], shaped (B, 1, 1, 1)."""
    mean = image.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1 / 255)
    return target_mean_255 / 255 / mean


@MODELS.register_module()
class MeanMatch(nn.Module):
    """`mean_match` as an enhancer; `target` is the wanted mean on 0..255."""

    def __init__(self, target: float = 110.0):
        super().__init__()
        if not 0 < target < 255:
            raise InputError(f'MeanMatch: target is a mean on 0..255, got {target}.')
        self.target = float(target)

    def forward(self, image: Tensor) -> Tensor:
        return mean_match(image, self.target)
