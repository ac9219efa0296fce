"""Both passes in PyTorch's operations, on any device."""
import torch
from torch import Tensor

from .. import dwm
from ..folding import FoldedWarp
from ..thumbnail import ThumbnailAndMean, view
from ..tone import tone_curve


def thumbnail_and_mean(image: Tensor) -> ThumbnailAndMean:
    """See `Backend`."""
    mean = image.mean(dim=(1, 2, 3), dtype=torch.float32)
    return ThumbnailAndMean(view(image.float()), mean[:, None])


def warp(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
    """See `Backend`. The border is shifted to zero, for the zero padding of `dwm.warp`."""
    matrix, kernel, bias, border, lowest, highest, exponent = folded
    if exponent is not None:
        without = folded._replace(exponent=None)
        return dwm.with_repeated_border(lambda padded: warp(padded, without, dtype),
                                        tone_curve(image, exponent))
    warped = dwm.warp(image, dwm.WarpParameters(matrix, -border, kernel))
    bias = bias + kernel.sum(dim=(1, 2))[:, None] * torch.einsum('bd,bdc->bc', border, matrix)
    lowest, highest = lowest[:, None, None], highest[:, None, None]
    return warped.add_(bias[..., None, None]).clamp_(lowest, highest).to(dtype)
