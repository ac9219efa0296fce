"""What an image looks like, in a few numbers: black point, mean, covariance, skew, detail."""
import functools
from typing import NamedTuple

from torch import Tensor

from .backends import thumbnail_and_mean
from .colour_map import in_full_precision
from .detail import Detail, root_mean_square
from .grid import darkest, pixel_grid
from .matrices import diagonal
from .thumbnail import ThumbnailAndMean
from .tone import level_histograms, log_skew, tone_curve


class ImageStatistics(NamedTuple):
    """Statistics of each of B images, RGB on 0..255, float64.

    Of a grey picture, float32 leaves a covariance with negative eigenvalues.
    """

    black: Tensor       # (B, 3), the darkest hundredth of each channel ends here
    mean: Tensor        # (B, 3)
    covariance: Tensor  # (B, 3, 3), of the colours of the pixels

    @classmethod
    @in_full_precision
    def of(cls, grid: Tensor) -> 'ImageStatistics':
        """From `pixel_grid`s (B, 3, h, w), RGB on 0..255."""
        pixels = grid.flatten(2)
        # `kthvalue` takes twice as long on a CPU.
        black = pixels.topk(darkest(pixels.shape[-1]), largest=False, sorted=False).values.amax(-1)
        return cls(black.double(), *_moments(pixels.double()))

    def variance(self) -> Tensor:
        """(B,): mean of the channels."""
        return diagonal(self.covariance).mean(-1)

    def log_contrast(self) -> Tensor:
        """(B,): logarithm of the channels' root mean square deviation, a grey level at least."""
        return self.variance().clamp(min=1).log() / 2

    def after_tone_curves(self, grid: Tensor, exponent: Tensor) -> 'ImageStatistics':
        """Of the same images after `tone_curve`.

        Args:
            grid: the one that these statistics are of.
            exponent: (B, 3).
        """
        pixels = tone_curve(grid, exponent).flatten(2).double()
        black = tone_curve(self.black[..., None, None], exponent).flatten(1).double()
        return ImageStatistics(black, *_moments(pixels))


class ImageSample:
    """Measurements of images, each made at the first access; all are RGB on 0..255.

    Args:
        image: (B, 3, H, W), uint8 or float32 on 0..255.
        channel_order: of the image, 'rgb' or 'bgr'.
    """

    def __init__(self, image: Tensor, channel_order: str = 'rgb'):
        self.image, self.flipped = image, channel_order == 'bgr'

    def _rgb(self, measured: Tensor) -> Tensor:
        return measured.flip(1) if self.flipped else measured

    @functools.cached_property
    def grid(self) -> Tensor:
        """The pixel grid (B, 3, h, w), float32."""
        return self._rgb(pixel_grid(self.image))

    @functools.cached_property
    def statistics(self) -> ImageStatistics:
        """Of the pixel grid."""
        return ImageStatistics.of(self.grid)

    @functools.cached_property
    def histograms(self) -> Tensor:
        """`level_histograms` of the pixel grid."""
        return level_histograms(self.grid)

    @functools.cached_property
    def detail(self) -> Detail:
        """Of a coarser grid."""
        return Detail(*map(self._rgb, Detail.of(self.image)))

    @functools.cached_property
    def thumbnail_and_mean(self) -> ThumbnailAndMean:
        """Of all pixels."""
        found = thumbnail_and_mean(self.image)
        return found._replace(thumbnail=self._rgb(found.thumbnail))

    @property
    def thumbnail(self) -> Tensor:
        """(B, 3, 224, 224)."""
        return self.thumbnail_and_mean.thumbnail

    @property
    def log_skew(self) -> Tensor:
        """(B,): see `tone.log_skew`."""
        return log_skew(self.histograms[:, 3]).squeeze(1)

    @property
    def log_detail(self) -> Tensor:
        """(B,): logarithm of the root mean square of the grey detail."""
        return root_mean_square(self.detail.difference).log()


def _moments(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B, 3) and covariance (B, 3, 3) of pixels (B, 3, N)."""
    mean = pixels.mean(dim=2)
    centred = pixels - mean[..., None]
    return mean, centred @ centred.transpose(1, 2) / pixels.shape[-1]
