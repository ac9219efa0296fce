"""Images in the types that Python programs hold them in, as tensors."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError

WANTED = ('wanted a NumPy array (H, W, 3) of uint8, RGB; a PIL image; or a tensor (3, H, W) or '
          '(B, 3, H, W), RGB, uint8 or float on [0, 1]')
ROUNDING = 1e-4  # by which white may be missed
DEEP_MODES = ('I', 'F', 'I;16', 'I;16B', 'I;16L')


def as_tensor(image: np.ndarray | Image.Image | Tensor) -> Tensor:
    """An image as (B, 3, H, W), RGB on 0..255, uint8 or float32.

    Raises:
        InputError: an image of another kind, or values outside [0, 1].
    """
    if isinstance(image, Image.Image):
        if image.mode in DEEP_MODES:
            raise InputError(f'A PIL image of mode {image.mode} has no known range: {WANTED}. '
                             'mmseg_sympie.io.images.read_rgb reads such files.')
        image = np.asarray(image.convert('RGB'))
    if isinstance(image, np.ndarray):
        if (image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3
                or not image.size):
            raise InputError(f'Got an array {image.shape} of {image.dtype}: {WANTED}.')
        return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].contiguous()
    if not isinstance(image, Tensor):
        raise InputError(f'Got a {type(image).__name__}: {WANTED}.')
    if image.dim() not in (3, 4) or image.shape[-3] != 3 or not image.numel() or not (
            image.dtype == torch.uint8 or image.dtype.is_floating_point):
        raise InputError(f'Got a tensor {tuple(image.shape)} of {image.dtype}: {WANTED}.')
    image = image.detach().reshape(-1, *image.shape[-3:])
    if image.dtype == torch.uint8:
        return image
    lowest, highest = (value.item() for value in image.float().aminmax())
    if not (-ROUNDING <= lowest and highest <= 1 + ROUNDING):
        raise InputError(f'Got a tensor with values from {lowest:.6g} to {highest:.6g}: {WANTED}.')
    return 255 * image.float().clamp(0, 1)
