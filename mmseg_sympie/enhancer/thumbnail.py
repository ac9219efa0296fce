"""The thumbnail that the NEM predicts from, and how each of its pixels is computed."""
import functools
from typing import NamedTuple

import numpy as np
import torchvision.transforms.functional as TF
from torch import Tensor

VIEW_SHORT_SIDE_PX = 232
VIEW_SIDE_PX = 224
LONGEST_ASPECT_RATIO = 8  # Of longer strips, only the centre is resized.


class ThumbnailAndMean(NamedTuple):
    """What the parameters of an image are predicted from."""

    thumbnail: Tensor  # (B, 3, 224, 224), float32, value range and channel order of the image
    mean: Tensor  # (B, 1), float32, over all pixels and channels of the whole image


class Taps(NamedTuple):
    """The 224 outputs of an axis as weighted sums of neighbouring inputs."""

    first: np.ndarray  # (224,), int64, index of the first input
    weight: np.ndarray  # (224, inputs of one output), float32


def view(image: Tensor) -> Tensor:
    """Resize the short side to 232 pixels and cut out the central 224x224.

    An image of 224x224 is its own thumbnail, as in the published pretraining.

    Args:
        image: (B, 3, H, W), any size from 1x1.

    Returns:
        (B, 3, 224, 224), value range and channel order of the image.
    """
    height, width = image.shape[-2:]
    if height == width == VIEW_SIDE_PX:
        return image
    # Resizing all of a 1x5000 strip would take gigabytes.
    image = _central(image, *(_resized_part(side, min(height, width)) for side in (height, width)))
    image = TF.resize(image, [VIEW_SHORT_SIDE_PX], TF.InterpolationMode.BILINEAR, antialias=True)
    return _central(image, VIEW_SIDE_PX, VIEW_SIDE_PX)


def _resized_part(side: int, short: int) -> int:
    """How many of the pixels of a side are resized."""
    return min(side, LONGEST_ASPECT_RATIO * short)


def _central(image: Tensor, height: int, width: int) -> Tensor:
    """Torchvision's `center_crop`, in whole numbers, because `torch.export` cannot save `round`."""
    top, left = (_central_start(have, wanted)
                 for have, wanted in zip(image.shape[-2:], (height, width)))
    return image[..., top:top + height, left:left + width]


def _central_start(have: int, wanted: int) -> int:
    """How many pixels come before the central ones; half of an odd rest is rounded to even."""
    start = (have - wanted) // 2
    return start + (have - wanted) % 2 * (start % 2)


def taps(height: int, width: int) -> tuple[Taps, Taps]:
    """Rows and columns of `view` for images of a size in pixels."""
    short = min(height, width)
    return _taps(height, short, height == width), _taps(width, short, height == width)


@functools.lru_cache(maxsize=64)
def _taps(side: int, short: int, square: bool) -> Taps:
    """One axis of `view`.

    The filter is a triangle, as wide as two pixels of the larger of image and thumbnail.
    """
    part = _resized_part(side, short)
    resized = side if square and side == VIEW_SIDE_PX else VIEW_SHORT_SIDE_PX * part // short
    scale = np.float32(part / resized)  # In PyTorch's precision, so that both round alike.
    radius = max(scale, np.float32(1))
    output = np.arange(VIEW_SIDE_PX, dtype=np.float32) + _central_start(resized, VIEW_SIDE_PX)
    centre = scale * (output + np.float32(0.5))
    first = np.maximum(np.floor(centre - radius + 0.5), 0).astype(np.int64)
    last = np.minimum(np.ceil(centre + radius - 1.5), part - 1).astype(np.int64)
    count = (last - first).max() + 1
    first = np.minimum(first, part - count)
    inputs = (first[:, None] + np.arange(count)).astype(np.float32)
    weight = np.maximum(1 - np.abs(inputs - centre[:, None] + np.float32(0.5)) / radius, 0)
    return Taps(first + _central_start(side, part), weight / weight.sum(axis=1, keepdims=True))
