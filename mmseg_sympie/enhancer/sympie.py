"""SyMPIE: predict 37 numbers from a thumbnail, correct the image with them (Sec. 3)."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..normalization import IMAGENET_RGB
from ..registry import MODELS
from ..runtime.device_constants import constant
from .adjustment import Adjustment
from .check import check_images
from .dwm import IDENTITY, WarpParameters, clamp_to_image_range, warp
from .image_statistics import ImageSample
from .levels import check_minima, levels
from .pretrained import MINIMA, load_network, shipped
from .source_match import check_strength, source_match
from .source_statistics import Source, SourceStatistics, load_source
from .thumbnail import view


@MODELS.register_module()
class SyMPIE(nn.Module):
    """View, NEM and DWM, applied `iterations` times.

    Args:
        checkpoint: path of trained weights (a plain state dict), or such a state dict itself. By
            default the weights that ship with the package: with a source, those that were trained
            to correct the match to it. Pretraining starts from
            `NEM().state_dict()`, the identity transform.
        iterations: how often the image is corrected, each time by what the NEM says of the last
            result.
        min_mean_255, min_contrast_255: predict the 37 numbers for an image that has been brightened
            to this mean and stretched to this contrast where it had less, as a correction on top of
            that (`levels`; not in the paper: a classifier minds darkness less than a
            segmentor, so that what it teaches about brightness is too little). By default what goes
            with the weights; where that is nothing, images are taken as they are.
        source: of the model behind, as `load_source` takes it. The 37 numbers are predicted for
            the image after `source_match`, as a correction on top of that, in the place of
            brightening and stretching. Match and correction fade where an image looks like the
            source (`foreignness`).
        strength: of the match.

    Raises:
        InputError, FileNotFoundError: a missing or wrong checkpoint, `iterations` below 1, a mean
            outside 0..255, a contrast outside 0..127.5 (half of the pixels black, half white), an
            unknown source, a strength outside 0..1, a source beside a minimum.
    """

    iterations: int
    source: SourceStatistics | None
    strength: float

    def __init__(self, checkpoint: str | Path | Mapping[str, Tensor] | None = None,
                 iterations: int = 1, min_mean_255: float | None = None,
                 min_contrast_255: float | None = None, source: Source | None = None,
                 strength: float = 1.0):
        super().__init__()
        if not isinstance(iterations, int) or iterations < 1:
            raise InputError(f'iterations must be a whole number from 1, got {iterations!r}.')
        self.nem, minima = load_network(shipped(source) if checkpoint is None else checkpoint)
        self.source, self.strength = None if source is None else load_source(source), strength
        if source is not None:
            if min_mean_255 is not None or min_contrast_255 is not None:
                raise InputError('An image is matched to a source, or brightened and stretched to '
                                 'min_mean_255 and min_contrast_255: leave one out.')
            minima = {}
        check_strength(strength)
        check_minima(min_mean_255, min_contrast_255)
        for name, value in (('min_mean_255', min_mean_255), ('min_contrast_255', min_contrast_255)):
            self.register_buffer(
                name, minima.get(name) if value is None else torch.tensor(float(value)))
        self.iterations = iterations

    def predict(self, image: Tensor, adjustment: Adjustment | None = None) -> WarpParameters:
        """Predict warp parameters.

        Args:
            image: (B, 3, H, W), RGB, standardised.
            adjustment: instead of the one to the source or the minima. Without a foreignness its
                correction does not fade.

        Returns:
            The parameters of B images, adjustment included.
        """
        thumbnail, adjustment = self.network_input(image, adjustment)
        vector = self.nem(thumbnail)
        if adjustment is None:
            return WarpParameters.split(vector)
        return WarpParameters.split(faded(vector, adjustment.foreignness)).after(adjustment)

    def network_input(self, image: Tensor, adjustment: Adjustment | None = None
                      ) -> tuple[Tensor, Adjustment | None]:
        """Compute what the NEM takes.

        Args:
            image: (B, 3, H, W), RGB, standardised.
            adjustment: instead of the one to the source or the minima.

        Returns:
            Thumbnails (B, 3, 224, 224), RGB, standardised, and the adjustment whose tone curves and
            colours were applied to them; None without a source and a minimum.
        """
        thumbnail = view(image)
        if adjustment is None and self.source is None and not self.minima():
            return thumbnail, None
        thumbnail = 255 * IMAGENET_RGB.restore(thumbnail)
        if adjustment is None:
            mean = sample = None
            if self.source is None:
                # Of the channels' means, that of all pixels, without a copy of the whole image.
                mean = 255 * IMAGENET_RGB.restore(image.mean(dim=(2, 3), keepdim=True)).mean(
                    dim=1).flatten(1)
            else:
                sample = ImageSample(255 * IMAGENET_RGB.restore(image))
            adjustment = self.before_network(thumbnail, mean, sample)
        return IMAGENET_RGB.standardise(adjustment.apply_colours(thumbnail) / 255), adjustment

    def before_network(self, thumbnail: Tensor, mean: Tensor | None,
                       sample: ImageSample | None,
                       minima: Mapping[str, Any] | None = None) -> Adjustment:
        """Find the adjustment that the NEM corrects: to the source, or to the minima.

        Args:
            thumbnail: (B, 3, 224, 224), RGB on 0..255.
            mean: (B, 1) on 0..255, of the whole images; not needed with a source.
            sample: of the images; not needed without a source.
            minima: those of the enhancer, where they are at hand as numbers.
        """
        if self.source is not None:
            assert sample is not None
            return source_match(sample, self.source, self.strength)
        assert mean is not None
        minima = self.minima() if minima is None else minima
        return Adjustment(levels(thumbnail, mean, **minima))

    def minima(self) -> dict[str, Tensor]:
        """The arguments of `levels` that are set."""
        return {name: getattr(self, name) for name in MINIMA if getattr(self, name) is not None}

    def weights(self) -> dict[str, Tensor]:
        """What `checkpoint` takes, on the CPU."""
        return {key: value.detach().cpu().contiguous()
                for key, value in {**self.nem.state_dict(), **self.minima()}.items()}

    def forward(self, image: Tensor, adjustment: Adjustment | None = None) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]; results are clamped in evaluation mode.

        Args:
            image: images.
            adjustment: what the first application corrects, where the enhancer's own source and
                minima do not say it: in pretraining for several sources.
        """
        check_images(image)
        # In half precision black would be off by half a level, which a tone curve makes many.
        image = IMAGENET_RGB.standardise(image.to(torch.promote_types(image.dtype, torch.float32)))
        for _ in range(self.iterations):
            image = warp(image, self.predict(image, adjustment))
            adjustment = None
            if not self.training:
                image = clamp_to_image_range(image)
        return IMAGENET_RGB.restore(image)


def faded(vector: Tensor, foreignness: Tensor | None) -> Tensor:
    """Fade parameter vectors (B, 37) to the identity where an image looks like the source.

    The match that they correct fades alike: such images are left alone altogether.

    Args:
        vector: of the network.
        foreignness: (B,), of an `Adjustment`; None where there is no source to look like.
    """
    if foreignness is None:
        return vector
    return torch.lerp(constant(IDENTITY, vector), vector, foreignness[:, None].to(vector.dtype))
