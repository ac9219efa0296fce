"""What a training set looks like, in a few numbers: the source domain of a model."""
import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..io.files import read_json
from ..io.home import home_path
from ..runtime.device_constants import constant
from .image_statistics import ImageSample, ImageStatistics
from .tone import SKEW_SPREAD

NAMED = Path(__file__).parent / 'sources'
# What any two sets of photographs differ by, however alike those of the source are to each other.
MEAN_SPREAD_255, CONTRAST_SPREAD = 3.0, 0.05
REACH_QUANTILE = 0.95

Source = Union[str, Path, Mapping[str, Any], 'SourceStatistics']  # as `load_source` takes it


# What images on 0..255 can have.
_LARGEST_VARIANCE = 255 ** 2 / 2  # of the means of two images, a black and a white one
_RANGES: dict[str, tuple[float, float]] = dict(
    black=(0, 255), mean=(1, 255), log_contrast=(0, 5), contrast_spread=(0, 5), log_skew=(-6, 6),
    skew_spread=(0, 6), log_detail=(-3, 6), reach=(1, 5))


class SourceStatistics(NamedTuple):
    """What the images look like that a model was trained on: its source domain.

    All on 0..255, RGB. `black`, `mean`, `covariance`, `log_contrast`, `log_skew` and `log_detail`
    are averages over images of what `ImageSample` says of each; `mean_covariance`,
    `contrast_spread`, `skew_spread` and `reach` say how much the images differ from each other.
    """

    black: tuple[float, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    mean_covariance: tuple[tuple[float, ...], ...]  # of the images' means
    log_contrast: float
    contrast_spread: float  # standard deviation of the images' log contrast
    log_skew: float
    skew_spread: float  # likewise
    reach: float  # distance from all (`squared_distance`) that 95% do not exceed, 1 at least
    log_detail: float
    images: int
    origin: str = ''

    @classmethod
    def of(cls, images: Iterable[ImageSample], origin: str = '') -> 'SourceStatistics':
        """From at least two images. Those of one colour say nothing of a source, and are left out.

        Raises:
            InputError: there are fewer, or a channel of theirs is black.
        """
        found = [(*image.statistics, image.statistics.log_contrast(), image.log_skew,
                  image.log_detail) for image in images]
        parts = [torch.cat(part).double() for part in zip(*found)]
        varied = ImageStatistics(*parts[:3]).variance() >= 1 if parts else torch.zeros(0)
        usable = int(varied.sum())
        if usable < 2:
            blank = len(varied) - usable
            raise InputError(f'Source statistics are those of at least two images, got {usable}'
                             + f' and {blank} of one colour' * bool(blank) + '.')
        black, mean, covariance, contrast, skew, detail = (part[varied] for part in parts)
        darkest = mean.mean(0).min().item()
        if darkest < _RANGES['mean'][0]:
            raise InputError(f'The images have a mean of {darkest:.2g} on 0..255 in one channel: '
                             'wanted photographs in colour.')
        source = cls(_tuples(black.mean(0)), _tuples(mean.mean(0)), _tuples(covariance.mean(0)),
                     _tuples(mean.T.cov()), contrast.mean().item(), contrast.std().item(),
                     skew.mean().item(), skew.std().item(), 1.0, detail.mean().item(), len(mean),
                     origin)
        squared = squared_distance(ImageStatistics(black, mean, covariance), skew, source)
        reach = squared.quantile(REACH_QUANTILE).sqrt().item()
        return source._replace(reach=round(max(1.0, reach), 4))

    def to_json(self) -> str:
        """Write the contents of a file that `load_source` takes."""
        return json.dumps(self._asdict(), indent=1, allow_nan=False) + '\n'


def squared_distance(image: ImageStatistics, log_skew: Tensor,
                     source: SourceStatistics) -> Tensor:
    """(B,): how far images are from a source, in units of how much its own differ.

    The mean of the squared standard scores of the channels' means, of the log contrast and of the
    log skew. The means are scored together (Mahalanobis), so that a colour cast counts for more
    than brightness, which differs more from image to image.

    Args:
        image: of B images.
        log_skew: (B,), of the same.
        source: of a training set.
    """
    difference = image.mean - constant(source.mean, image.mean)
    means = ((difference @ constant(precision_of_means(source), difference)) * difference).sum(-1)
    contrast = ((image.log_contrast() - source.log_contrast)
                / (source.contrast_spread + CONTRAST_SPREAD))
    skew = (log_skew - source.log_skew) / (source.skew_spread + SKEW_SPREAD)
    return (means + contrast.square() + skew.square()) / 5


@functools.lru_cache
def precision_of_means(source: SourceStatistics) -> tuple[tuple[float, ...], ...]:
    """(3, 3): the inverse of the covariance of the images' means."""
    spread = np.array(source.mean_covariance) + MEAN_SPREAD_255 ** 2 * np.eye(3)
    return tuple(map(tuple, np.linalg.inv(spread).tolist()))


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
        return _checked(source._asdict(), 'given as an object')
    if isinstance(source, Mapping):
        return _checked(source, 'given as a mapping')
    if not isinstance(source, (str, Path)):
        raise InputError(f'source is a name, a .json file, or the contents of one, got {source!r}.')
    path = home_path(source)
    if path.suffix != '.json':
        if str(source) not in named_sources():
            raise InputError(f'There are no source statistics named {str(source)!r}: wanted '
                             f'one of {", ".join(named_sources())}, or a .json file of '
                             '`sympie source-statistics CONFIG`.')
        path = NAMED / f'{source}.json'
    if not path.is_file():
        raise FileNotFoundError(f'The source statistics {path} do not exist (looked from '
                                f'{Path.cwd()}). Make them with `sympie source-statistics CONFIG`.')
    return _checked(read_json(path), path)


def named_sources() -> tuple[str, ...]:
    """Names of the source statistics that ship."""
    return tuple(sorted(path.stem for path in NAMED.glob('*.json')))


def _checked(found: Any, where: str | Path) -> SourceStatistics:
    if not isinstance(found, Mapping):
        raise InputError(f'The source statistics {where} are broken: wanted an object with mean, '
                         f'covariance and so on, got {found!r:.200}. Make them again with '
                         '`sympie source-statistics CONFIG`.')
    shapes: dict[str, tuple] = dict(black=(3,), mean=(3,), covariance=(3, 3),
                                    mean_covariance=(3, 3), log_contrast=(), contrast_spread=(),
                                    log_skew=(), skew_spread=(), reach=(), log_detail=())
    values = {}
    for name, shape in shapes.items():
        try:
            value = np.asarray(found[name], float)
        except (KeyError, TypeError, ValueError, OverflowError):
            value = np.full((), np.nan)
        wanted = f'{"x".join(map(str, shape)) or "one"} finite number{"s" if shape else ""}'
        good = value.shape == shape and bool(np.isfinite(value).all())
        if good and name in _RANGES:
            lowest, highest = _RANGES[name]
            wanted = f'from {lowest:g} to {highest:g}'
            good = lowest <= value.min() and value.max() <= highest
        if good and shape == (3, 3):
            wanted = f'a covariance: symmetric, with variances from 0 to {_LARGEST_VARIANCE:g}'
            good = (np.abs(value - value.T).max() < 1e-2 and value.max() <= _LARGEST_VARIANCE
                    and np.linalg.eigvalsh(value)[0] > -1e-2)
        if not good:
            raise InputError(f'The source statistics {where} are broken: {name} should be {wanted}'
                             f', got {found.get(name)!r:.200}. Make them again with '
                             '`sympie source-statistics CONFIG`.')
        values[name] = _tuples(value)
    # Grey images have no colours to match: no direction of less than a grey level.
    lowest = np.linalg.eigvalsh(np.asarray(values['covariance']))[0]
    values['covariance'] = _tuples(values['covariance'] + max(0, 1 - lowest) * np.eye(3))
    images = found.get('images', 0)
    return SourceStatistics(**values, images=images if isinstance(images, int) else 0,
                            origin=str(found.get('origin', '')))


def _tuples(values: Any) -> Any:
    """Nested tuples of numbers, rounded to what the statistics are known to."""
    values = np.asarray(values, float)
    return tuple(map(_tuples, values)) if values.ndim else round(float(values), 4)
