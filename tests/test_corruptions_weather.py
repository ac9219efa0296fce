"""Weather corruptions: hand-worked values, golden data, properties."""
import math

import pytest
import torch
from corruption_golden import (
    corrupted,
    deterministic,
    golden_photographs,
    golden_statistics,
    statistics,
)

from mmseg_sympie.corruptions import cpu, filters, liquid, textures

NAMES = ['brightness', 'fog', 'frost', 'snow', 'spatter']
RANDOM = NAMES[1:]
SEVERITIES = [1, 2, 3, 4, 5]


@pytest.fixture(scope='module')
def photographs(real_data):
    return golden_photographs(real_data)


def flat(*rgb, count=1, side=64):
    return torch.tensor(rgb).view(1, 3, 1, 1).expand(count, 3, side, side)


def noise_image(height, width, count=1):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(9))


# Values worked out by hand.

@pytest.mark.parametrize('rgb, severity, wanted', [
    ((0.5, 0.25, 0.0), 1, (0.6, 0.3, 0.0)),
    ((0.0, 0.0, 0.0), 3, (0.3, 0.3, 0.3)),
    ((0.8, 0.4, 0.2), 5, (1.0, 0.5, 0.25)),
])
def test_brightness_by_hand(rgb, severity, wanted):
    torch.testing.assert_close(corrupted('brightness', flat(*rgb, side=1), severity),
                               flat(*wanted, side=1))


def test_plasma_fractal_by_hand():
    # Size 2 has one draw for each point but the first: the middle, right and below it.
    generator = torch.Generator().manual_seed(3)
    (_, right), (below, middle) = (cpu.rand(1, 1, 2, 2, generator=generator) * 2 - 1)[0, 0]
    wanted = torch.stack([torch.zeros(()), right + middle / 2, below + middle / 2, middle])
    wanted = (wanted - wanted.min()) / (wanted.max() - wanted.min())
    fractal = textures.plasma_fractal(2, torch.ones(1, 1, 1, 1),
                                      torch.Generator().manual_seed(3))
    torch.testing.assert_close(fractal.flatten(), wanted)


def test_fog_scales_to_the_old_maximum():
    # The clouds span [0, 1], so a flat image v spans v k to (v + density) k = v.
    result = corrupted('fog', flat(0.5, 0.5, 0.5), 1)
    torch.testing.assert_close(result.max(), torch.tensor(0.5))
    torch.testing.assert_close(result.min(), torch.tensor(0.5 * 0.5 / (0.5 + 1.5)))


def test_frost_weights():
    dark, bright = (corrupted('frost', flat(value, value, value), 5) for value in (0.0, 0.1))
    shows = (bright < 1) & (dark < 1)
    torch.testing.assert_close((bright - dark)[shows], torch.full_like(dark, 0.06)[shows])
    assert corrupted('frost', flat(0.0, 0.0, 0.0), 1).max() <= 0.4


def test_snow_whitens_between_flakes():
    # Where no flake falls, 0.8 v + 0.2 max(v, 1.5 v + 0.5).
    result = corrupted('snow', flat(0.2, 0.2, 0.2, side=224), 1)
    torch.testing.assert_close(result.min(), torch.tensor(0.8 * 0.2 + 0.2 * 0.8))


def test_snow_is_symmetric():
    result = corrupted('snow', flat(0.0, 0.0, 0.0), 3)
    torch.testing.assert_close(result, result.flip(2, 3))


def test_spatter_colours():
    black = flat(0.0, 0.0, 0.0, side=128)
    drops = corrupted('spatter', black, 2)
    torch.testing.assert_close(drops[0].amax((1, 2)), 0.6 * torch.tensor([175, 238, 238]) / 255)
    assert drops.min() == 0
    mud = corrupted('spatter', flat(1.0, 1.0, 1.0, side=128), 4)
    torch.testing.assert_close(mud[0].amin((1, 2)), torch.tensor([63, 42, 20]) / 255,
                               atol=3e-3, rtol=0)
    assert mud.max() == 1


def test_line_kernel():
    weight = torch.tensor([[4.0, 2.0, 2.0], [4.0, 2.0, 2.0], [4.0, 2.0, 2.0]])
    kernel = filters.line_kernel(weight, torch.tensor([0.0, 90.0, 45.0]).deg2rad())[:, 0]
    wanted = torch.tensor([[[0, 0, 0], [2, 1, 1], [0, 0, 0]], [[0, 1, 0], [0, 1, 0], [0, 2, 0]],
                           [[0, 0, 1], [0, 1, 0], [2, 0, 0]]]) / 4
    torch.testing.assert_close(kernel, wanted)


@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('severity,strength', [(1, 0.6), (2, 0.6), (3, 0.5)])
def test_a_drop_of_water_is_embossed(severity, strength):
    """Dry around, full light in the middle; near the rim light at the upper left, then shadow."""
    y, x = torch.meshgrid(torch.arange(101) - 50, torch.arange(101) - 50, indexing='ij')
    radius = (x ** 2 + y ** 2).float().sqrt()
    light = liquid.water((radius < 30).float()[None, None] * 2 - 1, torch.tensor([severity]))[0, 0]
    assert (light[radius > 30] == 0).all()
    middle = light[radius < 15]
    torch.testing.assert_close(middle, torch.full_like(middle, strength), atol=1e-3, rtol=0)
    rim = (radius > 21) & (radius < 26)
    upper_left, lower_right = (light[rim & (sign * (x + y) > 25)] for sign in (-1, 1))
    assert upper_left.min() > 0.2 * strength and lower_right.max() < 0.1 * strength


def test_distance_of_a_disk():
    y, x = torch.meshgrid(torch.arange(41) - 20, torch.arange(41) - 20, indexing='ij')
    radius = (x ** 2 + y ** 2).float().sqrt()
    rim = ((radius - 10).abs() < 0.5).float()[None, None]
    near = (radius - 10).abs() < 7
    error = (liquid._distance(rim)[0, 0] - (radius - 10).abs())[near]
    assert error.abs().max() < 0.75 and abs(error.mean()) < 0.15


def test_equalised():
    level = torch.tensor([[1, 1, 2, 2, 2, 4], [3, 3, 3, 3, 3, 3]]).view(2, 1, 2, 3).float()
    wanted = torch.tensor([[0, 0, 0.75, 0.75, 0.75, 1], [0, 0, 0, 0, 0, 0]]).view(2, 1, 2, 3)
    torch.testing.assert_close(liquid._equalised(level), wanted)


# Golden data.

@pytest.mark.parametrize('severity', SEVERITIES)
def test_brightness_matches_golden(photographs, severity):
    result = corrupted('brightness', photographs[:1], severity)[0].permute(1, 2, 0)[::8, ::8]
    wanted = torch.from_numpy(deterministic('brightness', severity))
    assert ((result * 255).round() - wanted).abs().max() <= 1


# Draws of the four photographs, and how many spreads from the golden mean are allowed. The golden
# mean is over three seeds, and images differ much from seed to seed: over 60 or more, the published
# implementation itself is up to 1.0 (fog), 0.5 (frost) and 0.8 (spatter) spreads away from it.
DRAWS = {'brightness': (1, 0.15), 'fog': (8, 1.25), 'frost': (8, 0.9), 'snow': (3, 0.6),
         'spatter': (6, 1.25)}


@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('severity', SEVERITIES)
@pytest.mark.parametrize('name', NAMES)
def test_statistics_match_golden(photographs, name, severity):
    draws, allowed = DRAWS[name]
    image = photographs.repeat(draws, 1, 1, 1)
    measured = statistics(image, corrupted(name, image, severity)).mean(dim=0)
    mean, spread = golden_statistics(name, severity)
    deviation = (measured - mean) / spread
    assert deviation.abs().max() <= allowed, deviation


# Properties.

@pytest.mark.slow
@pytest.mark.usefixtures('either_way')
@pytest.mark.parametrize('size', [(1, 1), (3, 7), (1, 40), (97, 131), (400, 90)])
@pytest.mark.parametrize('name', NAMES)
def test_any_size(name, size):
    image = noise_image(*size, count=5)
    before = image.clone()
    result = corrupted(name, image, torch.arange(1, 6))
    assert result.shape == image.shape and result.dtype == torch.float32
    assert result.isfinite().all() and 0 <= result.min() and result.max() <= 1
    assert torch.equal(image, before)


@pytest.mark.parametrize('name', RANDOM)
def test_seeds(name):
    image = noise_image(64, 48, count=1).repeat(2, 1, 1, 1)
    first = corrupted(name, image, 3)
    assert torch.equal(first, corrupted(name, image, 3))
    assert not torch.equal(first, corrupted(name, image, 3, seed=1))
    assert not torch.equal(first[0], first[1])  # each image draws for itself


def test_brightness_of_a_batch_is_that_of_its_images():
    image = noise_image(20, 30, count=5)
    batch = corrupted('brightness', image, torch.arange(1, 6))
    for i in range(5):
        assert torch.equal(batch[i:i + 1], corrupted('brightness', image[i:i + 1], i + 1))


@pytest.mark.parametrize('name', RANDOM)
def test_mixed_severities(name):
    """Each row of a mixed batch changes as much as a batch of its own severity does."""
    image = torch.full((40, 3, 64, 64), 0.4)
    mixed = corrupted(name, image, torch.tensor([2, 5]).repeat(20))
    for row, severity in ((0, 2), (1, 5)):
        alone = corrupted(name, image, severity, seed=1).mean((1, 2, 3))
        error = mixed[row::2].mean() - alone.mean()
        assert error.abs() < 4 * alone.std() / math.sqrt(20)
