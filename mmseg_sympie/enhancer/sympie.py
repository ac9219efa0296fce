"""SyMPIE: look at a thumbnail, predict 37 numbers, correct the image with them (Sec. 3)."""
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple, Union

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..registry import MODELS
from ..statistics import IMAGENET_RGB
from .checkpoint import MINIMA, load_enhancer
from .dwm import WarpParameters, clamp_to_image_range, warp
from .levels import Levels
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
        min_mean_255, min_contrast_255: predict the 37 numbers for an image that has been brightened
            to this mean and stretched to this contrast where it had less, as a correction on top of
            that (`Levels.at_least`; not in the paper: a classifier minds darkness less than a
            segmentor, so that what it teaches about brightness is too little). By default what goes
            with the weights; where that is nothing, images are taken as they are.

    Raises:
        InputError, FileNotFoundError: a missing or wrong checkpoint, `iterations` below 1, a mean
            outside 0..255, a contrast outside 0..127.5 (half of the pixels black, half white).
    """

    def __init__(self, checkpoint: Optional[Union[str, Path, Mapping[str, Tensor]]] = None,
                 iterations: int = 1, min_mean_255: Optional[float] = None,
                 min_contrast_255: Optional[float] = None):
        super().__init__()
        if not isinstance(iterations, int) or iterations < 1:
            raise InputError(f'iterations must be a whole number from 1, got {iterations!r}.')
        self.nem, minima = load_enhancer(checkpoint)
        for name, value, highest in (('min_mean_255', min_mean_255, 255),
                                     ('min_contrast_255', min_contrast_255, 255 / 2)):
            if value is not None and not 0 < value < highest:
                raise InputError(f'{name} is between 0 and {highest:g}, got {value}.')
            self.register_buffer(
                name, minima.get(name) if value is None else torch.tensor(float(value)))
        self.iterations = iterations

    def predict(self, image: Tensor) -> WarpParameters:
        """Warp parameters for images (B, 3, H, W), RGB, standardised."""
        thumbnail, levels = self.look(image)
        parameters = WarpParameters.split(self.nem(thumbnail))
        return parameters if levels is None else parameters.after(levels)

    def look(self, image: Tensor) -> Tuple[Tensor, Optional[Levels]]:
        """What the NEM sees of images (B, 3, H, W), RGB, standardised, and the levels it was
        brought to: None without a minimum."""
        thumbnail = view(image)
        if not self.minima():
            return thumbnail, None
        # Of the channels' means, the mean is that of all pixels, without a copy of the whole image.
        seen, means = (255 * IMAGENET_RGB.restore(part)
                       for part in (thumbnail, image.mean(dim=(2, 3), keepdim=True)))
        levels = Levels.at_least(seen, means.mean(dim=1).flatten(1), **self.minima())
        return IMAGENET_RGB.standardise(levels.apply(seen) / 255), levels

    def minima(self) -> Dict[str, Tensor]:
        """The arguments of `Levels.at_least` that are set."""
        return {name: getattr(self, name) for name in MINIMA if getattr(self, name) is not None}

    def weights(self) -> Dict[str, Tensor]:
        """What `checkpoint` takes, on the CPU."""
        return {key: value.detach().cpu().contiguous()
                for key, value in {**self.nem.state_dict(), **self.minima()}.items()}

    def forward(self, image: Tensor) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]; results are clamped in evaluation mode."""
        image = IMAGENET_RGB.standardise(image)
        for _ in range(self.iterations):
            image = warp(image, self.predict(image))
            if not self.training:
                image = clamp_to_image_range(image)
        return IMAGENET_RGB.restore(image)
