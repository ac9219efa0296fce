"""Numbers as tensors, made once for each device."""
import functools

import torch
from torch import Tensor

Values = tuple[float, ...] | tuple[tuple[float, ...], ...]


def constant(values: Values, like: Tensor,
             dtype: torch.dtype | None = None) -> Tensor:
    """The values as a tensor on another one's device, and of its type unless told otherwise.

    It is the same tensor at every call, not to be changed in place. A new one each time would be
    copied to a GPU each time, and for such a copy the CPU waits until the GPU is idle.
    """
    dtype = dtype or like.dtype
    # What is made while a program is traced belongs to it.
    make = _constant.__wrapped__ if is_traced(like) else _constant
    return make(values, dtype, like.device)


def is_traced(tensor: Tensor) -> bool:
    """Whether operations on it may be recorded as a program, on tensors of its own class or not."""
    return (type(tensor) is not Tensor or torch.jit.is_tracing()
            or torch.compiler.is_compiling())


@functools.lru_cache(maxsize=256)
def _constant(values: Values, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # Gradients can be taken with it later.
        return torch.tensor(values, dtype=dtype, device=device)
