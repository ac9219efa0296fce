"""Make a pretrained enhancer ready to give away."""
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..datasets.photographs import Photographs, stack_photographs
from ..enhancer import SyMPIE
from ..io.files import written_whole
from ..pretraining.release import centre_on_clean, half_precision, shrink_to_identity


def release_enhancer(source: str, target: str, clean: Path | None = None,
                     limit: int | None = None, strength: float = 1.0,
                     min_contrast_255: float | None = None) -> None:
    """Write an enhancer that is neutral on clean images, in half precision.

    Args:
        source: enhancer.pth of a pretraining run.
        target: the file to write.
        clean: photographs that should stay as they are on average.
        limit: only so many of them, spread evenly.
        strength: how much of the predicted change is kept, 0 to 1.
        min_contrast_255: of SyMPIE; by default that of the source.
    """
    enhancer = SyMPIE(source, min_contrast_255=min_contrast_255).eval()
    if clean is not None:
        photographs = Photographs(clean, limit=limit, labels=None)
        batches = tqdm(DataLoader(photographs, 20, collate_fn=stack_photographs), unit='batch')
        centre_on_clean(enhancer, (batch['inputs'].float() / 255 for batch in batches))
    shrink_to_identity(enhancer, strength)
    # Given a path, torch.save writes its name into the file, and the checksum would depend on it.
    with written_whole(target) as partial, partial.open('wb') as file:
        torch.save(half_precision(enhancer), file)
