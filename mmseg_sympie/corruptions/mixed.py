"""ImageNetC-mixed: one to three corruptions on the same image (SyMPIE, Sec. 4)."""
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .apply import Corruption, Draw, corrupt, draw


def draw_mixed(num_images: int, pool: Mapping[str, Corruption], generator: torch.Generator,
               severities: Sequence[int] = (1, 2, 3, 4, 5)) -> Sequence[Draw]:
    """Up to three draws to apply in turn; severity 0 fills up where an image gets fewer.

    Each image has one severity, and its corruptions are different ones.
    """
    names = list(pool)
    most = min(3, len(names))
    count = torch.randint(1, most + 1, (num_images,), generator=generator)
    severity = draw(num_images, pool, generator, severities).severity
    order = torch.rand(num_images, len(names), generator=generator).argsort(dim=1)
    return [Draw([names[i] for i in order[:, turn].tolist()], severity * (turn < count))
            for turn in range(most)]


def corrupt_mixed(image: Tensor, draws: Sequence[Draw], pool: Mapping[str, Corruption],
                  generator: torch.Generator) -> Tensor:
    """Apply the draws one after the other; shapes and errors as in `corrupt`."""
    for drawn in draws:
        image = corrupt(image, drawn, pool, generator)
    return image
