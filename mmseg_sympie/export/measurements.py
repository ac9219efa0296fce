"""What an enhancer measures of an image, in ONNX's operators."""
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper
from torch import Tensor

from ..enhancer.detail import DETAIL_GRID, Detail
from ..enhancer.grid import BLACK_QUANTILE, GRID
from ..enhancer.image_statistics import ImageStatistics
from ..enhancer.thumbnail import (
    LONGEST_ASPECT_RATIO,
    VIEW_SHORT_SIDE_PX,
    VIEW_SIDE_PX,
    ThumbnailAndMean,
)
from ..enhancer.tone import level_histograms, log_skew
from .builder import DOUBLE, FLOAT, INT64, Builder

GRIDS = ('grid', 'detail_mean', 'detail_difference')
MEASURED = ('thumbnail', 'mean', 'black', 'channel_mean', 'covariance', *GRIDS)
LARGEST = 2 ** 31 - 1  # to the end of an axis


class Measurements(NamedTuple):
    """An `ImageSample` of tensors that were measured elsewhere, to trace what is made of them."""

    thumbnail: Tensor
    mean: Tensor
    black: Tensor
    channel_mean: Tensor
    covariance: Tensor
    grid: Tensor
    detail_mean: Tensor
    detail_difference: Tensor

    @property
    def thumbnail_and_mean(self) -> ThumbnailAndMean:
        """See `ImageSample`, here as below."""
        return ThumbnailAndMean(self.thumbnail, self.mean)

    @property
    def statistics(self) -> ImageStatistics:
        """Of the grid."""
        return ImageStatistics(self.black, self.channel_mean, self.covariance)

    @property
    def histograms(self) -> Tensor:
        """Of the grid."""
        return level_histograms(self.grid)

    @property
    def log_skew(self) -> Tensor:
        """Of the grid."""
        return log_skew(self.histograms[:, 3]).squeeze(1)

    @property
    def detail(self) -> Detail:
        """Of the images."""
        return Detail(self.detail_mean, self.detail_difference)


def measure(op: Builder, image: str, wanted: Collection[str]) -> None:
    """Add what is wanted of `MEASURED`, all in the input order."""
    if 'thumbnail' in wanted:
        _thumbnail(op, image)
    if 'mean' in wanted:
        # By rows first, which ONNX Runtime shares out among threads.
        mean = op.ReduceMean(op.ReduceMean(image, [3], keepdims=0), [1, 2], keepdims=0)
        op.Unsqueeze(mean, [1], output='mean')
    if not {'black', 'channel_mean', 'covariance', 'grid'}.isdisjoint(wanted):
        grid = op.Slice(image, [0, 0], [LARGEST, LARGEST], [2, 3], _steps(op, image, GRID),
                        output='grid')
        _statistics(op, grid)
    if not {'detail_mean', 'detail_difference'}.isdisjoint(wanted):
        _detail(op, image)


def _steps(op: Builder, image: str, side: int) -> str:
    """`grid_steps`."""
    return op.Max(op.Div(op.Slice(op.Shape(image), [2], [4]), side), [1, 1])


def _detail(op: Builder, image: str) -> None:
    """`Detail.of(image)`, as its two names."""
    steps = _steps(op, image, DETAIL_GRID)
    around = []
    for axis in (2, 3):
        side = op.Squeeze(op.Slice(op.Shape(image), [axis], [axis + 1]))
        step = op.Squeeze(op.Slice(steps, [axis - 2], [axis - 1]))
        indices = op.Range(0, side, step)
        last = op.Sub(side, 1)
        around.append([op.Clip(op.Add(indices, offset), 0, last) for offset in (-1, 0, 1)])
    pixels = [op.Gather(op.Gather(image, rows, axis=2), columns, axis=3)
              for rows in around[0] for columns in around[1]]
    mean = op.Div(op.Sum(*pixels), 9.0, output='detail_mean')
    op.Sub(pixels[4], mean, output='detail_difference')


def _statistics(op: Builder, grid: str) -> None:
    """`ImageStatistics.of(grid)` in float64, as its three names."""
    pixels = op.Reshape(grid, [0, 3, -1])
    count = op.Cast(op.Slice(op.Shape(pixels), [2], [3]), to=DOUBLE)
    number = op.Cast(op.Ceil(op.Mul(count, np.float64(BLACK_QUANTILE).reshape(1))), to=INT64)
    darkest, _ = op.TopK(pixels, number, largest=0, outputs=2)
    op.Cast(op.Squeeze(op.Gather(darkest, [-1], axis=2), [2]), to=DOUBLE, output='black')
    pixels = op.Cast(pixels, to=DOUBLE)
    mean = op.ReduceMean(pixels, [2])
    op.Squeeze(mean, [2], output='channel_mean')
    centred = op.Sub(pixels, mean)
    op.Div(op.MatMul(centred, op.Transpose(centred, perm=[0, 2, 1])), count, output='covariance')


def _thumbnail(op: Builder, image: str) -> None:
    """`view`: (B, 3, 224, 224), on 0..255 in the input order."""
    size = op.Slice(op.Shape(image), [2], [4])
    longest = op.Mul(op.ReduceMin(size, keepdims=0), LONGEST_ASPECT_RATIO)
    is_strip = op.Greater(op.ReduceMax(size, keepdims=0), longest)
    op.If(is_strip, then_branch=_resized(image, strip=True),
          else_branch=_resized(image, strip=False), output='thumbnail')


def _resized(image: str, strip: bool) -> onnx.GraphProto:
    """The thumbnail; cutting the middle out of what is no strip would copy the whole image."""
    op = Builder('strip_' if strip else 'image_')
    size = op.Slice(op.Shape(image), [2], [4])
    short = op.ReduceMin(size, keepdims=1)
    if strip:
        whole, size = size, op.Min(size, op.Expand(op.Mul(short, LONGEST_ASPECT_RATIO), [2]))
        image = _central(op, image, whole, size)
    resized = op.Div(op.Mul(size, VIEW_SHORT_SIDE_PX), short)
    is_view = op.Equal(op.ReduceMax(op.Abs(op.Sub(size, VIEW_SIDE_PX)), keepdims=1), [0])
    resized = op.Where(is_view, size, resized)
    sizes = op.Concat(op.Slice(op.Shape(image), [0], [2]), resized, axis=0)
    small = op.Resize(image, '', '', sizes, mode='linear', antialias=1,
                      coordinate_transformation_mode='half_pixel')
    seen = _central(op, small, resized, op.Expand([VIEW_SIDE_PX], [2]))
    return op.graph('thumbnail', [], [helper.make_tensor_value_info(
        seen, FLOAT, ['batch', 3, VIEW_SIDE_PX, VIEW_SIDE_PX])])


def _central(op: Builder, image: str, size: str, wanted: str) -> str:
    """Cut the middle out; an odd rest is halved as torchvision does, to the even number."""
    start = op.Cast(op.Round(op.Div(op.Cast(op.Sub(size, wanted), to=FLOAT), 2.0)), to=INT64)
    return op.Slice(image, start, op.Add(start, wanted), [2, 3])
