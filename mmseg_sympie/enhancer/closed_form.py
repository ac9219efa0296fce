"""Training-free enhancers whose parameters are computed from statistics of the image."""
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..normalization import IMAGENET_RGB
from ..registry import MODELS
from .adjustment import Adjustment
from .check import check_images
from .colour_map import ColourMap
from .dwm import WarpParameters, warp
from .image_statistics import ImageSample
from .levels import check_minima, levels
from .source_match import METHODS, check_strength, source_match
from .source_statistics import Source, SourceStatistics, load_source, named_sources


class ClosedFormEnhancer(nn.Module):
    """An enhancer that computes an image's parameters from its statistics.

    The data preprocessor applies them in its one pass over the image.
    """

    clamps = True  # the result, to black and white

    def colour_map(self, sample: ImageSample) -> ColourMap:
        """Return the map for B images."""
        raise NotImplementedError

    def adjustment(self, sample: ImageSample) -> Adjustment:
        """Return what is done to B images: the colour map, unless a subclass does more."""
        return Adjustment(self.colour_map(sample))

    def warp_parameters(self, sample: ImageSample) -> WarpParameters:
        """Return the same as warp parameters."""
        adjustment = self.adjustment(sample)
        offset = adjustment.colour_map.offset
        # Its shape and not its len, which no traced graph would follow.
        return WarpParameters.identity(offset.shape[0], offset).after(adjustment)

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]."""
        check_images(image)
        parameters = self.warp_parameters(ImageSample(255 * image.float()))
        enhanced = IMAGENET_RGB.restore(warp(IMAGENET_RGB.standardise(image.float()), parameters))
        return (enhanced.clamp(0, 1) if self.clamps else enhanced).to(image.dtype)


@MODELS.register_module()
class SourceMatch(ClosedFormEnhancer):
    """Bring each image nearer to what the model behind was trained on; see `source_match`.

    Args:
        source: as `load_source` takes it.
        strength: 0 leaves images alone, 1 matches those far from the source as far as `foreignness`
            goes.
        method: how colours are matched, one of `METHODS`.
        tone: whether skew and tint are matched, by tone curves before the colours. Without, the
            skew still counts in how far an image is from the source.
        detail: whether detail is matched, by a filter after the colours.

    Raises:
        InputError, FileNotFoundError: a number out of its range, an unknown method or source.
    """

    source: SourceStatistics

    def __init__(self, source: Source | None = None, strength: float = 1.0,
                 method: str = 'black_point', tone: bool = True, detail: bool = True):
        super().__init__()
        check_strength(strength)
        if source is None:
            raise InputError('SourceMatch: wanted the source, such as source=\'cityscapes\' in the '
                             'data preprocessor, or --source cityscapes; there are '
                             f'{", ".join(named_sources())} and files of `sympie '
                             'source-statistics CONFIG`.')
        if method not in METHODS:
            raise InputError(f'SourceMatch: method is one of {", ".join(METHODS)}, got '
                             f'{method!r}.')
        for name, value in dict(tone=tone, detail=detail).items():
            if not isinstance(value, bool):
                raise InputError(f'SourceMatch: {name} is True or False, got {value!r}.')
        self.source = load_source(source)
        self.matching: dict[str, Any] = dict(strength=strength, method=method, tone=tone,
                                             detail=detail)

    def adjustment(self, sample: ImageSample) -> Adjustment:
        """See `ClosedFormEnhancer`."""
        return source_match(sample, self.source, **self.matching)


@MODELS.register_module()
class GreyWorld(ClosedFormEnhancer):
    """Scale each channel so that all have the mean of the image (Buchsbaum, 1980)."""

    def colour_map(self, sample: ImageSample) -> ColourMap:
        """See `ClosedFormEnhancer`."""
        mean = sample.statistics.mean.float().clamp(min=1)
        return ColourMap.gain(mean.mean(dim=1, keepdim=True) / mean, torch.zeros_like(mean))


@MODELS.register_module()
class MeanMatch(ClosedFormEnhancer):
    """Scale each image by one number so that its mean over pixels and channels is the target.

    Args:
        target: wanted mean on 0..255.

    The result is not clamped: highlights may exceed white. An image darker than one grey level is
    taken as one grey level, so that black stays black.
    """

    clamps = False
    target: float

    def __init__(self, target: float = 110.0):
        super().__init__()
        if not isinstance(target, Real) or not 0 < target < 255:
            raise InputError(f'MeanMatch: target is a mean on 0..255, got {target!r}.')
        self.target = float(target)

    def colour_map(self, sample: ImageSample) -> ColourMap:
        """See `ClosedFormEnhancer`."""
        mean = sample.statistics.mean.float()
        gain = self.target / mean.mean(dim=1, keepdim=True).clamp(min=1)
        return ColourMap.gain(gain.expand(-1, 3), torch.zeros_like(mean))


@MODELS.register_module()
class Levels(ClosedFormEnhancer):
    """SyMPIE's exposure and contrast normalisation alone; see `levels`.

    Args:
        min_mean_255, min_contrast_255: as `levels` takes them.

    Raises:
        InputError: a mean outside 0..255, or a contrast outside 0..127.5.
    """

    min_mean_255: float | None
    min_contrast_255: float | None

    def __init__(self, min_mean_255: float | None = 110, min_contrast_255: float | None = 40):
        super().__init__()
        check_minima(min_mean_255, min_contrast_255)
        self.min_mean_255, self.min_contrast_255 = min_mean_255, min_contrast_255

    def colour_map(self, sample: ImageSample) -> ColourMap:
        """See `ClosedFormEnhancer`."""
        return levels(*sample.thumbnail_and_mean, self.min_mean_255, self.min_contrast_255)
