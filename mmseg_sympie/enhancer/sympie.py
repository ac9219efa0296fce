"""SyMPIE: look at a thumbnail, predict 37 numbers, correct the image with them (Sec. 3)."""
from pathlib import Path
from typing import Mapping, Optional, Tuple, Union

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..registry import MODELS
from ..statistics import IMAGENET_RGB
from .checkpoint import load_enhancer
from .dwm import WarpParameters, clamp_to_image_range, warp
from .mean_match import mean_match_gain
from .nem import view


@MODELS.register_module()
class SyMPIE(nn.Module):
    """View, NEM and DWM, applied `iterations` times.

    Args:
        checkpoint: path of trained weights (a plain state dict), or such a state dict itself. By
            default the weights that ship with the package. Pretraining starts from
            `NEM().state_dict()`, the identity transform.
        iterations: how often the image is corrected, each time by what the NEM says of the last
            result.
        min_mean_255: predict the 37 numbers for an image that is darker on average than this
            brightened to it, as a correction on top of `mean_match` (not in the paper: a classifier
            minds darkness less than a segmentor, so that what it teaches about brightness is too
            little). By default what the weights were trained with; where that is nothing, images
            are taken as they are.

    Raises:
        InputError, FileNotFoundError: a missing or wrong checkpoint, `iterations` below 1, a mean
            outside 0..255.
    """

    def __init__(self, checkpoint: Optional[Union[str, Path, Mapping[str, Tensor]]] = None,
                 iterations: int = 1, min_mean_255: Optional[float] = None):
        super().__init__()
        if not isinstance(iterations, int) or iterations < 1:
            raise InputError(f'iterations must be a whole number from 1, got {iterations!r}.')
        if min_mean_255 is not None and not 0 < min_mean_255 < 255:
            raise InputError(f'min_mean_255 is a mean on 0..255, got {min_mean_255}.')
        self.nem, trained_with = load_enhancer(checkpoint)
        self.iterations = iterations
        self.register_buffer('min_mean_255', trained_with if min_mean_255 is None
                             else torch.tensor(float(min_mean_255)))

    def predict(self, image: Tensor) -> WarpParameters:
        """Warp parameters for images (B, 3, H, W), RGB, standardised."""
        thumbnail, gain = self.look(image)
        parameters = WarpParameters.split(self.nem(thumbnail))
        return parameters if gain is None else parameters.after_gain(gain.flatten(1))

    def look(self, image: Tensor) -> Tuple[Tensor, Optional[Tensor]]:
        """What the NEM sees of images (B, 3, H, W), and the gain (B, 1, 1, 1) it was given."""
        thumbnail = view(image)
        if self.min_mean_255 is None:
            return thumbnail, None
        gain = mean_match_gain(IMAGENET_RGB.restore(image), self.min_mean_255).clamp(min=1)
        return IMAGENET_RGB.standardise(gain * IMAGENET_RGB.restore(thumbnail)), gain

    def forward(self, image: Tensor) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]; results are clamped in evaluation mode."""
        image = IMAGENET_RGB.standardise(image)
        for _ in range(self.iterations):
            image = warp(image, self.predict(image))
            if not self.training:
                image = clamp_to_image_range(image)
        return IMAGENET_RGB.restore(image)
