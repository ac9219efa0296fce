"""Peak memory of a call."""
import gc
from pathlib import Path
from typing import Any, Callable, Optional

import torch

from ..enhancer.fast.opencv import forget_results


def peak_mib(call: Callable[[], Any], device: str) -> Optional[float]:
    """How much more memory a call takes at its highest than before it, its result included.

    On a CPU from the process's resident memory, on Linux; None elsewhere.
    """
    gc.collect()
    if device != 'cpu':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    forget_results()
    try:
        Path('/proc/self/clear_refs').write_text('5')  # The highest so far becomes that of now.
        before = _resident_mib('VmRSS')
        call()
        return _resident_mib('VmHWM') - before
    except OSError:
        return None


def _resident_mib(entry: str) -> float:
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f'{entry}:'))
