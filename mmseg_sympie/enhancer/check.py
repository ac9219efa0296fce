"""What an enhancer called by itself is given: images as its docstring says, or a message."""
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..runtime.device_constants import is_traced

# Of the mean: single values may exceed white, behind an enhancer that does not clamp.
BRIGHTEST = 2.0
WANTED = 'Wanted a tensor (B, 3, H, W), RGB, of a floating-point type, black 0 and white 1'


def check_images(image: Any) -> None:
    """Raise InputError for what is not images (B, 3, H, W), RGB on [0, 1].

    On a GPU, and while a program is traced, the values are not checked: it would have to wait.
    """
    if not isinstance(image, Tensor):
        raise InputError(f'An enhancer got a {type(image).__name__}. {WANTED}: for an array (H, W, '
                         '3) of uint8, torch.from_numpy(array).permute(2, 0, 1)[None] / 255.')
    if image.dim() != 4 or image.shape[1] != 3:
        hint = ': add [None]' if image.dim() == 3 and image.shape[0] == 3 else ''
        raise InputError(f'An enhancer got a tensor {tuple(image.shape)}. {WANTED}{hint}.')
    if not image.dtype.is_floating_point:
        raise InputError(f'An enhancer got {image.dtype}. {WANTED}: divide grey levels on 0..255 '
                         'by 255.')
    if image.device.type != 'cpu' or is_traced(image) or not image.numel():
        return
    mean = image.detach().mean().item()
    if not -BRIGHTEST <= mean <= BRIGHTEST:
        raise InputError(f'An enhancer got values with a mean of {mean:g}. {WANTED}. Divide grey '
                         'levels on 0..255 by 255.')
