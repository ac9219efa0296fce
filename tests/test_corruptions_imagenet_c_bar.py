"""ImageNet-C-bar: hand-worked values, the published formulas pixel by pixel, statistics."""
import cmath
import math

import pytest
import torch

from mmseg_sympie.corruptions.imagenet_c_bar import IMAGENET_C_BAR
from mmseg_sympie.corruptions.imagenet_c_bar.noise import gradient_noise, plasma
from mmseg_sympie.corruptions.imagenet_c_bar.sparkles import glow
from mmseg_sympie.corruptions.imagenet_c_bar.spectrum import noise_of_spectrum
from mmseg_sympie.corruptions.imagenet_c_bar.waves import caustics, refracted

NAMES = list(IMAGENET_C_BAR)
SIZES = [(1, 1), (3, 7), (97, 131), (300, 40)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def corrupted(name, image, severity, seed=0):
    severity = torch.as_tensor(severity).expand(len(image))
    return IMAGENET_C_BAR[name](image, severity, generator(seed))


def grey(count, size, level=0.5):
    return torch.full((count, 3, size, size), level)


def scalars(*numbers):
    return [torch.tensor(number).view(1, 1, 1, 1) for number in numbers]


def test_ten_published_names():
    assert sorted(NAMES) == ['blue_noise_sample', 'brownish_noise', 'caustic_refraction',
                             'checkerboard_cutout', 'cocentric_sine_waves', 'inverse_sparkles',
                             'perlin_noise', 'plasma_noise', 'single_frequency_greyscale',
                             'sparkles']


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('height, width', SIZES)
def test_any_size_in_range_and_seeded(name, height, width):
    image = torch.rand(5, 3, height, width, generator=generator(9))
    before = image.clone()
    severity = torch.tensor([1, 2, 3, 4, 5])
    result = corrupted(name, image, severity)
    assert torch.equal(image, before)
    assert result.shape == image.shape and result.dtype == torch.float32
    assert 0 <= result.min() and result.max() <= 1  # fails on NaN, too
    assert torch.equal(result, corrupted(name, image, severity))
    if height > 3:
        assert not torch.equal(result, corrupted(name, image, severity, seed=1))
    torch.testing.assert_close(corrupted(name, image.double(), severity), result)


@pytest.mark.parametrize('name', NAMES)
def test_stronger_with_severity_and_each_image_its_own(name):
    """Forty images of one batch, eight of each severity; none has the pattern of another."""
    image = torch.rand(1, 3, 16, 16, generator=generator(4)).repeat_interleave(4, 2)
    image = image.repeat_interleave(4, 3).repeat(40, 1, 1, 1)
    result = corrupted(name, image, torch.arange(1, 6).repeat_interleave(8))
    difference = (result - image).square().mean(dim=(1, 2, 3)).view(5, 8).mean(dim=1)
    assert (difference.diff() > 0).all(), difference
    for one in range(8):
        for other in range(one):
            assert not torch.allclose(result[one], result[other])


def test_blue_noise_sample_takes_the_published_share():
    """Severities 1 and 5 threshold at -2.26 and -0.82 deviations: 1.19% and 20.6% are black."""
    for severity, share in ((1, 0.0119), (5, 0.2061)):
        result = corrupted('blue_noise_sample', grey(8, 128), severity)
        assert set(result.unique().tolist()) == {0.0, 0.5}
        assert (result == 0).float().mean() == pytest.approx(share, rel=0.03)
        assert torch.equal(result[:, 0], result[:, 1])


def test_noise_has_its_spectrum():
    """Amplitude proportional to frequency, also where the image is not square."""
    noise = noise_of_spectrum(torch.empty(200, 3, 24, 48), 1, lambda frequency: frequency,
                              generator())
    torch.testing.assert_close(noise.std(dim=(2, 3), correction=0), torch.ones(200, 1))
    power = torch.fft.fft2(noise).abs().square().mean(dim=(0, 1))
    # (y, x) bins; in cycles a pixel 1/24, 4/24, the same along x, and the diagonal of the first.
    rise = [power[4, 0] / power[1, 0], power[0, 8] / power[0, 2], power[1, 2] / power[1, 0]]
    assert [float(ratio) for ratio in rise] == pytest.approx([16, 16, 2], rel=0.35)
    assert power[0, 0] < 1e-6


def test_brownish_noise_deviation():
    """6.4 grey levels at severity 1 in each channel, each with its own noise."""
    noise = (corrupted('brownish_noise', grey(4, 64), 1) - 0.5) * 255
    torch.testing.assert_close(noise.std(dim=(2, 3), correction=0), torch.full((4, 3), 6.4),
                               rtol=1e-4, atol=0)
    assert (noise[:, 0] - noise[:, 1]).abs().mean() > 1


def test_checkerboard_by_its_share():
    """At severity 5, 6 / 10 of the dark half of the squares are 128, the rest is untouched."""
    image = torch.rand(150, 3, 48, 48, generator=generator(1))
    result = corrupted('checkerboard_cutout', image, 5)
    cut = (result == 128 / 255).all(dim=1, keepdim=True)
    assert torch.equal(torch.where(cut, image, result), image)
    assert cut.float().mean() == pytest.approx(0.3, abs=0.015)
    # A square and a right neighbour are never both cut: no run is longer than the diagonal.
    assert cut.all(dim=3).sum() == 0


def test_single_frequency_is_one_wave():
    """19.6 times 5 grey levels high, mean square half of that squared, one pair of frequencies."""
    wave = corrupted('single_frequency_greyscale', grey(20, 64), 5) - 0.5
    assert torch.equal(wave[:, 0], wave[:, 2])
    assert wave.abs().max() * 255 == pytest.approx(98, abs=0.2)
    assert wave.square().mean() * 255 ** 2 == pytest.approx(98 ** 2 / 2, rel=0.03)
    # A plane wave: w(x - 1) + w(x + 1) = 2 cos(f) w(x), with one f for the whole image.
    image = wave[0, 0].double()
    for rows in (image, image.T):
        around, middle = rows[:-2] + rows[2:], rows[1:-1]
        factor = (around * middle).sum() / middle.square().sum()
        torch.testing.assert_close(around, factor * middle, atol=1e-4, rtol=0)


def test_cocentric_sine_waves_is_a_sawtooth():
    """12.8 times 10 grey levels from -1/2 to 1/2, all equally often."""
    wave = (corrupted('cocentric_sine_waves', grey(60, 64), 5) - 0.5) * 255
    assert torch.equal(wave[:, 0], wave[:, 1])
    assert -64.001 <= wave.min() < -63.9 and 63.9 < wave.max() <= 64.001
    assert wave.square().mean() == pytest.approx(128 ** 2 / 12, rel=0.02)


def test_glow_by_hand():
    """Four rays of 10 pixels around (50, 50), so that they point up, left, down and right."""
    image = torch.empty(1, 3, 101, 101)
    rays = torch.tensor([4]).view(1, 1, 1, 1)
    centre = scalars(50.0, 50.0)
    light = glow(image, centre, rays, torch.full((1, 6), 10.0), *scalars(1.0))[0, 0]
    assert light[70, 50] == pytest.approx(0.75 / 4)  # on a ray, twice its length away
    assert light[70, 70] == pytest.approx(1 / 8)  # between two rays
    assert light[50, 50] == light[52, 50] == 1
    light = glow(image, centre, rays, torch.full((1, 6), 10.0), *scalars(0.5))[0, 0]
    assert light[70, 50] == pytest.approx(0.75 / 2)
    # Rays are counted from up towards the left: 0 up, 1 left, 2 down, 3 right; 4 and 5 unused.
    lengths = torch.tensor([[8.0, 0, 20.0, 10.0, 99, 99]])
    light = glow(image, centre, rays, lengths, *scalars(1.0))[0, 0]
    assert light[90, 50] == pytest.approx(0.75 / 4)
    assert light[50, 70] == pytest.approx(0.75 / 4)
    assert light[80, 80] == pytest.approx(15 ** 2 / (2 * 30 ** 2))
    assert light[34, 66] == pytest.approx(9 ** 2 / (2 * 16 ** 2))  # the last ray and the first
    assert light[50, 30] == 0


def test_sparkles_lighten_and_inverse_sparkles_leave_a_hole():
    image = torch.rand(6, 3, 64, 64, generator=generator(1))
    lit = corrupted('sparkles', image, 5)
    assert (lit >= image - 1e-6).all() and (lit > 0.999).all(dim=1).flatten(1).any(dim=1).all()
    lit = corrupted('inverse_sparkles', image, 5)
    assert (lit >= image - 1e-6).all()
    kept = 1 - (1 - lit).sum(1) / (1 - image).sum(1)
    assert (kept.flatten(1).amin(1) < 0.01).all()  # fully kept somewhere
    assert (kept[:, ::63, ::63].flatten(1).amax(1) > 0.5).all()  # half white in a corner


def test_gradient_noise_by_hand():
    """One gradient (1, 0) at the first lattice point, lattice points two pixels apart."""
    gradients = torch.zeros(1, 2, 3, 3)
    gradients[0, 0, 0, 0] = 1
    noise = gradient_noise(3, 3, 2.0, gradients)[0]
    # At half a cell down: weight 0.5 times offset 0.5, and another 0.5 half a cell to the right.
    torch.testing.assert_close(noise, 1.5 * torch.tensor([[0, 0, 0], [0.25, 0.125, 0], [0, 0, 0]]))
    gradients = torch.zeros(1, 2, 3, 3)
    gradients[0, 1, 1, 1] = 2
    noise = gradient_noise(8, 8, 4.0, gradients)[0]
    # A quarter of a cell left of it w = 3 (3/4)^2 - 2 (3/4)^3 = 0.84375, offset -0.25.
    assert noise[4, 3] == pytest.approx(1.5 * 2 * 0.84375 * -0.25)
    assert noise[5, 3] == pytest.approx(1.5 * 2 * 0.84375 * -0.25 * 0.84375)


def test_perlin_noise_by_hand():
    """Turbulence is 0 at the first pixel: (1 - a) image + a / 2, with a = 0.23 to 0.44."""
    image = torch.rand(5, 3, 56, 56, generator=generator(2))
    result = corrupted('perlin_noise', image, torch.arange(1, 6))
    alpha = torch.tensor([0.23, 0.26, 0.29, 0.38, 0.44]).view(5, 1)
    torch.testing.assert_close(result[..., 0, 0], (1 - alpha) * image[..., 0, 0] + alpha / 2)
    noise = result - (1 - alpha.view(5, 1, 1, 1)) * image
    torch.testing.assert_close(noise[:, 0], noise[:, 1])
    assert (noise > alpha.view(5, 1, 1, 1) / 2 - 1e-5).all()


def test_plasma_noise_replaces_light():
    """At severity 5 i = 64 / 255: white falls by at most 2 i and black rises by at most i."""
    white, black = (corrupted('plasma_noise', grey(8, 48, level), 5) for level in (1.0, 0.0))
    assert white.min() == pytest.approx(1 - 128 / 255, abs=1e-3)
    assert black.max() == pytest.approx(64 / 255, abs=1e-3)
    # Where the noise n is positive black shows i n, and white the same more than 1 - i.
    positive = black > 0
    torch.testing.assert_close(white[positive] - black[positive],
                               torch.full_like(black[positive], 1 - 64 / 255))


@pytest.mark.parametrize('folds', [4, 6])
def test_plasma_against_complex_arithmetic(folds):
    """A fold moves z = x + i y by (1 + 0.3 i) (cos(f y + s) + i sin(f x + s)) / d."""
    time, sharpness = 7.3, 0.62
    points = [0.0, 0.4, 1.7, 5.9]
    noise = plasma(torch.tensor(points).view(1, 1, -1, 1), torch.tensor(points).view(1, 1, 1, -1),
                   *scalars(time), torch.tensor(folds).view(1, 1, 1, 1), *scalars(sharpness))
    for i, row in enumerate(points):
        for j, column in enumerate(points):
            z = complex(column, row)
            for k in range(folds):
                frequency, phase = 1.93 ** k, time / 1.15 ** k
                z += (1 + 0.3j) * complex(
                    math.cos(frequency * z.imag + phase),
                    math.sin(frequency * z.real + phase)) / (2.25 - sharpness) ** k
            wanted = [math.sin(z.real - time), math.sin((z.real + z.imag + math.sin(time)) / 2),
                      math.sin(z.imag + time)]
            assert noise[0, :, i, j].tolist() == pytest.approx(wanted, abs=1e-3)


def test_caustics_against_complex_arithmetic():
    """The published angles, which start at -250, in double precision.

    cos(t - y) + sin(t + x) and sin(t - x) + cos(t + y) are parts of unit phasors.
    """
    time = 1.37
    points = [0.0, 0.13, 0.5, 0.86, 1.2]
    light = caustics(torch.tensor(points).view(1, 1, -1, 1), torch.tensor(points).view(1, 1, 1, -1),
                     *scalars(time))
    for i, row in enumerate(points):
        for j, column in enumerate(points):
            start = complex(row % 1, column % 1) * 2 * math.pi - (250 + 250j)
            z, total = start, 1.0
            for step in range(1, 6):
                t = time * (1 - 3.5 / step)
                z = start + complex(
                    cmath.exp(1j * (t - z.real)).real + cmath.exp(1j * (t + z.imag)).imag,
                    cmath.exp(1j * (t - z.imag)).imag + cmath.exp(1j * (t + z.real)).real)
                total += 1 / abs(complex(0.005 * start.real / math.sin(z.real + t),
                                         0.005 * start.imag / math.cos(z.imag + t)))
            wanted = min(abs(1.17 - (total / 5) ** 1.4) ** 8, 1)
            assert light[0, 0, i, j] == pytest.approx(wanted, abs=1e-3)


def test_refraction_by_hand():
    """A tilt of 3 : 4 : 5. Snell: sin 0.8 becomes 0.2, so the ray turns by 53.13 - 11.54 degrees.
    """
    direction = refracted(*scalars(4 / 3, 0.0)).flatten().tolist()
    turned = math.asin(0.8) - math.asin(0.2)
    assert direction == pytest.approx([math.sin(turned), 0], abs=1e-6)
    direction = refracted(*scalars(0.0, -4 / 3)).flatten().tolist()
    assert direction == pytest.approx([0, -math.sin(turned)], abs=1e-6)
    assert refracted(*scalars(0.02, -0.03)).abs().max() == 0  # too flat


def test_caustic_refraction_moves_and_lights():
    """Away from the border a grey image keeps its grey and gets light of mean zero."""
    light = corrupted('caustic_refraction', grey(20, 96), 1)[..., 16:-16, 16:-16] - 0.5
    torch.testing.assert_close(light[:, 0], light[:, 1])
    assert light.mean().abs() < 0.01 < light.std()
    # A ramp shows that pixels are moved: by what is left when the light is taken out.
    ramp = torch.arange(96).expand(20, 3, 96, 96) / 96 * torch.tensor([0.2, 1, 1]).view(3, 1, 1)
    moved = corrupted('caustic_refraction', ramp, 5)[..., 16:-16, 16:-16]
    inside = ((moved > 0) & (moved < 1)).all(dim=1)
    shift = ((moved - ramp[..., 16:-16, 16:-16])[:, 1] -
             (moved - ramp[..., 16:-16, 16:-16])[:, 0])[inside] / 0.8 * 96
    assert 0.3 < shift.abs().mean() < 0.05 * 9.15 * 96
