"""Training-free enhancers that apply one affine colour map to an image."""
import functools
from numbers import Real

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..registry import MODELS
from .backends import thumbnail_and_mean
from .check import check_images
from .colour_map import ColourMap
from .image_statistics import (
    ImageStatistics,
    Source,
    SourceStatistics,
    load_source,
    named_sources,
    pixel_grid,
)
from .levels import check_minima, levels
from .source_match import METHODS, source_match
from .thumbnail import ThumbnailAndMean


class ImageSample:
    """Measurements of images, each made at the first access; all are RGB on 0..255.

    Args:
        image: (B, 3, H, W), uint8 or float32 on 0..255.
        channel_order: of the image, 'rgb' or 'bgr'.
    """

    def __init__(self, image: Tensor, channel_order: str = 'rgb'):
        self.image, self.flipped = image, channel_order == 'bgr'

    @functools.cached_property
    def statistics(self) -> ImageStatistics:
        """Of the pixel grid."""
        grid = pixel_grid(self.image)
        return ImageStatistics.of(grid.flip(1) if self.flipped else grid)

    @functools.cached_property
    def thumbnail_and_mean(self) -> ThumbnailAndMean:
        """Of all pixels."""
        found = thumbnail_and_mean(self.image)
        return found._replace(thumbnail=found.thumbnail.flip(1)) if self.flipped else found


class AffineEnhancer(nn.Module):
    """An enhancer that says which `ColourMap` an image needs.

    The data preprocessor folds the map into its one pass over the image.
    """

    clamps = True  # the result, to black and white

    def colour_map(self, sample: ImageSample) -> ColourMap:
        """Return the map for B images."""
        raise NotImplementedError

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]."""
        check_images(image)
        raw = 255 * image.float()
        enhanced = self.colour_map(ImageSample(raw)).apply(raw) / 255
        return (enhanced.clamp(0, 1) if self.clamps else enhanced).to(image.dtype)


@MODELS.register_module()
class SourceMatch(AffineEnhancer):
    """Bring each image nearer to what the model behind was trained on; see `source_match`.

    Args:
        source: as `load_source` takes it.
        strength: 0 leaves images alone, 1 matches those far from the source.
        method: one of `METHODS`.

    Raises:
        InputError, FileNotFoundError: a number out of its range, an unknown method or source.
    """

    source: SourceStatistics
    strength: float
    method: str

    def __init__(self, source: Source | None = None, strength: float = 0.85,
                 method: str = 'black_point'):
        super().__init__()
        if not isinstance(strength, Real) or not 0 <= strength <= 1:
            raise InputError(f'SourceMatch: strength is from 0 to 1, got {strength!r}.')
        if source is None:
            raise InputError('SourceMatch: wanted the source, such as source=\'cityscapes\' in the '
                             f'data preprocessor; there are {", ".join(named_sources())} and files '
                             'of `sympie source-statistics CONFIG`.')
        if method not in METHODS:
            raise InputError(f'SourceMatch: method is one of {", ".join(METHODS)}, got '
                             f'{method!r}.')
        self.source, self.strength, self.method = load_source(source), strength, method

    def colour_map(self, sample: ImageSample) -> ColourMap:
        """See `AffineEnhancer`."""
        return source_match(sample.statistics, self.source, self.strength, self.method)


@MODELS.register_module()
class GreyWorld(AffineEnhancer):
    """Scale each channel so that all have the mean of the image (Buchsbaum, 1980)."""

    def colour_map(self, sample: ImageSample) -> ColourMap:
        """See `AffineEnhancer`."""
        mean = sample.statistics.mean.float().clamp(min=1)
        return ColourMap.gain(mean.mean(dim=1, keepdim=True) / mean, torch.zeros_like(mean))


@MODELS.register_module()
class MeanMatch(AffineEnhancer):
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
        """See `AffineEnhancer`."""
        mean = sample.statistics.mean.float()
        gain = self.target / mean.mean(dim=1, keepdim=True).clamp(min=1)
        return ColourMap.gain(gain.expand(-1, 3), torch.zeros_like(mean))


@MODELS.register_module()
class Levels(AffineEnhancer):
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
        """See `AffineEnhancer`."""
        return levels(*sample.thumbnail_and_mean, self.min_mean_255, self.min_contrast_255)
