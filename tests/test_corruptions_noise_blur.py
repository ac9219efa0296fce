"""Noise and blur against hand-worked values, the golden data and their own promises."""
import math

import corruption_golden as golden
import numpy as np
import pytest
import torch

from mmseg_sympie.corruptions import cpu
from mmseg_sympie.corruptions.blur import (
    defocus_blur,
    enlarge_by_loops,
    enlarge_in_turn,
    gaussian_blur,
    glass_blur,
    motion_blur,
    motion_blur_along,
    shuffle_at_once,
    zoom_blur,
)
from mmseg_sympie.corruptions.filters import correlate_by_fft, correlate_directly
from mmseg_sympie.corruptions.noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise

DETERMINISTIC = [defocus_blur, gaussian_blur, zoom_blur]
NOISE = [gaussian_noise, shot_noise, impulse_noise, speckle_noise]
RANDOM = [*NOISE, glass_blur, motion_blur]
SEVERITIES = range(1, 6)
# The photographs through the `imagecorruptions` package (1.1.5), mean of six seeds.
GLASS_OF_IMAGENET_C = [
    [144.66, 140.76, 134.76, 48.76, 51.26, 55.10, 4.725, 478.7],
    [144.61, 140.69, 134.69, 47.17, 49.83, 53.71, 3.530, 456.6],
    [144.93, 141.07, 135.15, 45.75, 48.63, 52.65, 3.178, 856.3],
    [144.85, 140.99, 135.05, 44.39, 47.44, 51.50, 2.710, 775.1],
    [144.88, 141.01, 135.10, 42.43, 45.79, 49.84, 1.816, 849.8]]
# What NumPy draws for the golden data's seeds 0, 1 and 2, with which it starts every photograph.
GOLDEN_ANGLES_DEG = [4.3932, -7.4680, -5.7605]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def apply(function, image, severity, seed=0):
    return function(image, torch.full((len(image),), severity), seeded(seed))


def grey(value, size=200):
    return torch.full((1, 3, size, size), value)


def dot(size, y, x):
    image = torch.zeros(1, 3, size, size)
    image[..., y, x] = 1
    return image


@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('function, value, severity, std', [
    (gaussian_noise, 0.5, 1, 0.08), (gaussian_noise, 0.5, 2, 0.12),
    (speckle_noise, 0.5, 1, 0.075), (speckle_noise, 0.25, 3, 0.0875),
    (shot_noise, 0.5, 1, math.sqrt(0.5 / 60)), (shot_noise, 0.1, 2, math.sqrt(0.1 / 25))])
def test_noise_has_the_standard_deviation_and_no_bias(function, value, severity, std):
    noisy = apply(function, grey(value), severity)
    assert noisy.mean() == pytest.approx(value, abs=0.003)
    assert noisy.std() == pytest.approx(std, rel=0.02)


def test_uniform_numbers():
    numbers = cpu.rand(3, 501, 333, generator=seeded())
    assert numbers.shape == (3, 501, 333) and numbers.dtype == torch.float32
    assert 0 <= numbers.min() and numbers.max() < 1
    assert torch.equal(numbers * 2 ** 24, (numbers * 2 ** 24).round())
    share = torch.histc(numbers, 100, 0, 1) / numbers.numel()
    assert (share - 0.01).abs().max() < 5 * (0.01 / numbers.numel()) ** 0.5
    flat = numbers.flatten() - 0.5
    for lag in (1, 2, 333):  # the two halves of one draw, two draws, two rows
        assert abs((flat[lag:] * flat[:-lag]).mean()) < 5 / 12 / numbers.numel() ** 0.5
    generator = seeded()
    assert torch.equal(cpu.rand(3, 501, 333, generator=generator), numbers)
    assert not torch.equal(cpu.rand(3, 501, 333, generator=generator), numbers)


def test_shot_noise_counts_photons():
    photons = apply(shot_noise, grey(0.3), 5) * 3
    torch.testing.assert_close(photons, photons.round())
    assert (photons == 0).float().mean() == pytest.approx(math.exp(-0.9), abs=0.005)


@pytest.mark.parametrize('severity, share', [(1, 0.03), (5, 0.27)])
def test_impulse_noise_is_half_salt_half_pepper(severity, share):
    noisy = apply(impulse_noise, grey(0.5), severity)
    shares = [(noisy == value).float().mean().item() for value in (0, 0.5, 1)]
    assert shares == pytest.approx([share / 2, 1 - share, share / 2], abs=0.005)


def test_gaussian_blur_of_a_dot():
    # 1 / (1 + 2 (e^-0.5 + e^-2 + e^-4.5 + e^-8)) = 0.398943, and e^-0.5 of that.
    blurred = apply(gaussian_blur, dot(11, 5, 5), 1)[0, 0]
    assert blurred[5, 5] == pytest.approx(0.398943 ** 2, abs=1e-5)
    assert blurred[5, 6] == pytest.approx(0.398943 * 0.241971, abs=1e-5)
    assert blurred[5, 10] == 0  # cut off at four sigma


def test_defocus_blur_of_a_dot_is_a_disk():
    # 29 pixels lie within 3 of the centre.
    blurred = apply(defocus_blur, dot(21, 10, 10), 1)[0, 0] * 29
    wanted = [(10, 10, 1), (13, 10, 1), (12, 8, 1), (13, 11, 0), (14, 10, 0)]
    for y, x, value in wanted:
        assert blurred[y, x] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize('angle, dy, dx, second', [
    (0.0, 0, 1, 0.945959),
    # Steps 1 and 2 along the diagonal, 0.71 and 1.41 pixels, both round to 1.
    (45.0, 1, 1, 0.945959 + 0.800737), (-45.0, -1, 1, 0.945959 + 0.800737)])
def test_motion_blur_of_a_dot_is_half_a_gaussian_along_a_line(angle, dy, dx, second):
    # 1 / sum of e^(-i^2 / 18), i = 0..20, is 0.234745; e^(-1/18) = 0.945959, e^(-4/18) = 0.800737.
    blurred = motion_blur_along(dot(61, 30, 30), torch.tensor([1]), torch.tensor([angle]))[0, 0]
    assert blurred[30, 30] == pytest.approx(0.234745, abs=1e-5)
    assert blurred[30 - dy, 30 - dx] == pytest.approx(0.234745 * second, abs=1e-5)
    assert blurred[30 + dy, 30 + dx] == pytest.approx(0, abs=1e-6)
    assert blurred.sum() == pytest.approx(1, abs=1e-5)


def test_zoom_blur_leaves_what_is_too_small_to_enlarge():
    image = torch.rand(1, 3, 3, 4, generator=seeded())
    torch.testing.assert_close(apply(zoom_blur, image, 1), image)


@pytest.mark.parametrize('function', [gaussian_blur, zoom_blur, motion_blur, defocus_blur])
def test_blur_leaves_one_colour(function):
    torch.testing.assert_close(apply(function, grey(0.5, 50), 3), grey(0.5, 50))


@pytest.mark.parametrize('displace', [cpu.shuffle_pixels, shuffle_at_once])
def test_glass_displacement_is_uniform_where_no_chain_forms(displace):
    # With reach 1 the offsets are -1 and 0, so that nothing comes later in the image.
    place = torch.arange(102 * 102.0).view(1, 1, 102, 102).expand(1, 3, -1, -1)
    source = displace(place, torch.rand(1, 102, 102, generator=seeded()), torch.tensor([1]))
    source = source[0, 0].long()
    y, x = torch.arange(102)[:, None], torch.arange(102)
    down, right = source // 102 - y, source % 102 - x
    for offset in (down, right):
        assert not offset[:2].any() and not offset[:, :2].any()  # the border stays
        assert set(offset.unique().tolist()) == {-1, 0}
        assert offset[2:, 2:].float().mean() == pytest.approx(-0.5, abs=0.02)


@pytest.mark.parametrize('displace', [cpu.shuffle_pixels, shuffle_at_once])
def test_glass_displacement_follows_chains_like_a_walk_over_the_pixels(displace):
    image, chance = (torch.rand(2, *shape, generator=seeded()) for shape in ((3, 40, 30), (40, 30)))
    reach = torch.tensor([4, 2])
    walked = image.clone()
    for each, chances, most in zip(walked, chance, reach.tolist()):
        for y in range(40 - most, most, -1):
            for x in range(30 - most, most, -1):
                cell = int(chances[y, x] * (2 * most) ** 2)
                dy, dx = cell // (2 * most) - most, cell % (2 * most) - most
                each[:, y, x] = each[:, y + dy, x + dx]
    assert torch.equal(displace(image, chance, reach), walked)


@pytest.mark.parametrize('size', [(1, 1), (3, 4), (97, 131)])
def test_enlarging_by_loops_or_in_turn(size):
    image = torch.rand(2, 3, *size, generator=seeded())
    for factors in ([1.01, 1.3], [1 + 0.03 * k for k in range(1, 11)]):
        torch.testing.assert_close(enlarge_by_loops(image, factors),
                                   enlarge_in_turn(image, factors), atol=5e-5, rtol=0)


@pytest.mark.parametrize('size', [(1, 1), (3, 9), (61, 41)])
@pytest.mark.parametrize('by', [correlate_directly, correlate_by_fft])
@pytest.mark.parametrize('count', [1, 2])
def test_correlation_on_a_cpu_and_elsewhere(by, size, count):
    padded = torch.rand(count, 3, size[0] + 40, size[1] + 52, generator=seeded())
    kernel = torch.rand(count, 1, *size, generator=seeded(1)) / (size[0] * size[1])
    kernel[kernel < 0.3 * kernel.amax()] = 0
    torch.testing.assert_close(cpu.correlate(padded, kernel), by(padded, kernel), atol=1e-6, rtol=0)


def test_poisson_counts_have_their_distribution():
    mean, most = torch.tensor([0.0, 0.3, 4.0, 20.0]), torch.tensor([3, 3, 12, 60])
    image = mean.view(4, 1, 1, 1).expand(-1, 1, 300, 300)
    count = cpu.poisson(image, most.view(4, 1, 1, 1), seeded())
    for counted, expected, limit in zip(count.flatten(1), mean.double(), most):
        number = torch.arange(int(limit) + 1)
        share = torch.exp(number * expected.log().clamp(min=-99) - expected
                          - torch.lgamma(number + 1.0))
        share[-1] += 1 - share.sum()
        found = torch.bincount(counted.long(), minlength=len(number)) / counted.numel()
        assert len(found) == len(number)
        assert ((found - share).abs() <= 5 * (share / counted.numel()).sqrt() + 1e-6).all()


@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('function', DETERMINISTIC)
def test_deterministic_blur_matches_the_golden_data(function, real_data):
    photographs = golden.golden_photographs(real_data)
    for severity in SEVERITIES:
        blurred = apply(function, photographs, severity)
        seen = (blurred[0, :, ::8, ::8] * 255).round().permute(1, 2, 0).numpy()
        wanted = golden.deterministic(function.__name__, severity).astype(float)
        assert np.abs(seen - wanted).max() <= 1
        mean, _ = golden.golden_statistics(function.__name__, severity)
        np.testing.assert_allclose(golden.statistics(photographs, blurred).mean(0), mean,
                                   atol=0.05)


@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('function', NOISE)
def test_noise_matches_the_golden_statistics(function, real_data):
    photographs = golden.golden_photographs(real_data)
    for severity in SEVERITIES:
        mean, spread = golden.golden_statistics(function.__name__, severity)
        noisy = apply(function, photographs, severity)
        difference = golden.statistics(photographs, noisy).mean(0) - mean
        assert (difference.abs() <= 0.5 * spread).all(), (severity, difference)
        # The golden draws are few: they are known to 0.3 levels, and 1% in the last column.
        assert difference[:-1].abs().max() < 0.7
        assert difference[-1].abs() < 0.02 * mean[-1] + 10


@pytest.mark.usefixtures('either_way')
def test_motion_blur_matches_the_golden_statistics_at_their_angles(real_data):
    photographs = golden.golden_photographs(real_data)
    for severity in SEVERITIES:
        mean, spread = golden.golden_statistics('motion_blur', severity)
        ours = torch.stack([
            golden.statistics(photographs, motion_blur_along(
                photographs, torch.full((4,), severity), torch.full((4,), angle))).mean(0)
            for angle in GOLDEN_ANGLES_DEG]).mean(0)
        assert ((ours - mean).abs() <= 0.03 * spread).all(), severity


@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('severity', SEVERITIES)
def test_glass_blur_leaves_every_grey_level(severity):
    image = torch.arange(256).div(255).view(-1, 1, 1, 1).expand(-1, 3, 20, 20)
    torch.testing.assert_close(apply(glass_blur, image, severity), image)


@pytest.mark.usefixtures('either_way')
def test_glass_blur_matches_imagenet_c(real_data):
    """The golden glass blur mixes the colour channels, which ImageNet-C's does not."""
    photographs = golden.golden_photographs(real_data)
    tolerance = np.array([0.5] * 6 + [0.06, 25])
    for severity in SEVERITIES:
        ours = golden.statistics(photographs, apply(glass_blur, photographs, severity)).mean(0)
        difference = ours.numpy() - GLASS_OF_IMAGENET_C[severity - 1]
        assert (np.abs(difference) < tolerance).all(), (severity, difference)
        mean, spread = golden.golden_statistics('glass_blur', severity)
        inside = (ours - mean).abs() <= spread
        assert inside[:6].all() and inside[7]


@pytest.mark.slow
@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('function', [*DETERMINISTIC, *RANDOM])
@pytest.mark.parametrize('size', [(1, 1), (3, 7), (97, 131)])
def test_every_size_and_a_mixed_batch(function, size):
    image = torch.rand(5, 3, *size, generator=seeded())
    before, severity = image.clone(), torch.arange(1, 6)
    result = function(image, severity, seeded(1))
    assert result.shape == image.shape and result.dtype == torch.float32
    assert 0 <= result.min() and result.max() <= 1
    assert torch.equal(image, before) and result.data_ptr() != image.data_ptr()
    assert torch.equal(result, function(image, severity, seeded(1)))
    if function in DETERMINISTIC:
        alone = torch.cat([function(image[i:i + 1], severity[i:i + 1], seeded())
                           for i in range(5)])
        torch.testing.assert_close(result, alone, atol=1e-5, rtol=0)
    elif size == (97, 131):
        twice = function(image[:1].expand(2, -1, -1, -1), severity[[4, 4]], seeded())
        assert not torch.equal(*twice)
