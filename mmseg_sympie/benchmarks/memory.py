"""Peak memory of a call."""
from collections.abc import Callable
from typing import Any

import torch


def peak_mib(call: Callable[[], Any], device: str) -> float | None:
    """How much more memory of a GPU a call takes at its highest than before, its result included.

    None on a CPU, where what a process holds says little: memory that was freed stays with it.
    """
    if device == 'cpu':
        return None
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    call()
    torch.cuda.synchronize(device)
    return (torch.cuda.max_memory_allocated(device) - before) / 2**20
