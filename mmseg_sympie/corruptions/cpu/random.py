"""Uniform and Poisson random numbers, on a CPU by compiled loops."""
import math

import numpy as np
import torch
from torch import Tensor

from ...runtime.parallel import compiled, parallel_for_rows


def on_cpu(what: Tensor | torch.Generator) -> bool:
    """Whether a tensor or a generator is on a CPU."""
    return what.device.type == 'cpu'


def rand(*shape: int, generator: torch.Generator) -> Tensor:
    """Uniform numbers on [0, 1), multiples of 2^-24, on the generator's device.

    On a CPU from NumPy's fastest generator, which takes a third of the time of `torch.rand`.
    """
    if not on_cpu(generator):
        return torch.rand(shape, generator=generator, device=generator.device)
    seed = int(torch.randint(2 ** 62, (), generator=generator))
    wanted = math.prod(shape)
    # Two numbers from each one of 64 bits.
    bits = np.random.Generator(np.random.SFC64(seed)).integers(
        2 ** 64, size=(wanted + 1) // 2, dtype=np.uint64).view(np.int32)[:wanted]
    return torch.from_numpy(bits).bitwise_and_(2 ** 24 - 1).float().mul_(2 ** -24).view(shape)


def poisson(mean: Tensor, most: Tensor, generator: torch.Generator) -> Tensor:
    """Poisson counts, by inversion of the distribution.

    Args:
        mean: (B, C, H, W), float32, from 0 to about 80, where e^-mean is still a number.
        most: (B, 1, 1, 1), whole numbers; higher counts end there.
        generator: of the CPU.

    Returns:
        float32 (B, C, H, W).
    """
    rows = [tensor.flatten(1, 2).numpy() for tensor in (
        mean.contiguous(), torch.exp(-mean).contiguous(),
        rand(*mean.shape, generator=generator), torch.zeros_like(mean))]

    def run(index: int, top: int, bottom: int) -> None:
        _poisson_rows(*(tensor[index] for tensor in rows), limit[index], top, bottom)

    limit = most.long().flatten().tolist()
    parallel_for_rows(run, len(mean), rows[0].shape[1], mean[0].numel() * sum(limit) // 4)
    return torch.from_numpy(rows[-1]).view_as(mean)


@compiled
def _poisson_rows(mean, probability, uniform, count, most, top, bottom):
    """Rows of one image: take the probabilities of 0, 1, ... from a number while any is left."""
    for y in range(top, bottom):
        expected, likely, rest, counted = mean[y], probability[y], uniform[y], count[y]
        for number in range(most):
            following = np.float32(1 / (number + 1))
            for x in range(len(rest)):
                rest[x] -= likely[x]
                counted[x] += np.float32(rest[x] > 0)
                likely[x] *= expected[x] * following
