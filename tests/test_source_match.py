"""Source statistics, the match to them, and the other training-free enhancers, by hand."""
import copy
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from commands import ROOT
from mmseg.structures import SegDataSample

from mmseg_sympie.attachment import known_source
from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.engine.segmentation import missing_source
from mmseg_sympie.engine.segmentor_config import with_enhancer
from mmseg_sympie.engine.source_statistics import images_below
from mmseg_sympie.enhancer import (
    CLAHE,
    NEM,
    GreyWorld,
    Levels,
    SourceMatch,
    SyMPIE,
    TorchModule,
    load_source,
)
from mmseg_sympie.enhancer.adjustment import Adjustment
from mmseg_sympie.enhancer.backends import compiled_match
from mmseg_sympie.enhancer.colour_map import ColourMap
from mmseg_sympie.enhancer.dwm import WarpParameters, warp
from mmseg_sympie.enhancer.grid import pixel_grid
from mmseg_sympie.enhancer.image_statistics import ImageSample, ImageStatistics
from mmseg_sympie.enhancer.matrices import (
    _geometric_mean_by_eigenvalues,
    _geometric_mean_by_means,
    inverse,
)
from mmseg_sympie.enhancer.source_match import (
    foreignness,
    match_black_point,
    match_channels,
    match_covariance,
    match_gain,
    source_match,
)
from mmseg_sympie.enhancer.source_statistics import (
    SourceStatistics,
    named_sources,
    squared_distance,
)
from mmseg_sympie.enhancer.tone import tone_curve
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.config import load_config
from mmseg_sympie.normalization import IMAGENET_RGB, IMAGENET_RGB_255
from mmseg_sympie.runtime.parallel import COMPILED_LOOPS

# Independent channels of deviation 10, 20 and 40 about 100, black point 20; images differ by 4.
SOURCE = SourceStatistics(
    black=(20, 20, 20), mean=(100, 100, 100), covariance=((100, 0, 0), (0, 400, 0), (0, 0, 1600)),
    mean_covariance=((16, 0, 0), (0, 16, 0), (0, 0, 16)), log_contrast=math.log(700) / 2,
    contrast_spread=0.05, log_skew=-0.1, skew_spread=0.05, reach=1.0,
    log_detail=1.0, images=2)


COLOURS_ALONE = dict(tone=False, detail=False)


def statistics(mean, deviation, black=0.0):
    """Of one image with independent channels."""
    mean, deviation = (torch.tensor([values], dtype=torch.double) for values in (mean, deviation))
    return ImageStatistics(torch.full_like(mean, black), mean,
                           torch.diag_embed(deviation.square()))


def sample(found, skew=0.0, detail=1.0):
    """What `SourceStatistics.of` asks an `ImageSample` for."""
    return SimpleNamespace(statistics=found, log_skew=torch.tensor([skew]),
                           log_detail=torch.tensor([detail]))


def picture(height=60, width=80, seed=0, mean=60, contrast=30):
    """Smooth colours with noise, (1, 3, H, W), uint8."""
    generator = np.random.default_rng(seed)
    coarse = generator.normal(mean, contrast, (5, 7, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height)) + generator.normal(0, 4, (height, width, 3))
    return torch.from_numpy(image.clip(0, 255).astype(np.uint8)).permute(2, 0, 1)[None]


def test_statistics_of_an_image_by_hand():
    """Four pixels: red 0, 0, 10, 10; green twice that; blue 7. Covariances 25, 100 and 50."""
    red = torch.tensor([[0, 0], [10, 10]], dtype=torch.uint8)
    found = ImageStatistics.of(pixel_grid(torch.stack([red, 2 * red, red * 0 + 7])[None]))
    assert found.black.tolist() == [[0, 0, 7]] and found.mean.tolist() == [[5, 10, 7]]
    assert found.covariance.tolist() == [[[25, 50, 0], [50, 100, 0], [0, 0, 0]]]
    assert found.log_contrast().item() == pytest.approx(math.log(125 / 3) / 2)


@pytest.mark.parametrize('size, rows, columns', [
    ((1, 1), 1, 1), ((255, 300), 255, 150), ((1080, 1920), 135, 128), ((128, 5000), 128, 129)])
def test_the_grid_covers_the_image(size, rows, columns):
    image = torch.zeros(1, 3, *size, dtype=torch.uint8)
    assert pixel_grid(image).shape == (1, 3, rows, columns)


def test_statistics_of_a_source_by_hand():
    """Means 90 and 110 in every channel: variance 200 between them. Log contrast 2 and 4."""
    images = [sample(statistics([90] * 3, [math.exp(2)] * 3, 10), skew=-0.3, detail=1.0),
              sample(statistics([110] * 3, [math.exp(4)] * 3, 30), skew=0.1, detail=2.0)]
    source = SourceStatistics.of(images, 'two')
    assert source.black == (20, 20, 20) and source.mean == (100, 100, 100)
    assert source.mean_covariance == ((200,) * 3,) * 3
    variance = (math.exp(4) + math.exp(8)) / 2
    assert source.covariance[1] == (0, pytest.approx(variance, rel=1e-5), 0)
    assert source.log_contrast == pytest.approx(3)
    assert source.contrast_spread == pytest.approx(2 ** 0.5)
    assert source.log_skew == pytest.approx(-0.1) and source.log_detail == pytest.approx(1.5)
    assert source.skew_spread == pytest.approx(0.4 / 2 ** 0.5)
    assert source.reach == 1
    assert load_source(json.loads(source.to_json())).mean == source.mean
    with pytest.raises(InputError, match='at least two images, got 1'):
        SourceStatistics.of(images[:1])


def test_images_of_one_colour_say_nothing_of_a_source():
    """One black frame among many made the spread of the contrast so wide that nothing was far."""
    blank = sample(statistics([0] * 3, [0] * 3))
    assert SourceStatistics.of([ImageSample(torch.cat([picture(), picture() // 2]))]).images == 2
    images = [sample(statistics([mean] * 3, [30] * 3)) for mean in (90, 100, 110)]
    assert SourceStatistics.of([*images, blank]) == SourceStatistics.of(images)
    with pytest.raises(InputError, match='at least two images, got 1 and 2 of one colour.'):
        SourceStatistics.of([images[0], blank, blank])


def test_the_fade_begins_where_few_images_of_the_source_are():
    """18 images and two that are 60 levels brighter: both means 54 off, of the variance 341.

    Together with the floor 3 * 54^2 / (3 * 341 + 9), a fifth of which is 1.70.
    """
    images = [sample(statistics([mean] * 3, [30] * 3)) for mean in 18 * [80] + 2 * [140]]
    source = SourceStatistics.of(images)
    assert source.reach == pytest.approx(1.70 ** 0.5, abs=0.01)
    assert foreignness(images[0], source).item() < 1e-6
    found = foreignness(images[-1], source).item()
    assert found == pytest.approx(1 / 5 / source.reach * 900 / 901, abs=1e-4)
    wide = load_source(dict(source._asdict(), reach=2 * source.reach))
    found = foreignness(images[-1], wide).item()
    assert found == pytest.approx(1 / 1025 / wide.reach, abs=1e-5)


def test_of_a_source_that_reaches_far_less_is_done():
    """However far the image is: its source has images of all kinds."""
    far = sample(statistics([250] * 3, [5] * 3))
    assert foreignness(far, SOURCE._replace(reach=1.5)).item() == pytest.approx(
        foreignness(far, SOURCE).item() / 1.5, abs=1e-5)


def test_distance_by_hand():
    """Means 10 off in each channel: with the spread 16 + 9 that is 3 * 100 / 25 = 12. Contrast
    e times as high: (1 / (0.05 + 0.05))^2 = 100. Skew 0.2 off: (0.2 / (0.05 + 0.05))^2 = 4. The
    mean over five scores: 23.2.
    """
    wide = math.e * 700 ** 0.5
    image = statistics([110, 90, 110], [wide, wide, wide])
    found = squared_distance(image, torch.tensor([0.1]), SOURCE)
    assert found.item() == pytest.approx(23.2, rel=1e-4)


def test_each_method_by_hand():
    """An image of mean 50, deviation 10 and black 0 in each channel."""
    image = statistics([50, 50, 50], [10, 10, 10])
    gain = match_gain(image, SOURCE)
    torch.testing.assert_close(gain.matrix[0].float(), 2 * torch.eye(3))
    assert gain.offset.tolist() == [[0, 0, 0]]
    # Gains 1, 2 and 4 about the means: 100 - gain * 50.
    for method in (match_channels, match_covariance):
        found = method(image, SOURCE)
        torch.testing.assert_close(found.matrix[0].float(), torch.diag(torch.tensor([1., 2, 4])),
                                   rtol=0.02 * 4, atol=0.02)
    assert match_channels(image, SOURCE).offset.tolist() == [pytest.approx([50, 0, -100])]


def test_black_goes_to_black_and_the_spread_of_grey_about_it_matches():
    """Grey images of three pixels, black 0 and black 20: moments are of one direction alone."""
    source = SOURCE._replace(covariance=((600, 599, 599), (599, 600, 599), (599, 599, 600)))
    image = ImageStatistics(*(part.double() for part in (
        torch.zeros(1, 3), torch.full((1, 3), 40.0), torch.full((1, 3, 3), 150.0) + torch.eye(3))))
    found = match_black_point(image, source)
    assert found.apply(torch.zeros(1, 3, 1, 1)).flatten().tolist() == pytest.approx([20] * 3)
    # About black, grey has the moment 150 + 40^2 here and 600 + 80^2 there: twice the deviation.
    grey = found.apply(torch.full((1, 3, 1, 1), 40.0)).flatten().tolist()
    assert grey == pytest.approx([100] * 3, abs=1)


def test_the_tint_of_the_mean_is_not_laid_over_grey():
    """The curves have brought it; spread about black, it would make the sky as green as a tree."""
    source = SOURCE._replace(black=(0, 0, 0), mean=(60, 120, 60),
                             covariance=((400, 0, 0), (0, 400, 0), (0, 0, 400)))
    found = match_black_point(statistics([30, 60, 30], [20, 20, 20]), source)
    grey = found.apply(torch.full((1, 3, 1, 1), 40.0)).flatten().tolist()
    assert grey == pytest.approx(grey[:1] * 3, abs=0.2) and 70 < grey[0] < 80


def test_stronger_colours_do_not_strengthen_the_tint_of_the_mean():
    """They are 1.664 times as strong; the tint (-10, 20, -10) stays, and black gets the rest."""
    source = SOURCE._replace(black=(0, 0, 0), mean=(70, 100, 70),
                             covariance=((400, 0, 0), (0, 400, 0), (0, 0, 400)))
    found = match_black_point(statistics([70, 100, 70], [10, 10, 10]), source)
    colours = found.matrix[0, 0, 0] - found.matrix[0, 0, 1]
    assert colours.item() == pytest.approx((100 / 400 + 1 / 9) ** -0.5, rel=0.01)
    mean = found.apply(torch.tensor([70.0, 100, 70]).view(1, 3, 1, 1)).flatten()
    assert (mean[1] - mean[0]).item() == pytest.approx(30, abs=0.1)
    assert found.offset[0].tolist() == pytest.approx([6.64, -13.28, 6.64], abs=0.2)


def test_a_grey_picture_gets_no_strange_colours():
    """Photographs without colour became green, or magenta: their noise of it was made so strong."""
    source = load_source('cityscapes')
    share = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0)) ** 0.4
    image = (20 + 100 * share).to(torch.uint8).expand(-1, 3, -1, -1)
    mean = 255 * SourceMatch(source)(image / 255).mean(dim=(0, 2, 3))
    wanted = torch.tensor(source.mean)
    assert 0 < (mean - mean.mean()).norm() < 1.1 * (wanted - wanted.mean()).norm()


def test_covariance_is_that_of_the_source_afterwards():
    source = load_source('cityscapes')
    grid = picture().float()
    matched = ImageStatistics.of(match_covariance(ImageStatistics.of(grid), source).apply(grid))
    for found, wanted in ((matched.mean, source.mean), (matched.covariance, source.covariance)):
        torch.testing.assert_close(found[0], torch.tensor(wanted).double(), rtol=0.05, atol=5)


def test_both_geometric_means_solve_the_equation():
    factors = torch.randn(2, 40, 3, 3, dtype=torch.float64,
                          generator=torch.Generator().manual_seed(0))
    first, second = factors @ factors.mT + 0.01 * torch.eye(3)
    for mean in (_geometric_mean_by_eigenvalues, _geometric_mean_by_means):
        found = mean(first, second)
        torch.testing.assert_close(found @ inverse(second) @ found, first, rtol=1e-6, atol=1e-8)


def test_inverse_by_hand():
    matrix = torch.tensor([[2., 0, 1], [0, 4, 0], [0, 0, 5]])
    wanted = torch.tensor([[0.5, 0, -0.1], [0, 0.25, 0], [0, 0, 0.2]])
    torch.testing.assert_close(inverse(matrix), wanted)


def test_an_image_like_the_source_is_left_alone_and_a_far_one_is_matched():
    near = statistics([100, 100, 100], [10, 20, 40], 20.0)
    found = source_match(sample(near, skew=-0.1), SOURCE, **COLOURS_ALONE).colour_map
    assert torch.equal(found.matrix[0], torch.eye(3)) and found.offset.abs().max() == 0
    far = statistics([20, 20, 20], [5, 5, 5])
    whole, half = (source_match(sample(far), SOURCE, strength, 'gain', False, False).colour_map
                   for strength in (1.0, 0.5))
    # A gain of 5, of which 25 / 26 is done: the variance is 25.
    assert whole.matrix[0, 0, 0].item() == pytest.approx(1 + 4 * 25 / 26, rel=1e-3)
    assert half.matrix[0, 0, 0].item() == pytest.approx(1 + 2 * 25 / 26, rel=1e-3)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32])
def test_the_whole_match_brings_the_tint_by_the_curves(dtype):
    """Compiled and not: far from the source, all of it is done."""
    image = picture(300, 500).to(dtype)
    source = load_source('cityscapes')
    found = source_match(ImageSample(image), source).exponent
    means = tone_curve(image, found).mean(dim=(0, 2, 3))
    wanted = torch.tensor(source.mean)
    torch.testing.assert_close(means / means.mean(), wanted / wanted.mean(), rtol=0.01, atol=0)


def test_by_default_a_far_image_is_matched_in_full():
    enhancers = SourceMatch('cityscapes'), SyMPIE(source='cityscapes')
    assert enhancers[0].matching['strength'] == enhancers[1].strength == 1


@pytest.mark.parametrize('level', [0, 128, 255])
def test_a_picture_of_one_colour_is_left_alone(level):
    """White was mapped to the black of the source, being the darkest hundredth of the image."""
    image = torch.full((1, 3, 30, 40), level, dtype=torch.uint8)
    for each in (image, image.float()):
        found = source_match(ImageSample(each), SOURCE)
        torch.testing.assert_close(found.apply_colours(image.float()), image.float())


def test_a_grey_picture_of_full_contrast_has_a_covariance():
    """All channels alike: one direction with variance, and none with less than nothing."""
    grey = picture(300, 400, contrast=90)[:, :1].expand(-1, 3, -1, -1)
    found = torch.linalg.eigvalsh(ImageStatistics.of(pixel_grid(grey)).covariance[0])
    assert found[:2].abs().max() < 1e-6 < found[2]
    assert SourceMatch('cityscapes')(grey / 255).isfinite().all()


@pytest.mark.parametrize('image', [
    torch.zeros(1, 3, 1, 1), torch.full((2, 3, 5, 5), 255.0), torch.full((1, 3, 40, 40), 90.0),
    torch.eye(40).expand(1, 3, 40, 40) * 255])
@pytest.mark.parametrize('method', ['gain', 'channel', 'covariance', 'black_point'])
def test_images_of_one_colour_stay_images(image, method):
    enhanced = SourceMatch('cityscapes', 1.0, method)(image / 255)
    assert enhanced.isfinite().all() and 0 <= enhanced.min() and enhanced.max() <= 1


def test_grey_world_by_hand():
    image = torch.tensor([20, 40, 60]).view(1, 3, 1, 1).expand(1, 3, 2, 2) / 255
    assert (255 * GreyWorld()(image)).flatten().tolist() == pytest.approx([40] * 12)


def test_levels_alone_are_those_before_the_network():
    image = picture(300, 400, mean=30, contrast=10).float() / 255
    untrained = SyMPIE(NEM().state_dict(), min_mean_255=110, min_contrast_255=40).eval()
    with torch.no_grad():
        torch.testing.assert_close(Levels()(image), untrained(image), rtol=0, atol=1e-4)


def test_clahe_keeps_a_flat_image_and_raises_local_contrast():
    image = picture(contrast=5).float() / 255
    assert CLAHE()(image).std() > 1.3 * image.std()
    assert CLAHE()(image).shape == image.shape


@pytest.mark.parametrize('order', ['rgb', 'bgr'])
@pytest.mark.parametrize('enhancer', [
    dict(type='SourceMatch'), dict(type='SourceMatch', strength=0.5),
    dict(type='SourceMatch', method='black_point', tone=False),
    dict(type='SourceMatch', method='gain', detail=False),
    dict(type='GreyWorld'), dict(type='MeanMatch', target=200), dict(type='Levels')])
def test_fast_path_equals_the_reference(enhancer, order):
    images = torch.cat([picture(97, 131, seed) for seed in (1, 2)])
    preprocessor = SyMPIEDataPreprocessor(
        enhancer=enhancer, source='cityscapes', channel_order=order,
        bgr_to_rgb=order == 'bgr', **IMAGENET_RGB_255._asdict())
    assert preprocessor.fast is not None
    found = preprocessor(dict(inputs=list(images), data_samples=[SegDataSample()] * 2))['inputs']
    rgb = images.flip(1) if order == 'bgr' else images
    wanted = IMAGENET_RGB.standardise(preprocessor.enhancers[0](rgb.float() / 255))
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-4)


def test_warp_parameters_after_a_colour_map():
    """One warp with them is the map and then the other warp."""
    generator = torch.Generator().manual_seed(0)
    vector = WarpParameters.identity(2).join() + 0.1 * torch.randn(2, 37, generator=generator)
    colour_map = ColourMap(torch.eye(3) + 0.3 * torch.randn(2, 3, 3, generator=generator),
                           20 * torch.randn(2, 3, generator=generator))
    image = torch.cat([picture(20, 30, seed) for seed in (1, 2)]).float()
    parameters = WarpParameters.split(vector)
    once = warp(IMAGENET_RGB_255.standardise(image), parameters.after(Adjustment(colour_map)))
    twice = warp(IMAGENET_RGB_255.standardise(colour_map.apply(image)), parameters)
    torch.testing.assert_close(once[..., 2:-2, 2:-2], twice[..., 2:-2, 2:-2], rtol=0, atol=1e-4)


def test_sympie_corrects_the_match():
    """A network that says nothing leaves the match as it is, by both paths."""
    image = picture(97, 131)
    preprocessor = SyMPIEDataPreprocessor(
        enhancer=dict(type='SyMPIE', checkpoint=NEM().state_dict()), source='cityscapes',
        channel_order='rgb')
    wanted = SourceMatch('cityscapes')(image.float() / 255)
    found = preprocessor.enhance(image) / 255
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    with torch.no_grad():
        reference = preprocessor.enhancers[0](image.float() / 255)
    torch.testing.assert_close(reference, wanted, rtol=0, atol=1e-5)
    assert 'min_mean_255' not in preprocessor.enhancers[0].weights()


def test_the_correction_fades_with_the_match():
    """A network that lights up whatever it sees: not an image like the source, by both paths."""
    weights = NEM().state_dict()
    weights['head.bias'][9:12] += 0.5  # C_S
    near, far = picture(97, 131, mean=76, contrast=45), picture(97, 131, mean=20, contrast=5)
    source = SourceStatistics.of([ImageSample(near)] * 2)
    preprocessor = SyMPIEDataPreprocessor(
        enhancer=dict(type='SyMPIE', checkpoint=weights), channel_order='rgb',
        source=source._asdict())
    assert (preprocessor.enhance(near) - near).abs().max() < 0.01
    matched = 255 * SourceMatch(source)(far / 255)
    assert (preprocessor.enhance(far) - matched).mean().item() == pytest.approx(0.5 * 57, rel=0.05)
    with torch.no_grad():
        reference = 255 * preprocessor.enhancers[0](far / 255)
    torch.testing.assert_close(preprocessor.enhance(far), reference, rtol=0, atol=0.05)


@pytest.mark.parametrize('spreads, share', [(0, 0), (0.5, 1 / 1025), (1, 1 / 5), (2, 64 / 65)])
def test_foreignness_by_hand(spreads, share):
    """Contrast and skew differ: of five scores one is (2 s)^2, one s^2, and their mean is s^2."""
    contrast = math.exp(math.log(700) / 2 + 2 * spreads * 0.1)
    image = sample(statistics([100, 100, 100], [contrast] * 3), skew=-0.1 + spreads * 0.1)
    assert foreignness(image, SOURCE).item() == pytest.approx(
        share * contrast ** 2 / (contrast ** 2 + 1), abs=1e-6)


def test_which_enhancer_is_the_default():
    names = [type(SyMPIEDataPreprocessor(**given).enhancers[0]).__name__ for given in (
        dict(), dict(source='camvid'), dict(source='camvid', checkpoint=NEM().state_dict()))]
    assert names == ['SyMPIE'] * 3
    assert not SyMPIEDataPreprocessor(enhancer=None, source='camvid').enhancers


@pytest.mark.parametrize('name', named_sources())
def test_sources_that_ship(name):
    source = load_source(name)
    assert source.images >= 8 and source.origin
    assert all(10 < black < mean < 130 for black, mean in zip(source.black, source.mean))


@pytest.mark.parametrize('given, message', [
    ('cityscape', 'named .cityscape.: wanted one of camvid, cityscapes, demo, imagenet'),
    (dict(mean=[1, 2, 3]), 'black should be'),
    (dict(SOURCE._asdict(), covariance=[[1, 1, 1]]), 'covariance should be'),
    (dict(SOURCE._asdict(), log_contrast=float('nan')), 'log_contrast should be one finite'),
    ({name: value for name, value in SOURCE._asdict().items() if name != 'log_detail'},
     'log_detail should be one finite number, got None. Make them again'),
    (dict(SOURCE._asdict(), skew_spread=-1), 'skew_spread should be from 0 to 6, got -1'),
    (dict(SOURCE._asdict(), reach=0.5), 'reach should be from 1 to 5, got 0.5'),
    (dict(SOURCE._asdict(), log_detail=800), 'log_detail should be from -3 to 6, got 800'),
    (dict(SOURCE._asdict(), mean=[0.3, 0.4, 0.5]), 'mean should be from 1 to 255'),
    (dict(SOURCE._asdict(), mean_covariance=(-9 * np.eye(3)).tolist()), 'a covariance: symmetric'),
    (dict(SOURCE._asdict(), covariance=[[9, 0, 5], [0, 9, 0], [0, 0, 9]]), 'a covariance: symm'),
    (SOURCE._replace(log_detail=float('nan')), 'given as an object are broken: log_detail'),
    (3, 'source is a name, a .json file, or the contents of one, got 3')])
def test_broken_sources(given, message):
    with pytest.raises(InputError, match=message):
        SyMPIEDataPreprocessor(source=given)


@pytest.mark.parametrize('contents', ['[]', 'null', '3'])
def test_a_file_that_holds_no_source(tmp_path, contents):
    (tmp_path / 'list.json').write_text(contents)
    with pytest.raises(InputError, match='list.json are broken: wanted an object with mean'):
        load_source(tmp_path / 'list.json')


def test_a_number_too_large_and_a_file_too_deep(tmp_path):
    with pytest.raises(InputError, match='log_contrast should be one finite number'):
        load_source(dict(SOURCE._asdict(), log_contrast=10 ** 400))
    (tmp_path / 'deep.json').write_text('[' * 100_000)
    with pytest.raises(InputError, match='deep.json is not JSON'):
        load_source(tmp_path / 'deep.json')


def test_images_without_a_colour_are_no_source():
    red = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    red[:, 0, ::2] = 200
    with pytest.raises(InputError, match='a mean of 0 on 0..255 in one channel'):
        SourceStatistics.of([ImageSample(red), ImageSample(red)])


def test_a_black_and_a_white_image_are_a_source():
    measured = SourceStatistics.of(ImageSample(picture(mean=mean, contrast=1)) for mean in (3, 252))
    assert load_source(json.loads(measured.to_json())).images == 2


@pytest.mark.parametrize('kind, arguments, message', [
    (CLAHE, dict(clip_limit=0), 'clip_limit is a positive number, got 0'),
    (CLAHE, dict(clip_limit='high'), "clip_limit is a positive number, got 'high'"),
    (CLAHE, dict(clip_limit=float('nan')), 'clip_limit is a positive number, got nan'),
    (CLAHE, dict(tiles=0), 'tiles is a whole number from 1, got 0'),
    (CLAHE, dict(tiles=2.5), 'tiles is a whole number from 1, got 2.5'),
    (SourceMatch, dict(source='camvid', strength=1.5), 'strength is from 0 to 1, got 1.5'),
    (SourceMatch, dict(source='camvid', strength=True), 'strength is from 0 to 1, got True'),
    (SyMPIE, dict(source='camvid', strength=-1), 'strength is from 0 to 1, got -1'),
    (Levels, dict(min_mean_255=0), 'min_mean_255 is between 0 and 255, got 0'),
    (Levels, dict(min_mean_255=255), 'min_mean_255 is between 0 and 255, got 255'),
    (Levels, dict(min_mean_255='bright'), "between 0 and 255, got 'bright'"),
    (Levels, dict(min_contrast_255=-1), 'min_contrast_255 is between 0 and 127.5, got -1'),
    (Levels, dict(min_contrast_255=float('nan')), 'between 0 and 127.5, got nan')])
def test_arguments_out_of_their_range(kind, arguments, message):
    with pytest.raises(InputError, match=message):
        kind(**arguments)


@pytest.mark.parametrize('arguments', [dict(min_mean_255=None), dict(min_contrast_255=None)])
def test_levels_without_one_of_the_minima(arguments):
    image = picture(mean=30, contrast=5).float() / 255
    assert (Levels(**arguments)(image) - image).abs().max() > 0.05


def test_an_enhancer_before_that_leaves_values_beyond_white():
    """A dark image with a few lights, which MeanMatch makes a hundred times as bright as white."""
    random = np.random.RandomState(1)
    lights, dark = random.rand(120, 160) < 0.005, random.rand(120, 160) < 0.7
    image = torch.from_numpy(np.stack([np.where(lights, 255, dark).astype(np.uint8)] * 3))[None]
    chain = [dict(type='MeanMatch'), dict(type='SourceMatch')]
    found = SyMPIEDataPreprocessor(source='cityscapes', enhancer=chain).enhance(image)
    assert found.isfinite().all() and 0 <= found.min() and found.max() <= 255


@pytest.mark.parametrize('name', ['black pixel', 'flat'])
def test_gradients_go_through_the_match(name):
    image = torch.full((1, 3, 32, 32), 0.5)
    if name == 'black pixel':
        image = 0.1 + 0.8 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        image[0, 0, 3, 3] = 0
    image.requires_grad_()
    SyMPIE(NEM().state_dict(), source='cityscapes').eval()(image).sum().backward()
    assert image.grad.isfinite().all() and image.grad.abs().max() > 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_images_in_half_precision_are_computed_in_full(dtype):
    board = (torch.arange(32)[:, None] + torch.arange(32)) % 2
    image = board.expand(1, 3, 32, 32)
    sympie = SyMPIE(NEM().state_dict(), source='cityscapes').eval()
    with torch.no_grad():
        torch.testing.assert_close(sympie(image.to(dtype)), sympie(image.float()))


def test_statistics_are_computed_once_an_image(monkeypatch):
    """For the match and for the fade of what the network predicts."""
    measured, of = [], ImageStatistics.of
    monkeypatch.setattr(ImageStatistics, 'of', lambda grid: measured.append(grid) or of(grid))
    image = picture(97, 131)
    sympie = SyMPIE(NEM().state_dict(), source='cityscapes').eval()
    with torch.no_grad():
        sympie(image / 255)
    assert len(measured) == 1
    SyMPIEDataPreprocessor(enhancer=dict(type='SyMPIE', checkpoint=NEM().state_dict()),
                           source='cityscapes').enhance(image.float())
    assert len(measured) == 2


NUMBERS = torch.Generator().manual_seed(0)
OF_ALL_KINDS = {
    **{f'noise {height}x{width} below {level}': torch.randint(
        0, level, (2, 3, height, width), generator=NUMBERS, dtype=torch.uint8)
       for height, width, level in [(1, 1, 256), (3, 7, 200), (97, 131, 60), (224, 224, 256),
                                    (480, 641, 30), (64, 64, 2), (300, 20, 4)]},
    **{f'all {level}': torch.full((1, 3, 50, 60), level, dtype=torch.uint8)
       for level in (0, 1, 128, 255)},
    'scene': picture(300, 500), 'dark scene': picture(300, 500, mean=12, contrast=8),
    'grey scene': picture(90, 150)[:, :1].expand(-1, 3, -1, -1),
    'turned': picture(300, 500).transpose(2, 3), 'part': picture(300, 500)[..., 7:200:2, 9:400:3],
    'strip': picture(3, 2000),
    'red light': picture(90, 150) // torch.tensor([1, 9, 9], dtype=torch.uint8).view(3, 1, 1),
    'no blue': picture(90, 150) * torch.tensor([1, 1, 0], dtype=torch.uint8).view(3, 1, 1),
    'half black': torch.cat([picture(90, 150), 0 * picture(90, 150)], dim=2)}
SHIPPED = named_sources()
LOOPS = pytest.mark.skipif(not COMPILED_LOOPS, reason='Numba is not installed')


@LOOPS
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
@pytest.mark.parametrize('kind', OF_ALL_KINDS)
def test_compiled_match_equals_the_reference(kind, order):
    image = OF_ALL_KINDS[kind]
    assert compiled_match.takes(image) and not compiled_match.takes(image.float())
    matches_alike(image, order)


@LOOPS
def test_the_match_of_8_bit_images_is_compiled():
    """Then PyTorch measures nothing."""
    for image, measured in ((picture(), False), (picture().float(), True)):
        measurements = ImageSample(image)
        source_match(measurements, SOURCE)
        assert ('statistics' in vars(measurements)) is measured


@LOOPS
@pytest.mark.parametrize('strength', [0, 0.3, 1])
@pytest.mark.parametrize('source', [
    SOURCE, SOURCE._replace(reach=3), SOURCE._replace(contrast_spread=0, skew_spread=0),
    SOURCE._replace(log_detail=4.0)])
def test_compiled_match_for_any_source_and_strength(source, strength):
    for kind in ('scene', 'dark scene'):
        matches_alike(OF_ALL_KINDS[kind], 'rgb', [source], strength)


@pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning')
@LOOPS
def test_a_program_that_is_traced_holds_the_reference():
    class Match(torch.nn.Module):
        def forward(self, image):
            return source_match(ImageSample(image), SOURCE).colour_map.matrix

    image, other = picture(), picture(seed=1, mean=30)
    traced = torch.jit.trace(Match(), image)
    torch.testing.assert_close(traced(other), Match()(other), rtol=1e-4, atol=1e-4)


@LOOPS
def test_compiled_match_equals_the_reference_on_real_frames(real_data):
    frames = sorted(real_data.glob('acdc_mini/rgb_anon/*/val/*/*'))
    assert len(frames) > 20
    for frame in frames:
        matches_alike(torch.from_numpy(cv2.imread(str(frame))).permute(2, 0, 1)[None], 'bgr')


def matches_alike(image, order, sources=SHIPPED, strength=1.0):
    for source in map(load_source, sources):
        found, wanted = (source_match(ImageSample(images, order), source, strength)
                         for images in (image, image.float()))
        for ours, reference in zip((*found.colour_map, *found[1:]),
                                   (*wanted.colour_map, *wanted[1:])):
            torch.testing.assert_close(ours, reference, rtol=1e-5,
                                       atol=1e-5 * max(1, reference.abs().max().item()))


def test_a_missing_file_and_a_contradiction(tmp_path):
    with pytest.raises(FileNotFoundError, match='mine.json do not exist'):
        load_source(tmp_path / 'mine.json')
    with pytest.raises(InputError, match='leave one out'):
        SyMPIE(NEM().state_dict(), source='cityscapes', min_mean_255=110)
    with pytest.raises(InputError, match='method is one of gain'):
        SourceMatch('cityscapes', method='median')


@pytest.mark.slow
def test_tool_measures_a_folder_and_the_file_is_a_source(tmp_path):
    """Two images of one grey each, 50 and 100, with a black corner of a pixel in sixteen.

    And one that is all white, which is left out.
    """
    cv2.imwrite(str(tmp_path / 'white.png'), np.full((16, 16, 3), 255, np.uint8))
    for grey in (50, 100):
        image = np.full((16, 16, 3), grey, np.uint8)
        image[::4, ::4] = (0, 0, 30)  # BGR
        cv2.imwrite(str(tmp_path / f'{grey}.png'), image)
    out = tmp_path / 'out/mine.json'
    said = subprocess.run([sys.executable, 'tools/source_statistics.py', str(tmp_path), '--out',
                           str(out)], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.startswith('1 image of one colour left out')
    source = load_source(str(out))  # of almost grey images: its covariance is made regular
    assert np.linalg.eigvalsh(source.covariance)[0] == pytest.approx(1)
    assert source.images == 2 and source.black == (30, 0, 0)
    assert source.mean == (pytest.approx(75 * 15 / 16 + 30 / 16), *[75 * 15 / 16] * 2)


def test_label_maps_among_the_images_of_a_folder(tmp_path):
    colour = np.zeros((4, 4, 3), np.uint8)
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)  # as a photograph
    for name, image in (('a.png', colour), ('b.png', grey), ('a_labelIds.png', colour[..., 0])):
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / 'broken.png').write_bytes(b'no image')  # is named when it is read
    with pytest.raises(InputError, match='1 of 4 files, such as .*a_labelIds.png'):
        images_below(tmp_path)
    (tmp_path / 'a_labelIds.png').unlink()
    assert [Path(path).name for path in images_below(tmp_path)] == ['a.png', 'b.png', 'broken.png']


@pytest.mark.parametrize('name, options, said', [
    ('espnetv2_acdc', {}, True), ('mobilenetv2_camvid', {}, False),
    *(('espnetv2_acdc', options, False) for options in (
        dict(source=None), dict(source='camvid'), dict(checkpoint='enhancer.pth'),
        dict(enhancer=dict(type='GreyWorld')), dict(enhancer=[]),
        dict(enhancer=dict(type='SyMPIE', source=None))))])
def test_a_source_that_was_forgotten(name, options, said):
    cfg = load_config(str(ROOT / f'configs/{name}.py'))
    cfg.model.data_preprocessor.update(type='mmseg_sympie.SyMPIEDataPreprocessor', **options)
    assert ('Set model.data_preprocessor.source=cityscapes' in (missing_source(cfg) or '')) == said


def test_shipped_configs_forget_no_source():
    for path in sorted(ROOT.glob('configs/*.py')):
        cfg = load_config(str(path))
        assert 'model' not in cfg or missing_source(cfg) is None, path


@pytest.mark.parametrize('options, source', [({}, 'cityscapes'), (dict(source=None), None)])
def test_the_default_in_place_of_no_enhancer(options, source):
    cfg = load_config(str(ROOT / 'configs/espnetv2_acdc.py'))
    cfg.model.data_preprocessor.update(
        type='mmseg_sympie.SyMPIEDataPreprocessor', enhancer=None, **options)
    preprocessor = with_enhancer(cfg).model.data_preprocessor
    assert (preprocessor.enhancer, preprocessor.source) == ([dict(type='SyMPIE')], source)


@pytest.mark.parametrize('name, source', [
    ('deeplabv2_cityscapes', 'cityscapes'), ('mobilenetv2_camvid', 'camvid'), ('demo', None),
    ('espnetv2_acdc', 'cityscapes'), ('deeplabv2_darkzurich', 'cityscapes')])
def test_source_of_a_config(name, source):
    cfg = load_config(str(ROOT / f'configs/{name}.py'))
    assert known_source(cfg) == source


class Inverted(torch.nn.Module):
    def forward(self, image):
        return [image, 1 - image]


class Broken(torch.nn.Module):
    def forward(self, image):
        return image / 0 - image / 0


def test_any_module_is_an_enhancer(tmp_path):
    file = tmp_path / 'inverted.pt'
    torch.jit.save(torch.jit.trace(torch.nn.Identity(), torch.rand(1, 3, 4, 4)), str(file))
    image = torch.rand(1, 3, 5, 6)
    assert torch.equal(TorchModule(file=str(file))(image), image)
    imported = TorchModule(module=f'{__name__}.Inverted', output=1)
    torch.testing.assert_close(imported(image), 1 - image)
    with pytest.raises(InputError, match='Broken made values that are not finite'):
        TorchModule(module=f'{__name__}.Broken')(image)
    with pytest.raises(InputError, match='not a TorchScript file'):
        TorchModule(file=__file__)
    with pytest.raises(InputError, match='cannot import nowhere.Net'):
        TorchModule(module='nowhere.Net')
    with pytest.raises(InputError, match='either file= .* or module='):
        TorchModule()


def test_a_used_preprocessor_can_be_copied_and_gives_the_same():
    image = picture()
    preprocessor = SyMPIEDataPreprocessor(
        enhancer=dict(type='SyMPIE', checkpoint=NEM().state_dict()), source='cityscapes')
    wanted = preprocessor.enhance(image)
    assert torch.equal(copy.deepcopy(preprocessor).enhance(image), wanted)


def test_a_source_match_without_a_source_says_what_to_name():
    with pytest.raises(InputError, match="source='cityscapes'.* camvid, cityscapes, demo"):
        SyMPIEDataPreprocessor(enhancer=dict(type='SourceMatch'))


def test_dark_frames_behind_an_enhancer_that_does_not_clamp():
    """A mean of 5 brightened to 110 makes 22 times white of a lamp: no reason to stop."""
    dark = torch.full((1, 3, 40, 40), 5, dtype=torch.uint8)
    dark[..., :2, :2] = 255
    preprocessor = SyMPIEDataPreprocessor(enhancer=[dict(type='MeanMatch'), dict(type='CLAHE')])
    assert 80 < preprocessor.enhance(dark).mean() < 140


def test_a_source_that_is_no_json_is_named(tmp_path):
    (tmp_path / 'mine.json').write_text('black: 20')
    with pytest.raises(InputError, match='mine.json is not JSON'):
        load_source(str(tmp_path / 'mine.json'))
