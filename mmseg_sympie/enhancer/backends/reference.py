"""Both passes in PyTorch's operations, on any device."""
import functools

import torch
from torch import Tensor

from .. import dwm
from ..folding import FoldedWarp
from ..thumbnail import ThumbnailAndMean, view


def thumbnail_and_mean(image: Tensor) -> ThumbnailAndMean:
    """See `Backend`."""
    mean = image.mean(dim=(1, 2, 3), dtype=torch.float32)
    return ThumbnailAndMean(view(image.float()), mean[:, None])


def warp(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
    """See `Backend`. The border is shifted to zero, for the zero padding of `dwm.warp`."""
    if folded.exponent is not None:
        return folded.with_curves_before(functools.partial(warp, dtype=dtype), image)
    matrix, kernel, bias, border, lowest, highest, _ = folded
    warped = dwm.warp(image, dwm.WarpParameters(matrix, -border, kernel))
    bias = bias + kernel.sum(dim=(1, 2))[:, None] * torch.einsum('bd,bdc->bc', border, matrix)
    lowest, highest = lowest[:, None, None], highest[:, None, None]
    return warped.add_(bias[..., None, None]).clamp_(lowest, highest).to(dtype)
