"""Contrast-limited adaptive histogram equalisation, by OpenCV."""
import math
from numbers import Real

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from ..registry import MODELS
from .check import check_images


@MODELS.register_module()
class CLAHE(nn.Module):
    """Equalise the lightness of each image tile by tile (Zuiderveld, 1994).

    Args:
        clip_limit: the highest slope of a tile's tone curve.
        tiles: along each side.

    Raises:
        InputError: a limit that is not positive, or tiles that are no whole number from 1.
    """

    clip_limit: float
    tiles: int

    def __init__(self, clip_limit: float = 2.0, tiles: int = 8):
        super().__init__()
        if not (isinstance(clip_limit, Real) and 0 < clip_limit < math.inf):
            raise InputError(f'CLAHE: clip_limit is a positive number, got {clip_limit!r}.')
        if not isinstance(tiles, int) or isinstance(tiles, bool) or tiles < 1:
            raise InputError(f'CLAHE: tiles is a whole number from 1, got {tiles!r}.')
        self.clip_limit, self.tiles = clip_limit, tiles

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]; the result has 256 grey levels."""
        check_images(image)
        equaliser = cv2.createCLAHE(self.clip_limit, (self.tiles, self.tiles))
        raw = (255 * image.float()).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        enhanced = np.empty_like(raw)
        for before, after in zip(raw, enhanced):
            lab = cv2.cvtColor(before, cv2.COLOR_RGB2LAB)
            lab[..., 0] = equaliser.apply(lab[..., 0])
            after[:] = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
        return torch.from_numpy(enhanced).permute(0, 3, 1, 2).to(image) / 255
