"""Everything but the filter folded into one affine map: cast, standardise, warp, normalise again.

With raw values v on 0..255, standardising, C_S, C_M, the way back to 0..255 and the segmentor's own
normalisation are affine for each pixel, and the filter K is the same for all channels. So the whole
is `clamp(K * (v A) + b)`, where pixels outside the image count as the value that C_S turns into 0.
"""
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...normalization import IMAGENET_RGB_255, ChannelStatistics
from ...runtime.device_constants import constant
from ..dwm import WarpParameters


class PixelFormat(NamedTuple):
    """What the three numbers of a pixel mean: channel order, normalisation and type.

    `statistics` are in that order and on 0..255.
    """

    channel_order: str = 'bgr'
    statistics: ChannelStatistics = ChannelStatistics((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    dtype: torch.dtype = torch.float32

    def from_rgb_255(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), RGB on 0..255 -> the same image in these terms."""
        image = image.flip(1) if self.channel_order == 'bgr' else image
        return self.statistics.standardise(image).to(self.dtype)


class FoldedWarp(NamedTuple):
    """`out[c] = clamp(sum_yx kernel[y, x] sum_d matrix[d, c] image[d] + bias[c])`."""

    matrix: Tensor  # (B, 3, 3), row = channel as it arrives, column = as it leaves
    kernel: Tensor  # (B, 5, 5)
    bias: Tensor  # (B, 3)
    border: Tensor  # (B, 3), of each arriving channel outside the image
    lowest: Tensor  # (3,), black and white as they leave
    highest: Tensor


def fold(parameters: WarpParameters, input_order: str, output_format: PixelFormat,
         clamps: bool = True) -> FoldedWarp:
    """The warp from raw images on 0..255 to the segmentor's input.

    Args:
        parameters: for B images, on RGB, standardised.
        input_order: 'bgr' or 'rgb'.
        output_format: what the segmentor takes.
        clamps: to black and white.
    """
    matrix, shift, kernel = parameters
    mean, std = (constant(values, shift) for values in IMAGENET_RGB_255)
    matrix = matrix * std / std[:, None]
    border = mean - std * shift
    bias = mean - kernel.sum(dim=(1, 2))[:, None] * torch.einsum('bd,bdc->bc', border, matrix)
    if input_order == 'bgr':
        matrix, border = matrix.flip(1), border.flip(1)
    if output_format.channel_order == 'bgr':
        matrix, bias = matrix.flip(2), bias.flip(1)
    mean, std = (constant(values, shift) for values in output_format.statistics)
    limits = (output_format.statistics.of(value) if clamps
              else 3 * (math.copysign(math.inf, value - 1),) for value in (0.0, 255.0))
    return FoldedWarp(matrix / std, kernel, (bias - mean) / std, border,
                      *(constant(limit, shift) for limit in limits))


def warp_folded(image: Tensor, folded: FoldedWarp) -> Tensor:
    """The folded warp in PyTorch, on any device: one grouped convolution.

    Args:
        image: (B, 3, H, W), uint8 or float on 0..255.

    Returns:
        float32 (B, 3, H, W).
    """
    batch, _, height, width = image.shape
    shifted = image - folded.border[..., None, None]
    weight = folded.matrix.mT[..., None, None] * folded.kernel[:, None, None]
    bias = folded.bias + (folded.kernel.sum(dim=(1, 2))[:, None]
                          * torch.einsum('bd,bdc->bc', folded.border, folded.matrix))
    warped = F.conv2d(shifted.reshape(1, batch * 3, height, width), weight.flatten(0, 1),
                      bias.flatten(), padding=2, groups=batch).view(batch, 3, height, width)
    return torch.clamp(warped, folded.lowest[:, None, None], folded.highest[:, None, None],
                       out=warped)
