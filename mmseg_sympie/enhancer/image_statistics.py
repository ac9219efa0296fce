"""What an image and a training set look like, in a few numbers: black point, mean, covariance."""
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..io.files import read_json
from .colour_map import diagonal, in_full_precision

GRID = 128  # pixels along each side are enough: the mean is known to half a grey level
BLACK_QUANTILE = 0.01
NAMED = Path(__file__).parent / 'sources'

Source = Union[str, Path, Mapping[str, Any], 'SourceStatistics']  # as `load_source` takes it


def pixel_grid(image: Tensor) -> Tensor:
    """Take every n-th pixel of every n-th row of images (B, 3, H, W), as float32.

    There are at least 128 along each side, if there are so many. The grid covers the whole image,
    and is read in a fraction of the time of all pixels.
    """
    rows, columns = (max(1, side // GRID) for side in image.shape[-2:])
    return image[..., ::rows, ::columns].float()


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
        pixels = grid.flatten(2).double()
        black = pixels.kthvalue(max(1, math.ceil(BLACK_QUANTILE * pixels.shape[-1]))).values
        mean = pixels.mean(dim=2)
        centred = pixels - mean[..., None]
        return cls(black, mean, centred @ centred.mT / pixels.shape[-1])

    def log_contrast(self) -> Tensor:
        """(B,): logarithm of the channels' root mean square deviation, a grey level at least."""
        return diagonal(self.covariance).mean(-1).clamp(min=1).log() / 2


class SourceStatistics(NamedTuple):
    """What the images look like that a model was trained on: its source domain.

    All on 0..255, RGB. `black`, `mean` and `covariance` are averages over images of what
    `ImageStatistics` says of each; `mean_covariance` and `contrast_spread` say how much the images
    differ from each other.
    """

    black: tuple[float, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    mean_covariance: tuple[tuple[float, ...], ...]  # of the images' means
    log_contrast: float
    contrast_spread: float  # standard deviation of the images' log contrast
    images: int
    origin: str = ''

    @classmethod
    def of(cls, images: Iterable[ImageStatistics], origin: str = '') -> 'SourceStatistics':
        """From the statistics of at least two images.

        Raises:
            InputError: there are fewer.
        """
        images = list(images)
        if len(images) < 2:
            raise InputError(f'Source statistics are those of at least two images, got '
                             f'{len(images)}.')
        black, mean, covariance = (torch.cat(parts).double() for parts in zip(*images))
        contrast = torch.cat([image.log_contrast() for image in images]).double()
        return cls(_tuples(black.mean(0)), _tuples(mean.mean(0)), _tuples(covariance.mean(0)),
                   _tuples(mean.T.cov()), contrast.mean().item(), contrast.std().item(),
                   len(mean), origin)

    def to_json(self) -> str:
        """Write the contents of a file that `load_source` takes."""
        return json.dumps(self._asdict(), indent=1, allow_nan=False) + '\n'


def load_source(source: Source) -> SourceStatistics:
    """Source statistics by name, from a JSON file, or from the contents of one.

    Args:
        source: one of `named_sources()`, a path that ends in .json, or a mapping.

    Returns:
        The statistics, checked.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the name is unknown, or the contents are no source statistics.
    """
    if isinstance(source, SourceStatistics):
        return source
    if isinstance(source, Mapping):
        return _checked(source, 'given as a mapping')
    path = Path(source).expanduser()
    if path.suffix != '.json':
        if str(source) not in named_sources():
            raise InputError(f'There are no source statistics named {str(source)!r}: wanted '
                             f'one of {", ".join(named_sources())}, or a .json file of '
                             '`sympie source-statistics CONFIG`.')
        path = NAMED / f'{source}.json'
    if not path.is_file():
        raise FileNotFoundError(f'The source statistics {path} do not exist. Make them with '
                                '`sympie source-statistics CONFIG`.')
    return _checked(read_json(path), path)


def named_sources() -> tuple[str, ...]:
    """Names of the source statistics that ship."""
    return tuple(sorted(path.stem for path in NAMED.glob('*.json')))


def _checked(found: Mapping[str, Any], where: str | Path) -> SourceStatistics:
    shapes: dict[str, tuple] = dict(black=(3,), mean=(3,), covariance=(3, 3),
                                    mean_covariance=(3, 3), log_contrast=(), contrast_spread=())
    values = {}
    for name, shape in shapes.items():
        try:
            value = np.asarray(found[name], float)
        except (KeyError, TypeError, ValueError):
            value = np.full((), np.nan)
        if value.shape != shape or not np.isfinite(value).all():
            raise InputError(f'The source statistics {where} are broken: {name} should be '
                             f'{shape or "one"} finite numbers. Make them again with '
                             '`sympie source-statistics CONFIG`.')
        values[name] = _tuples(value)
    if values['contrast_spread'] < 0:
        raise InputError(f'The source statistics {where} are broken: contrast_spread is a standard '
                         f'deviation from 0, got {values["contrast_spread"]}. Make them again with '
                         '`sympie source-statistics CONFIG`.')
    # Grey images have no colours to match: no direction of less than a grey level.
    lowest = np.linalg.eigvalsh(np.asarray(values['covariance']))[0]
    values['covariance'] = _tuples(values['covariance'] + max(0, 1 - lowest) * np.eye(3))
    return SourceStatistics(**values, images=int(found.get('images', 0)),
                            origin=str(found.get('origin', '')))


def _tuples(values: Any) -> Any:
    """Nested tuples of numbers, rounded to what the statistics are known to."""
    values = np.asarray(values, float)
    return tuple(map(_tuples, values)) if values.ndim else round(float(values), 4)
