"""Corrupt a batch, each image in its own way, on whatever device the images are."""
from typing import Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..errors import InputError
from ..threads import side_by_side

# image (B, 3, H, W) RGB on [0, 1]; severity (B,) integers 1..5; generator of the image's device.
Corruption = Callable[[Tensor, Tensor, torch.Generator], Tensor]

# As many pixels as the cache of a few cores holds.
CPU_PIXELS_AT_ONCE = 400_000


class Draw(NamedTuple):
    """Which corruption each image of a batch gets."""

    names: Sequence[str]  # B names of the pool
    severity: Tensor  # (B,) integers 0..5 on the CPU; 0 leaves an image as it is


def draw(num_images: int, pool: Mapping[str, Corruption], generator: torch.Generator,
         severities: Sequence[int] = (0, 1, 2, 3, 4, 5),
         weights: Optional[Sequence[float]] = None) -> Draw:
    """One corruption of the pool and one severity for each image.

    Args:
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
    """Corrupt each image as drawn; images of one corruption are computed together.

    Args:
        image: (B, 3, H, W), RGB on [0, 1].
        generator: on the image's device; the corruptions draw their random parts from it.

    Returns:
        (B, 3, H, W) on [0, 1], the input untouched.

    Raises:
        InputError: a name that is not in the pool, a severity outside 0..5, an image that is not
            RGB, or not as many names and severities as images.
    """
    _check(image, drawn, pool)
    image = image.detach()
    result = torch.empty_like(image)
    names = [name if severity > 0 else '' for name, severity in
             zip(drawn.names, drawn.severity.tolist())]
    parts = [(name, part) for name in dict.fromkeys(names) for part in
             _parts([i for i, other in enumerate(names) if other == name], image)]
    inference = torch.is_inference_mode_enabled()

    def work_on(task: Tuple[str, List[int], torch.Generator]) -> None:
        name, part, generator = task
        corruption = pool.get(name, _unchanged)
        severity = drawn.severity[part].to(image.device)
        # Another thread does not inherit the mode; autocast would take half precision.
        with torch.inference_mode(inference), torch.autocast(image.device.type, enabled=False):
            index = torch.tensor(part, device=image.device)
            corrupted = corruption(image.index_select(0, index), severity, generator)
            result.index_copy_(0, index, corrupted.to(image.dtype))

    if image.device.type != 'cpu':
        for name, part in parts:
            work_on((name, part, generator))
        return result
    # Whichever thread does a part, its random numbers are the same.
    seeds = torch.randint(2 ** 62, (len(parts),), generator=generator).tolist()
    side_by_side(work_on, [(*part, torch.Generator().manual_seed(seed))
                           for part, seed in zip(parts, seeds)])
    return result


def _unchanged(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return image


def _parts(rows: List[int], image: Tensor) -> List[List[int]]:
    size = len(rows)
    if image.device.type == 'cpu':
        size = max(1, CPU_PIXELS_AT_ONCE // image[0, 0].numel())
    return [rows[start:start + size] for start in range(0, len(rows), max(1, size))]


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
