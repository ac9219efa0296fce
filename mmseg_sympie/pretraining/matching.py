"""Images matched to the source domains of several models."""
from collections.abc import Sequence

import torch
from torch import Tensor

from ..enhancer.adjustment import Adjustment
from ..enhancer.colour_map import ColourMap
from ..enhancer.image_statistics import ImageSample
from ..enhancer.source_match import source_match
from ..enhancer.source_statistics import SourceStatistics


@torch.no_grad()
def match_each(image: Tensor, number: Tensor, sources: Sequence[SourceStatistics | None],
               strength: float) -> Adjustment | None:
    """The match of each image to a source domain of its own.

    Args:
        image: (B, 3, H, W), RGB on [0, 1].
        number: (B,), the source of each image.
        sources: their statistics; the images of a source without any get the identity.
        strength: of the match, from 0 to 1.

    Returns:
        None if no source has statistics. Without a foreignness: corrections are learned in full.
    """
    if all(source is None for source in sources):
        return None
    sample = ImageSample(255 * image)
    ones = torch.ones(len(image), 3, device=image.device)
    identity = Adjustment(ColourMap.gain(ones, torch.zeros_like(ones)), ones, ones[:, 0])
    matches = [identity if source is None else source_match(sample, source, strength)
               for source in sources]
    rows = torch.arange(len(image), device=image.device)
    matrix, offset, exponent, detail = (
        torch.stack(parts)[number.to(rows), rows]
        for parts in zip(*((*match.colour_map, match.exponent, match.detail)
                           for match in matches)))
    return Adjustment(ColourMap(matrix, offset), exponent, detail)
