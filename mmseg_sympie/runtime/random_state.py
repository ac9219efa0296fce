"""Random numbers of one piece of work, whatever was drawn before it."""
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seeds: Sequence[int]) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and PyTorch's CPU, and restore them afterwards.

    For libraries that draw from nothing else, as MMCV's transforms do.

    Args:
        seeds: for Python, NumPy and PyTorch, in this order.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seeds[0])
    np.random.seed(seeds[1])
    torch.default_generator.manual_seed(seeds[2])  # `torch.manual_seed` seeds GPUs too.
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
