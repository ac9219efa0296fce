"""Everything but the filter folded into one affine map: cast, standardise, warp, normalise again.

With raw values v on 0..255, standardising, C_S, C_M, the way back to 0..255 and the segmentor's own
normalisation are affine for each pixel, and the filter K is the same for all channels. So the whole
is `clamp(K * (v A) + b)`, where pixels outside the image count as the value that C_S turns into 0.
"""
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..normalization import IMAGENET_RGB_255, ChannelStatistics
from ..runtime.device_constants import constant
from .dwm import WarpParameters, with_repeated_border
from .tone import tone_curve


class PixelFormat(NamedTuple):
    """Format of images: channel order, normalisation and type.

    `statistics` are in that order and on 0..255.
    """

    channel_order: str = 'bgr'
    statistics: ChannelStatistics = ChannelStatistics((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    dtype: torch.dtype = torch.float32

    def from_rgb_255(self, image: Tensor) -> Tensor:
        """Convert images (B, 3, H, W), RGB on 0..255, to this format."""
        image = image.flip(1) if self.channel_order == 'bgr' else image
        return self.statistics.standardise(image).to(self.dtype)


class FoldedWarp(NamedTuple):
    """`out[c] = clamp(sum_yx kernel[y, x] sum_d matrix[d, c] image[d] + bias[c])`."""

    matrix: Tensor  # (B, 3, 3), row = input channel, column = output channel
    kernel: Tensor  # (B, 5, 5)
    bias: Tensor  # (B, 3)
    border: Tensor  # (B, 3), value of each input channel outside the image
    lowest: Tensor  # (3,), black in the output format
    highest: Tensor  # (3,), white
    exponent: Tensor | None = None  # (B, 3), as in `WarpParameters`, of each input channel

    def with_curves_before(self, warp: Callable[[Tensor, 'FoldedWarp'], Tensor],
                           image: Tensor) -> Tensor:
        """The whole by a warp that knows no tone curves and no border that is repeated.

        Args:
            warp: from images (B, 3, H, W) and a folded warp without an exponent.
            image: (B, 3, H, W), on 0..255.
        """
        assert self.exponent is not None
        without = self._replace(exponent=None)
        return with_repeated_border(lambda padded: warp(padded, without),
                                    tone_curve(image, self.exponent))


def fold(parameters: WarpParameters, input_order: str, output_format: PixelFormat,
         clamps: bool = True) -> FoldedWarp:
    """Fold parameters and formats into the warp from raw images to the segmentor's input.

    Args:
        parameters: for B images, RGB, standardised.
        input_order: channel order of the raw images on 0..255, 'bgr' or 'rgb'.
        output_format: what the segmentor takes.
        clamps: whether the result is clamped to black and white.

    Returns:
        The folded warp of B images.
    """
    matrix, shift, kernel, exponent = parameters
    mean, std = (constant(values, shift) for values in IMAGENET_RGB_255)
    matrix = matrix * std / std[:, None]
    border = mean - std * shift
    bias = mean - kernel.sum(dim=(1, 2))[:, None] * torch.einsum('bd,bdc->bc', border, matrix)
    if input_order == 'bgr':
        matrix, border = matrix.flip(1), border.flip(1)
        exponent = None if exponent is None else exponent.flip(1)
    if output_format.channel_order == 'bgr':
        matrix, bias = matrix.flip(2), bias.flip(1)
    mean, std = (constant(values, shift) for values in output_format.statistics)
    limits = (output_format.statistics.of(value) if clamps
              else 3 * (math.copysign(math.inf, value - 1),) for value in (0.0, 255.0))
    lowest, highest = (constant(limit, shift) for limit in limits)
    return FoldedWarp(matrix / std, kernel, (bias - mean) / std, border, lowest, highest, exponent)
