"""Bring an image nearer to a source domain: tone, colours and detail, in closed form."""
import functools
import math
from collections.abc import Callable
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..runtime.device_constants import constant
from .adjustment import Adjustment, fade
from .backends import compiled_match
from .colour_map import MAX_GAIN, NO_TINT_255, ColourMap, in_full_precision
from .detail import LIMIT, Detail, root_mean_square
from .image_statistics import ImageSample, ImageStatistics
from .matrices import diagonal, geometric_mean, inverse
from .source_statistics import (
    CONTRAST_SPREAD,
    SourceStatistics,
    precision_of_means,
    squared_distance,
)
from .tone import SKEW_SPREAD, channel_exponents, exponent_to, tint, tone_slope

MAX_CHROMA_GAIN = 3.0  # what little chroma a nearly grey image has is noise


@in_full_precision
def source_match(sample: ImageSample, source: SourceStatistics,
                 strength: float = 1.0, method: str = 'black_point', tone: bool = True,
                 detail: bool = True) -> Adjustment:
    """The adjustment that brings images towards the statistics of a source.

    First tone curves give the brightness the skew of the source (`exponent_to`) and the channels
    its tint (`channel_exponents`), then a colour map brings what they left to the source's colours
    (`METHODS`), and then a filter sharpens an image that has less detail than the source, to no
    more than 1.5 times its own (`detail_factor`). Of each, `strength * foreignness` is done.

    Args:
        sample: of B images.
        source: of the training set of the model behind.
        strength: from 0 to 1.
        method: of the colours, one of `METHODS`.
        tone: whether skew and tint are matched.
        detail: whether detail is.
    """
    whole = method == 'black_point' and tone and detail
    if whole and isinstance(sample, ImageSample) and compiled_match.takes(sample.image):
        return compiled_match.match(sample.image, sample.flipped, _wanted(source), strength)
    foreign = foreignness(sample, source).float()
    share, statistics, exponent = strength * foreign, sample.statistics, None
    if tone:
        wanted = exponent_to(sample.histograms[:, 3], source.log_skew, source.skew_spread)
        wanted = channel_exponents(sample.histograms, wanted, source.mean)
        exponent = (wanted ** share[:, None]).float()
        statistics = statistics.after_tone_curves(sample.grid, exponent)
    elif detail:
        # Beside a filter the border is to be repeated, which goes with an exponent.
        exponent = torch.ones_like(share)[:, None].expand(-1, 3)
    colour_map = METHODS[method](statistics, source).towards_identity(share[:, None])
    colour_map = ColourMap(*(part.float() for part in colour_map))
    factor = None
    if detail:
        factor = 1 + share * (detail_factor(sample.detail, colour_map, exponent, source) - 1)
    return Adjustment(colour_map, exponent, factor, foreign)


def check_strength(strength: float) -> None:
    """Check the strength of a match.

    Raises:
        InputError: it is no number from 0 to 1.
    """
    if isinstance(strength, bool) or not isinstance(strength, Real) or not 0 <= strength <= 1:
        raise InputError(f'strength is from 0 to 1, got {strength!r}.')


def detail_factor(detail: Detail, colour_map: ColourMap, exponent: Tensor | None,
                  source: SourceStatistics) -> Tensor:
    """(B,): by how much detail is multiplied after tone curves and a colour map, at least 1.

    Args:
        detail: of the raw images.
        colour_map: after the tone curves.
        exponent: (B, 3), of the tone curves, if there are any.
        source: of the training set of the model behind.
    """
    raw, difference = root_mean_square(detail.difference), detail.difference
    if exponent is not None:
        difference = difference * tone_slope(detail.mean, exponent)
    found = root_mean_square(difference, colour_map.matrix.mean(dim=2))
    wanted = (LIMIT * raw).clamp(max=math.exp(source.log_detail))
    return (wanted / found).clamp(min=1)


def foreignness(sample: ImageSample, source: SourceStatistics) -> Tensor:
    """(B,): from 0 for an image like those of the source to `1 / reach` for a far one (`fade`)."""
    squared = squared_distance(sample.statistics, sample.log_skew, source)
    return fade(squared, source.reach, sample.statistics.variance())


@functools.lru_cache
def _wanted(source: SourceStatistics) -> compiled_match.Wanted:
    """What `compiled_match` takes of a source."""
    black, mean = np.array(source.black), np.array(source.mean)
    spread = source.covariance + (mean - black).mean() ** 2
    return compiled_match.Wanted(
        black, mean, spread, spread / MAX_GAIN ** 2 + _least_chroma(source),
        np.array(precision_of_means(source)), tint(source.mean),
        (source.log_contrast, source.contrast_spread + CONTRAST_SPREAD),
        (source.log_skew, source.skew_spread + SKEW_SPREAD), source.reach,
        math.exp(source.log_detail))


def match_gain(image: ImageStatistics, source: SourceStatistics) -> ColourMap:
    """A gain for each channel, to the source's mean; black stays black."""
    gain = constant(source.mean, image.mean) / image.mean.clamp(min=1)
    return ColourMap.gain(gain.clamp(max=MAX_GAIN), torch.zeros_like(image.mean))


def match_channels(image: ImageStatistics, source: SourceStatistics) -> ColourMap:
    """A gain and an offset for each channel, to the source's mean and standard deviation.

    Reinhard et al., 'Color Transfer between Images', 2001, here in RGB.
    """
    wanted, found = (diagonal(values).clamp(min=1).sqrt() for values in (
        constant(source.covariance, image.mean), image.covariance))
    gain = (wanted / found).clamp(max=MAX_GAIN)
    return ColourMap.gain(gain, constant(source.mean, image.mean) - gain * image.mean)


def match_covariance(image: ImageStatistics, source: SourceStatistics) -> ColourMap:
    """Mean to mean and colour covariance to colour covariance.

    The optimal-transport map between two Gaussians (Pitie and Kokaram, 2007).
    """
    return _transport(image.mean, image.covariance, constant(source.mean, image.mean),
                      constant(source.covariance, image.mean))


def match_black_point(image: ImageStatistics, source: SourceStatistics) -> ColourMap:
    """Black point to black point, grey levels spread about it, and chroma about its mean.

    As `match_covariance`, but the point that is kept is black instead of the mean: where source and
    image both reach down to black, no haze of an offset is laid over the image. Were the spread of
    chroma, too, taken about black, the tint of the source's mean would be laid over what is grey.
    Chroma gets a gain of `MAX_CHROMA_GAIN` at most. Where that makes the tint of the mean above
    black stronger, which the tone curves have brought, the excess is taken off all pixels, black
    included.
    """
    black, covariance = (constant(values, image.mean)
                         for values in (source.black, source.covariance))
    above = image.mean - image.black
    spread = _spread(image.covariance, above) + constant(_least_chroma(source), black)
    found = _transport(image.black, spread, black,
                       _spread(covariance, constant(source.mean, black) - black))
    before, after = _chroma(above), _chroma((found.matrix @ above[..., None]).squeeze(-1))
    kept = (before.square().sum(-1) + NO_TINT_255) / (after.square().sum(-1) + NO_TINT_255)
    return ColourMap(found.matrix, found.offset - (1 - kept.clamp(max=1).sqrt())[:, None] * after)


METHODS: dict[str, Callable[[ImageStatistics, SourceStatistics], ColourMap]] = dict(
    gain=match_gain, channel=match_channels, covariance=match_covariance,
    black_point=match_black_point)


def _transport(point: Tensor, spread: Tensor, source_point: Tensor,
               source_spread: Tensor) -> ColourMap:
    """From points (B, 3) and second moments (B, 3, 3) of colours to those of the source, one each.

    The symmetric matrix G with `G spread G = source_spread` is the geometric mean of the source's
    spread and the inverse of the image's.
    """
    spread = spread + source_spread / MAX_GAIN ** 2
    matrix = geometric_mean(source_spread.expand_as(spread), inverse(spread))
    return ColourMap(matrix, source_point - (matrix @ point[..., None]).squeeze(-1))


@functools.lru_cache
def _least_chroma(source: SourceStatistics) -> tuple[tuple[float, ...], ...]:
    """(3, 3): what is added to the spread of an image's chroma, to bound its gain."""
    covariance = np.array(source.covariance)
    rows = covariance.mean(axis=1)
    chroma = covariance - rows - rows[:, None] + rows.mean()
    return tuple(map(tuple, (chroma / MAX_CHROMA_GAIN ** 2).tolist()))


def _chroma(colours: Tensor) -> Tensor:
    """(B, 3): by how much colours (B, 3) differ from the grey of the same mean."""
    return colours - colours.mean(dim=-1, keepdim=True)


def _spread(covariance: Tensor, mean_above_black: Tensor) -> Tensor:
    """Second moments of colours: of grey levels about black, of chroma about its mean.

    The mean is `g` above black in grey, which adds `g^2` to each product of two channels.

    Args:
        covariance: (B, 3, 3) or (3, 3), about the mean.
        mean_above_black: (B, 3) or (3,).
    """
    return covariance + mean_above_black.mean(dim=-1)[..., None, None].square()
