"""Numbers as tensors, made once for each device."""
import functools
from typing import Optional, Tuple

import torch
from torch import Tensor


def constant(values: Tuple[float, ...], like: Tensor,
             dtype: Optional[torch.dtype] = None) -> Tensor:
    """The values as a tensor on another one's device, and of its type unless told otherwise.

    It is the same tensor at every call, not to be changed in place. A new one each time would be
    copied to a GPU each time, and for such a copy the CPU waits until the GPU is idle.
    """
    dtype = dtype or like.dtype
    # Tensors of other classes are those of a tracer, whose constants are not for anyone else.
    make = _constant if type(like) is Tensor else _constant.__wrapped__
    return make(values, dtype, like.device)


@functools.lru_cache(maxsize=256)
def _constant(values: Tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # Gradients can be taken with it later.
        return torch.tensor(values, dtype=dtype, device=device)
