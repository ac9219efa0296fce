"""SyMPIE: look at a thumbnail, predict 37 numbers, correct the image with them (Sec. 3)."""
from pathlib import Path
from typing import Mapping, Optional, Union

from torch import Tensor, nn

from ..errors import InputError
from ..registry import MODELS
from ..statistics import IMAGENET_RGB
from .checkpoint import load_nem
from .dwm import WarpParameters, clamp_to_image_range, warp
from .nem import view


@MODELS.register_module()
class SyMPIE(nn.Module):
    """View, NEM and DWM, applied `iterations` times.

    Args:
        checkpoint: path of trained weights (a plain state dict), or such a state dict itself.
            Required: an enhancer with random weights would quietly ruin every image. To start
            pretraining, say so with `SyMPIE(NEM().state_dict())`.
        iterations: how often the image is corrected, each time by what the NEM says of the last
            result.

    Raises:
        InputError, FileNotFoundError: no checkpoint, a wrong one, or `iterations` below 1.
    """

    def __init__(self, checkpoint: Optional[Union[str, Path, Mapping[str, Tensor]]] = None,
                 iterations: int = 1):
        super().__init__()
        if checkpoint is None:
            raise InputError(
                'SyMPIE got no checkpoint, and no trained weights ship with mmseg_sympie yet. '
                "Name one, enhancer=dict(type='SyMPIE', checkpoint='enhancer.pth'), or use "
                "enhancer=dict(type='MeanMatch', target=110), which needs none.")
        if not isinstance(iterations, int) or iterations < 1:
            raise InputError(f'iterations must be a whole number from 1, got {iterations!r}.')
        self.nem = load_nem(checkpoint)
        self.iterations = iterations

    def predict(self, image: Tensor) -> WarpParameters:
        """Warp parameters for images (B, 3, H, W), RGB, standardised."""
        return WarpParameters.split(self.nem(view(image)))

    def forward(self, image: Tensor) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]; results are clamped in evaluation mode."""
        image = IMAGENET_RGB.standardise(image)
        for _ in range(self.iterations):
            image = warp(image, self.predict(image))
            if not self.training:
                image = clamp_to_image_range(image)
        return IMAGENET_RGB.restore(image)
