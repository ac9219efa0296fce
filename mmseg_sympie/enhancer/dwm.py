"""Differentiable warping module: colour shift, colour matrix, spatial filter (SyMPIE, Sec. 3.1)."""
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..normalization import IMAGENET_RGB, IMAGENET_RGB_255
from ..runtime.device_constants import constant
from .adjustment import Adjustment
from .colour_map import in_full_precision
from .detail import filtered_twice
from .matrices import inverse
from .tone import tone_curve

NUM_PARAMETERS = 37
IDENTITY = tuple(float(index in (0, 4, 8, 24)) for index in range(NUM_PARAMETERS))


class WarpParameters(NamedTuple):
    """The 37 numbers that the NEM predicts for an image. The only place that slices them.

    Before them may come tone curves, which no network predicts.
    """

    matrix: Tensor  # C_M (B, 3, 3), row = input channel
    shift: Tensor   # C_S (B, 3), in standardised units
    kernel: Tensor  # K (B, 5, 5), one filter for all channels
    # (B, 3), of a `tone_curve` before the rest. With it, the pixels at the border are repeated
    # beyond it; without, there are zeros, as in the paper.
    exponent: Tensor | None = None

    @classmethod
    def split(cls, vector: Tensor) -> 'WarpParameters':
        """Name the entries of a parameter vector (B, 37)."""
        matrix, shift, kernel = vector.split([9, 3, 25], dim=-1)
        return cls(matrix.unflatten(-1, (3, 3)), shift, kernel.unflatten(-1, (5, 5)))

    @classmethod
    def identity(cls, batch_size: int = 1, like: Tensor | None = None) -> 'WarpParameters':
        """The parameters that leave an image unchanged: C_M = I, C_S = 0, K = centre delta."""
        vector = constant(IDENTITY, torch.empty(0) if like is None else like)
        return cls.split(vector.repeat(batch_size, 1))

    def join(self) -> Tensor:
        """The parameter vector (B, 37): the inverse of `split`. Of tone curves it says nothing."""
        parts = self.matrix, self.shift, self.kernel
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    @in_full_precision
    def after(self, adjustment: Adjustment) -> 'WarpParameters':
        """Parameters that do at once what an adjustment and then these do, not clamped in between.

        With `y = M x + o` on 0..255 and the standardised `x' = (x - mean) / std`, the map is
        `y' = P x' + q`, where P[d, c] is M[d, c] std[d] / std[c] and q is
        `(M mean + o - mean) / std`; and `C (y' + s) = C P (x' + P^-1 (q + s))`. Filters may follow
        all colours; what two of them reach beyond 5x5 is added to the centre.
        """
        own, shift, kernel = (part.to(torch.promote_types(part.dtype, torch.float32))
                              for part in (self.matrix, self.shift, self.kernel))
        matrix, offset = (part.to(shift.dtype) for part in adjustment.colour_map)
        mean, std = (constant(values, shift) for values in IMAGENET_RGB_255)
        standardised = matrix * std[:, None] / std
        shift = shift + (mean @ matrix + offset - mean) / std
        if adjustment.detail is not None:
            kernel = filtered_twice(kernel, adjustment.detail.to(kernel.dtype))
        return WarpParameters(standardised @ own,
                              (shift[:, None] @ inverse(standardised)).squeeze(1), kernel,
                              adjustment.exponent)


def warp(image: Tensor, parameters: WarpParameters) -> Tensor:
    """Correct images with predicted parameters; every image of the batch with its own.

    `y[c] = K * sum_d C_M[d, c] (x[d] + C_S[d])`, with the filter's zero padding after the shift.
    Where there are tone curves, x is what comes out of them, its border repeated.
    With `torch.backends.cuda.matmul.allow_tf32` a GPU rounds the colours' factors.

    Args:
        image: (B, 3, H, W), RGB, standardised; half precision is computed in float32.
        parameters: for B images.

    Returns:
        (B, 3, H, W), RGB, standardised, not clamped; float32, or float64 for float64 images.
    """
    dtype = torch.promote_types(image.dtype, torch.float32)
    if len(image) == 0:  # A convolution cannot have zero groups.
        return image.to(dtype)
    matrix, shift, kernel = (part.to(dtype) for part in (
        parameters.matrix, parameters.shift, parameters.kernel))
    if parameters.exponent is not None:
        restored = IMAGENET_RGB_255.restore(image.to(dtype))
        toned = tone_curve(restored, parameters.exponent).to(dtype)
        return with_repeated_border(
            lambda padded: warp(padded, WarpParameters(matrix, shift, kernel)),
            IMAGENET_RGB_255.standardise(toned))
    # Autocast would run the convolution in half precision, a grey level or more off.
    with torch.autocast(image.device.type, enabled=False):
        mixed = torch.baddbmm(matrix.mT @ shift[..., None], matrix.mT, image.to(dtype).flatten(2))
        return filter_images(mixed.view(image.shape), kernel)


def with_repeated_border(function: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """Warp images (B, 3, H, W), floating point, as if their border went on beyond them."""
    return function(F.pad(image, (2, 2, 2, 2), mode='replicate'))[..., 2:-2, 2:-2]


def filter_images(image: Tensor, kernel: Tensor) -> Tensor:
    """Filter all channels of images (B, 3, H, W) with one kernel (B, 5, 5) each, zero padded."""
    batch, channels, height, width = image.shape
    # Grouped by channel, and not by image as one convolution of all three steps would be: its
    # gradient takes half the time.
    groups = batch * channels
    filtered = F.conv2d(image.reshape(1, groups, height, width),
                        kernel.repeat_interleave(channels, dim=0)[:, None], padding=2,
                        groups=groups)
    return filtered.view(image.shape)


def clamp_to_image_range(image: Tensor) -> Tensor:
    """Clamp a standardised RGB image (B, 3, H, W) to the standardised values of 0 and 1."""
    lowest, highest = (IMAGENET_RGB.standardise(image.new_full((3, 1, 1), value))
                       for value in (0.0, 1.0))
    return image.clamp(lowest, highest)
