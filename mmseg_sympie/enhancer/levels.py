"""Exposure and contrast normalisation: a gain and an offset that bring both up to a minimum."""
from numbers import Real

import torch
from torch import Tensor

from ..errors import InputError
from .colour_map import ColourMap

LOWEST_255 = 1.0  # A mean or a deviation of less than a grey level is taken as one.


def check_minima(min_mean_255: float | None, min_contrast_255: float | None) -> None:
    """Check the minima of `levels`.

    Raises:
        InputError: a mean outside 0..255, or a contrast outside 0..127.5 (half of the pixels
            black, half white).
    """
    for name, value, highest in (('min_mean_255', min_mean_255, 255),
                                 ('min_contrast_255', min_contrast_255, 255 / 2)):
        if value is not None and not (isinstance(value, Real) and 0 < value < highest):
            raise InputError(f'{name} is between 0 and {highest:g}, got {value!r}.')


def levels(thumbnail: Tensor, mean_255: Tensor,
           min_mean_255: Tensor | float | None = None,
           min_contrast_255: Tensor | float | None = None) -> ColourMap:
    """Brighten by a gain, as `MeanMatch` does, then stretch about the mean of each channel.

    Images that are bright and rich in contrast stay as they are. Not in the paper: contrast
    that is a twentieth of what it was asks for a matrix of twenty times the identity, which a
    network that averages over what it has seen does not predict.

    Args:
        thumbnail: (B, 3, H, W), RGB on 0..255: `view` of the images.
        mean_255: (B, 1), of the whole images.
        min_mean_255: images of a lower mean are brightened to it; None: none.
        min_contrast_255: images of a lower contrast are stretched to it, the root mean square
            of the channels' standard deviations over the thumbnail; None: none.

    Returns:
        The colour map of B images.
    """
    if min_mean_255 is None:
        gain = torch.ones_like(mean_255)
    else:
        gain = (min_mean_255 / mean_255.clamp(min=LOWEST_255)).clamp(min=1)
    if min_contrast_255 is None:
        offset = mean_255.new_zeros(mean_255.shape[0], 3)
    else:
        # `torch.var_mean` takes fourteen times as long.
        channel_mean = thumbnail.mean(dim=(2, 3), keepdim=True)
        variance = (thumbnail - channel_mean).square().mean(dim=(1, 2, 3))[:, None]
        contrast = gain * variance.clamp(min=LOWEST_255 ** 2).sqrt()
        stretch = (min_contrast_255 / contrast).clamp(min=1)
        offset = (1 - stretch) * gain * channel_mean.flatten(1)
        gain = gain * stretch
    return ColourMap.gain(gain.expand(-1, 3), offset)
