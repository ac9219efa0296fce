"""The tone curve and the filter of the match to a source, by hand and on real statistics."""
import math

import numpy as np
import pytest
import torch

from mmseg_sympie.engine.panels import of_one_image
from mmseg_sympie.enhancer import SourceMatch, SourceStatistics, load_source
from mmseg_sympie.enhancer.adjustment import Adjustment
from mmseg_sympie.enhancer.colour_map import ColourMap
from mmseg_sympie.enhancer.detail import LIMIT, Detail, filtered_twice, root_mean_square
from mmseg_sympie.enhancer.dwm import WarpParameters, filter_images, warp
from mmseg_sympie.enhancer.fast import PixelFormat, fast_path
from mmseg_sympie.enhancer.image_statistics import ImageSample
from mmseg_sympie.enhancer.source_match import detail_factor, source_match
from mmseg_sympie.enhancer.tone import (
    channel_exponents,
    exponent_to,
    level_histograms,
    log_skew,
    tone_curve,
    tone_slope,
)
from mmseg_sympie.errors import InputError
from mmseg_sympie.evaluation.html.pictures import correction_section
from mmseg_sympie.evaluation.panels import effect, grey_curves
from mmseg_sympie.normalization import IMAGENET_RGB


def scene(seed=0, size=96):
    """Much dark and a few bright areas with fine detail, (1, 3, H, W), uint8."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 9, 11, generator=generator) ** 3 + 0.2 * torch.rand(
        1, 3, 9, 11, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse / 1.2, (size, size), mode='bilinear')
    noise = 0.02 * torch.randn(1, 1, size, size, generator=generator)
    return (255 * (smooth + noise)).round().clamp(0, 255).byte()


def waves():
    """From dark to bright without detail, the same in all rows: (1, 3, 60, 90), uint8."""
    wave = 110 + 90 * torch.sin(torch.arange(90) / 9)
    return torch.stack([wave, 0.9 * wave, 0.8 * wave])[None, :, None].repeat(1, 1, 60, 1).byte()


def greys(grid):
    """The histogram of grey alone."""
    return level_histograms(grid)[:, 3]


def test_tone_curve_by_hand():
    image = torch.tensor([0, 51, 255.]).view(1, 3, 1, 1)
    found = tone_curve(image.repeat(2, 1, 1, 1), torch.tensor([1.0, 2.0])[:, None].expand(2, 3))
    assert found.flatten().tolist() == pytest.approx([0, 51, 255, 0, 10.2, 255])
    # By a small step of the curve at 51 and at 255.
    slope = tone_slope(torch.tensor([51, 51, 255.]).view(1, 3, 1, 1), torch.tensor([[2, 1, 2.]]))
    assert slope.flatten().tolist() == pytest.approx([0.4, 1, 2])


def test_the_curve_of_a_dark_image_changes_little_with_its_exposure():
    """Grey levels about 1, of which the median would be 1 or 2."""
    scene = np.random.RandomState(9).gamma(1.0, 1.0, (3, 256, 512))
    grain = np.random.RandomState(1).rand(3, 256, 512)
    exponents = []
    for exposure in np.geomspace(1.5, 4, 30):
        image = torch.from_numpy((scene * exposure + grain).clip(0, 255).astype(np.uint8))[None]
        exponents.append(exponent_to(greys(image[..., ::2, ::4].float()), -0.1, 0.1).log())
    steps = torch.cat(exponents).diff().abs()
    assert steps.max() < 0.1


def test_skew_by_hand():
    """Grey levels 10, 10, 100: median 10.25, three quarters through those of 10; mean 40.

    After squaring 105.0625, and 3400.
    """
    grid = torch.tensor([10, 10, 100.]).view(1, 1, 1, 3).expand(2, 3, 1, 3)
    found = log_skew(greys(grid), (1.0, 2.0))
    assert found.tolist() == [pytest.approx([math.log(10.25 / 40), math.log(105.0625 / 3400)])] * 2


@pytest.mark.parametrize('exponent', [0.6, 1.0, 1.7])
def test_the_exponent_undoes_a_tone_curve(exponent):
    """What the prior of 1 costs is less than a tenth."""
    image = scene(size=200).float()
    wanted = log_skew(greys(image)).item()
    bent = tone_curve(image, torch.full((1, 3), 1 / exponent)).round()
    found = exponent_to(greys(bent), wanted, spread=0.0).item()
    assert found == pytest.approx(exponent, rel=0.1 if exponent != 1 else 0.02)


def test_channel_exponents_by_hand():
    """A source with means of 90, 120 and 90, in common 100. One grey of 64 gets these proportions:
    57.6, 76.8 and 57.6. One of 160 gets powers: log(90/255) / log(100/255) = 1.1125 for red and
    blue, log(120/255) / log(100/255) = 0.8052 for green. After an exponent of 2, 64 is 16.06.
    """
    def to(levels):
        return [math.log(level / 255) / math.log(64 / 255) for level in levels]

    for level, exponent, wanted in ((64, 1.0, to([57.6, 76.8, 57.6])),
                                    (64, 2.0, to([14.46, 19.28, 14.46])),
                                    (160, 1.0, [1.1125, 0.8052, 1.1125])):
        histograms = level_histograms(torch.full((1, 3, 4, 4), float(level)))
        found = channel_exponents(histograms, torch.tensor([exponent]).double(), (90, 120, 90))
        assert found[0].tolist() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize('dark', [0, 60])
def test_an_image_gets_the_tint_of_the_source_and_keeps_white_and_black(dark):
    """Red light on a grey scene with white, and with or without much black in blue."""
    image = scene(size=200).float().mean(dim=1, keepdim=True).clamp(1, 254).repeat(1, 3, 1, 1)
    image = tone_curve(image, torch.tensor([[0.8, 1.0, 1.3]]))
    image[..., :20, :20], image[..., -20:, -20:], image[:, 2, :dark] = 255, 0, 0
    source = (126, 148, 126)  # brighter than the image
    found = channel_exponents(level_histograms(image), torch.tensor([0.9]).double(), source)
    toned = tone_curve(image, found)
    bright = tone_curve(image, torch.full((1, 3), 0.9)).mean().item()
    wanted = [bright * 3 * value / sum(source) for value in source]
    assert toned.mean(dim=(0, 2, 3)).tolist() == pytest.approx(wanted, rel=5e-3)
    assert (toned[:, :2, :20, :20] == 255).all() and (toned[..., -20:, -20:] == 0).all()


@pytest.mark.parametrize('level', [128, 255])
def test_a_tint_that_no_curve_gives_is_bounded(level):
    """Light of one colour: twice the exponent of the brightness, and half where there is none."""
    grid = torch.tensor([float(level), 0, 0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    found = channel_exponents(level_histograms(grid), torch.tensor([1.5]).double(), (80, 100, 90))
    assert found[0, 1:].tolist() == pytest.approx([0.75, 0.75])
    assert found[0, 0].item() == pytest.approx(3)


def test_a_nearly_white_image_is_hardly_tinted():
    grid = torch.full((1, 3, 10, 10), 255.0)
    grid[..., :1, :] = 128
    found = channel_exponents(level_histograms(grid), torch.tensor([1.0]).double(), (63, 74, 63))
    assert (tone_curve(grid, found) - grid).abs().max() < 10


@pytest.mark.parametrize('level', [0, 128, 255])
def test_one_colour_gets_no_curve_for_its_brightness(level):
    grid = torch.full((1, 3, 4, 4), float(level))
    assert exponent_to(greys(grid), -0.07, 0.1).item() == pytest.approx(1, abs=0.05)


def test_detail_by_hand():
    """One pixel of 9 in 3x3 of 0. At a corner, beyond the border, pixels are repeated."""
    image = torch.zeros(1, 3, 3, 3, dtype=torch.uint8)
    image[..., 1, 1] = 9
    found = Detail.of(image)
    assert found.mean[0, 0, 1, 1] == 1 and found.difference[0, 0, 1, 1] == 8
    assert found.mean[0, 0, 0, 0] == 1 and found.difference[0, 0, 0, 0] == -1
    assert root_mean_square(found.difference).item() == pytest.approx((72 / 9) ** 0.5)
    assert Detail.of(torch.full((1, 3, 1, 1), 7, dtype=torch.uint8)).difference.abs().max() == 0


def test_the_filter_multiplies_detail():
    image = scene().float()
    kernel = filtered_twice(WarpParameters.identity().kernel, torch.tensor([2.0]))
    assert kernel.sum().item() == pytest.approx(1)
    inner = slice(2, -2)
    mean = torch.nn.functional.avg_pool2d(image, 3, 1, padding=1)[..., inner, inner]
    wanted = mean + 2 * (image[..., inner, inner] - mean)
    torch.testing.assert_close(filter_images(image, kernel)[..., inner, inner], wanted,
                               rtol=0, atol=1e-3)


@pytest.mark.parametrize('source_detail, gain, factor', [
    (4.0, 1.0, 1), (10.0, 1.0, 10 / 8), (100.0, 1.0, LIMIT), (100.0, 1.2, LIMIT / 1.2),
    (100.0, 0.5, 2 * LIMIT), (100.0, 3.0, 1)])
def test_detail_is_that_of_the_source_but_noise_is_not_raised(source_detail, gain, factor):
    """Detail of 8 grey levels, before colours that multiply by `gain`."""
    difference = torch.tensor([8, -8.]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    colours = ColourMap.gain(torch.full((1, 3), gain), torch.zeros(1, 3))
    source = load_source('cityscapes')._replace(log_detail=math.log(source_detail))
    found = detail_factor(Detail(difference, difference), colours, None, source)
    assert found.item() == pytest.approx(factor, rel=1e-5)


def test_what_a_curve_does_to_detail_counts():
    """Squared, at 51: 0.4 of 8 grey levels, of which the source has 4."""
    difference = torch.tensor([8, -8.]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    detail = Detail(torch.full((1, 3, 1, 2), 51.0), difference)
    colours = ColourMap.gain(torch.ones(1, 3), torch.zeros(1, 3))
    source = load_source('cityscapes')._replace(log_detail=math.log(4))
    found = detail_factor(detail, colours, torch.full((1, 3), 2.0), source)
    assert found.item() == pytest.approx(4 / 3.2, rel=1e-5)


def test_a_match_brings_skew_colours_and_detail_nearer_to_the_source():
    """A blurred image of another day than the source's, with other colours and another curve."""
    source = SourceStatistics.of([ImageSample(scene(seed, 200)) for seed in range(6)])
    bent = tone_curve(scene(9, 200), torch.full((1, 3), 0.6))
    bent = bent * torch.tensor([0.7, 0.6, 0.5]).view(3, 1, 1)
    blurred = torch.nn.functional.avg_pool2d(bent, 3, 1, padding=1, count_include_pad=False)

    def distances(image):
        found = ImageSample(image)
        return (abs(found.log_skew.item() - source.log_skew),
                abs(found.log_detail.item() - source.log_detail),
                abs(found.statistics.covariance[0] - torch.tensor(source.covariance)).max().item())

    matched = 255 * SourceMatch(source)(blurred / 255)
    for before, after in zip(distances(blurred), distances(matched)):
        assert after < 0.9 * before


def test_parts_of_the_match_can_be_left_out():
    sample, source = ImageSample(waves()), load_source('cityscapes')
    whole = source_match(sample, source)
    assert (whole.exponent != 1).all() and whole.detail.item() > 1.1
    assert (source_match(sample, source, tone=False).exponent == 1).all()
    assert source_match(sample, source, tone=False, detail=False).exponent is None
    assert source_match(sample, source, detail=False).detail is None
    nothing = source_match(sample, source, strength=0.0)
    assert (nothing.exponent == 1).all() and nothing.detail.item() == 1
    assert torch.equal(nothing.colour_map.matrix, torch.eye(3)[None])


def test_two_filters_are_one():
    """A filter of 3x3 and then more detail; the sum is kept where it would reach beyond 5x5."""
    small = torch.zeros(1, 5, 5)
    small[0, 1:4, 1:4] = torch.tensor([[0, 0.1, 0], [0.1, 0.7, 0], [0, 0.1, 0]])
    image = scene().float()
    once = filter_images(image, filtered_twice(small, torch.tensor([1.5])))
    sharpen = filtered_twice(WarpParameters.identity().kernel, torch.tensor([1.5]))
    twice = filter_images(filter_images(image, small), sharpen)
    torch.testing.assert_close(once[..., 4:-4, 4:-4], twice[..., 4:-4, 4:-4], rtol=0, atol=1e-3)
    corner = torch.zeros(1, 5, 5)
    corner[0, 0, 0] = 1
    mean = filtered_twice(corner, torch.tensor([0.0]))[0]  # of 3x3, five of them beyond 5x5
    assert mean[0, 0].item() == mean[1, 1].item() == pytest.approx(1 / 9)
    assert mean[2, 2].item() == pytest.approx(5 / 9) and mean.sum().item() == pytest.approx(1)


@pytest.mark.parametrize('axis', [2, 3])
def test_sharpening_leaves_no_frame(axis):
    """Beyond the border its pixels are repeated, on every path: what is the same in all rows, or in
    all columns, stays so.
    """
    image = waves().transpose(2, axis)
    match = SourceMatch('cityscapes').eval()
    assert match.warp_parameters(ImageSample(image)).kernel[0, 2, 2] > 1.2
    fast = fast_path(match, 'rgb')
    for enhanced in (255 * match(image.float() / 255), fast(image, PixelFormat('rgb')),
                     fast(image.float(), PixelFormat('rgb'))):
        assert (enhanced - enhanced.mean(dim=axis, keepdim=True)).abs().max() < 1e-2


def test_half_precision_is_computed_in_full():
    parameters = WarpParameters.identity()._replace(exponent=torch.tensor([[0.5, 0.6, 0.7]]))
    image = IMAGENET_RGB.standardise(scene().float() / 255).half()
    torch.testing.assert_close(warp(image, parameters), warp(image.float(), parameters))


def test_colours_are_matched_after_the_curve():
    """Levels 0 and 255 / 4 squared: 0 and 255 / 16. Their mean, and half of their difference."""
    grid = torch.tensor([0, 255 / 4]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    found = ImageSample(grid).statistics.after_tone_curves(grid, torch.full((1, 3), 2.0))
    assert found.mean[0].tolist() == pytest.approx([255 / 32] * 3)
    assert found.covariance[0, 0, 1].item() == pytest.approx((255 / 32) ** 2)
    assert found.black[0].tolist() == [0, 0, 0]


def test_between_two_adjustments():
    colours = ColourMap(torch.eye(3)[None], torch.zeros(1, 3))
    first, second = (Adjustment(colours, torch.full((1, 3), value), torch.tensor([2 * value]))
                     for value in (1.0, 2.0))
    found = first.lerp(second, 0.25)
    assert found.exponent.tolist() == [[1.25] * 3] and found.detail.item() == 2.5


def test_a_curve_in_pictures_and_words():
    """Black and white stay; 127.5 is halved by an exponent of 2, and kept by one of 1."""
    correction = of_one_image(WarpParameters.identity()._replace(
        exponent=torch.tensor([[2.0, 1.0, 2.0]])))
    curves = grey_curves(correction, np.array([0, 127.5, 255]))
    np.testing.assert_allclose(curves, [[0, 63.75, 255], [0, 127.5, 255], [0, 63.75, 255]],
                               atol=1e-3)
    assert effect(correction) == 'gain 0.67, exponents 2.00/1.00/2.00, contrast 1.00, shift +0'
    assert 'R</th><td>2.00</td><td>1.00</td>' in correction_section(correction)


@pytest.mark.parametrize('argument', ['tone', 'detail'])
def test_a_part_is_matched_or_not(argument):
    with pytest.raises(InputError, match=f"{argument} is True or False, got 'yes'"):
        SourceMatch('cityscapes', **{argument: 'yes'})
