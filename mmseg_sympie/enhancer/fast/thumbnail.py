"""`view` for a CPU: resizing as two products with banded matrices, of the rows and columns seen."""
import functools
from typing import List, NamedTuple

import torch
import torchvision.transforms.functional as TF
from torch import Tensor

from ..nem import VIEW_SHORT_SIDE_PX, VIEW_SIDE_PX, view

_ROWS_AT_ONCE = 16


class Band(NamedTuple):
    """Some output rows, as a product with the input rows that they depend on."""

    inputs: slice
    weight: Tensor  # (rows of output, rows of input)


def fast_view(image: Tensor) -> Tensor:
    """The same as `view`, from raw images: (B, 3, H, W), uint8 or float -> float32 thumbnails."""
    height, width = image.shape[-2:]
    short = min(height, width)
    if height == width == VIEW_SIDE_PX or max(height, width) > 4 * short:
        return view(image.float())
    return _view_bands(image, *(_axis(side, VIEW_SHORT_SIDE_PX * side // short)
                                for side in (height, width)))


def _view_bands(image: Tensor, rows: List[Band], columns: List[Band]) -> Tensor:
    left, right = columns[0].inputs.start, columns[-1].inputs.stop
    halfway = torch.cat([torch.matmul(band.weight, image[:, :, band.inputs, left:right].float())
                         for band in rows], dim=2)
    return torch.cat([torch.matmul(halfway[..., band.inputs.start - left:band.inputs.stop - left],
                                   band.weight.T) for band in columns], dim=3)


@functools.lru_cache(maxsize=64)
def _axis(side: int, resized: int) -> List[Band]:
    """One axis of `view`: resize `side` pixels to `resized`, and keep the central 224."""
    # What resizing does to an image, it does to the columns of the identity matrix.
    weight = TF.resize(torch.eye(side)[None], [resized, side], TF.InterpolationMode.BILINEAR,
                       antialias=True)[0]
    weight = TF.center_crop(weight, [VIEW_SIDE_PX, side])
    bands = []
    for part in weight.split(_ROWS_AT_ONCE):
        used = part.abs().sum(dim=0).nonzero().flatten()
        inputs = slice(int(used[0]), int(used[-1]) + 1)
        bands.append(Band(inputs, part[:, inputs].contiguous()))
    return bands
