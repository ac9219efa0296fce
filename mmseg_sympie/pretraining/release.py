"""From the weights that pretraining ends with to those that are published."""
from collections.abc import Iterable

import torch
from torch import Tensor

from ..enhancer import SyMPIE, WarpParameters
from ..normalization import IMAGENET_RGB


@torch.no_grad()
def centre_on_clean(enhancer: SyMPIE, images: Iterable[Tensor]) -> None:
    """Shift the head's bias so that clean images get the identity transform on average.

    A classifier is overconfident on the photographs it was trained on, so that pretraining pays
    too little for what the enhancer does to clean ones: a part of the correction is the same for
    all images (it smooths, and lowers contrast). What remains is what depends on the image.

    Args:
        enhancer: changed in place.
        images: batches (B, 3, H, W) of clean images, RGB on [0, 1].
    """
    predicted = torch.cat([
        enhancer.nem(enhancer.network_input(IMAGENET_RGB.standardise(image))[0])
        for image in images])
    enhancer.nem.head.bias += WarpParameters.identity().join()[0] - predicted.mean(dim=0)


@torch.no_grad()
def shrink_to_identity(enhancer: SyMPIE, strength: float) -> None:
    """Bring all that the network predicts nearer to the identity.

    A segmentor needs fine detail more than a classifier does, so that of strengths which a
    classifier gains alike with, the smaller is the better.

    Args:
        enhancer: changed in place.
        strength: 1 for all of the predicted change, 0 for none.
    """
    identity = WarpParameters.identity().join()[0]
    enhancer.nem.head.weight *= strength
    enhancer.nem.head.bias.lerp_(identity, 1 - strength)


def half_precision(enhancer: SyMPIE) -> dict[str, Tensor]:
    """The state dict that `SyMPIE(checkpoint=...)` reads, at half the size."""
    return {key: value.half() if value.is_floating_point() else value
            for key, value in enhancer.weights().items()}
