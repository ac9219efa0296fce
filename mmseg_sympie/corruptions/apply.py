"""Corrupt a batch, each image in its own way, on whatever device the images are."""
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..runtime.parallel import num_threads, parallel_for
from . import cpu

# image (B, 3, H, W) RGB on [0, 1]; severity (B,) integers 1..5; generator of the image's device.
Corruption = Callable[[Tensor, Tensor, torch.Generator], Tensor]

# Enough that calls cost little, and few enough for the cache.
CPU_PIXELS_AT_ONCE = 8 * 224 ** 2


class Draw(NamedTuple):
    """Which corruption each image of a batch gets."""

    names: Sequence[str]  # B names of the pool
    severity: Tensor  # (B,) integers 0..5 on the CPU; 0 leaves an image as it is


def draw(num_images: int, pool: Mapping[str, Corruption], generator: torch.Generator,
         severities: Sequence[int] = (0, 1, 2, 3, 4, 5),
         weights: Sequence[float] | None = None) -> Draw:
    """One corruption of the pool and one severity for each image.

    Args:
        num_images: B.
        pool: the corruptions to draw from, by name.
        generator: of the CPU, whatever device the images are on, so that the choice is the same.
        severities: equally likely.
        weights: how likely each corruption of the pool is; by default equally.
    """
    names = list(pool)
    if weights is None:
        weights = [1.0] * len(names)
    which = torch.multinomial(torch.tensor(weights, dtype=torch.float), num_images,
                              replacement=True, generator=generator)
    severity = torch.tensor(severities)[
        torch.randint(len(severities), (num_images,), generator=generator)]
    return Draw([names[i] for i in which.tolist()], severity)


def corrupt(image: Tensor, drawn: Draw, pool: Mapping[str, Corruption],
            generator: torch.Generator) -> Tensor:
    """Corrupt each image as drawn, without gradients; images of one corruption are together.

    On a CPU the pool's functions are called by several threads at once, each with a generator of
    its own; what they draw depends on how the batch is made up, not on the number of threads.

    Args:
        image: (B, 3, H, W), RGB on [0, 1].
        drawn: a corruption and a severity for each image.
        pool: the corruptions by name.
        generator: on the image's device; what is random follows from it.

    Returns:
        (B, 3, H, W) on [0, 1], the input untouched.

    Raises:
        InputError: a name that is not in the pool, a severity outside 0..5, an image that is not
            RGB, or not as many names and severities as images.
    """
    _check(image, drawn, pool)
    image = image.detach()
    result = torch.empty_like(image)
    inference = torch.is_inference_mode_enabled()
    parts = _parts(drawn, image)
    rows = [(drawn.severity == 0).nonzero()[:, 0].tolist(), *(rows for _, rows in parts)]
    # Two copies for all parts: for each, the CPU waits until the device is idle.
    untouched, *indices = torch.tensor(sum(rows, []), dtype=torch.long).to(
        image.device).split(list(map(len, rows)))
    severity = drawn.severity.to(image.device)

    def corrupt_part(name: str, index: Tensor, generator: torch.Generator) -> None:
        # Another thread does not inherit the mode; autocast would take half precision.
        with torch.inference_mode(inference), torch.autocast(image.device.type, enabled=False):
            corrupted = pool[name](image.index_select(0, index), severity.index_select(0, index),
                                   generator)
            result.index_copy_(0, index, corrupted.to(image.dtype))

    with num_threads(1):  # OpenMP's would be in the way of ours.
        result[untouched] = image[untouched]
    tasks = [(name, index) for (name, _), index in zip(parts, indices)]
    if not cpu.on_cpu(image):
        for task in tasks:
            corrupt_part(*task, generator)
        return result
    seeds = torch.randint(2 ** 62, (len(tasks),), generator=generator).tolist()
    parallel_for(lambda task: corrupt_part(*task), [
        (*task, torch.Generator().manual_seed(seed)) for task, seed in zip(tasks, seeds)])
    return result


def _parts(drawn: Draw, image: Tensor) -> list[tuple[str, list[int]]]:
    """Names, and the rows of the batch that get that corruption at once."""
    parts = []
    for name in dict.fromkeys(drawn.names):
        rows = [i for i, (other, severity) in enumerate(zip(drawn.names, drawn.severity.tolist()))
                if other == name and severity > 0]
        size = len(rows)
        if cpu.on_cpu(image):
            size = max(1, CPU_PIXELS_AT_ONCE // image[0, 0].numel())
        parts += [(name, rows[start:start + size]) for start in range(0, len(rows), max(size, 1))]
    return parts


def _check(image: Tensor, drawn: Draw, pool: Mapping[str, Corruption]) -> None:
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point():
        raise InputError('corrupt wants float images (B, 3, H, W) on [0, 1], got '
                         f'{tuple(image.shape)} of {image.dtype}.')
    if not len(image) == len(drawn.names) == len(drawn.severity):
        raise InputError(f'{len(image)} images, {len(drawn.names)} names and '
                         f'{len(drawn.severity)} severities: wanted one of each an image.')
    unknown = sorted(set(drawn.names) - set(pool))
    if unknown:
        raise InputError(f'Unknown corruption {unknown[0]!r}; known are {", ".join(pool)}.')
    if len(drawn.severity) and not 0 <= int(drawn.severity.min()) <= int(drawn.severity.max()) <= 5:
        raise InputError(f'Severities are 0 to 5, got {drawn.severity.tolist()}.')
