"""What night and weather do to a camera's picture, by hand."""
import pytest
import torch

from mmseg_sympie.corruptions.camera import (
    AIRLIGHT,
    CAST,
    HORIZON,
    airlight,
    colour_cast,
    exposure,
    low_sun,
    snow_veil,
    wet_glare,
)
from mmseg_sympie.corruptions.pools import ALL, CAMERA, POOL


def generator():
    return torch.Generator().manual_seed(0)


def severities(severity, count=50):
    return torch.full((count,), severity)


@pytest.mark.parametrize('name', list(CAMERA)[1:])
@pytest.mark.parametrize('size', [(1, 1), (37, 50)])
def test_images_stay_images_and_severity_makes_it_worse(name, size):
    clean = torch.rand(20, 3, *size, generator=generator()) * 0.6 + 0.2
    before = clean.clone()
    harm = []
    for severity in (1, 5):
        found = ALL[name](clean, severities(severity, 20), generator())
        assert found.shape == clean.shape and found.dtype == torch.float32
        assert 0 <= found.min() and found.max() <= 1
        harm.append((found - clean).abs().mean())
    assert torch.equal(clean, before)
    assert size == (1, 1) or harm[1] > 1.5 * harm[0] > 0


def test_they_are_not_in_the_papers_pool():
    assert len(POOL) == 23 and not set(CAMERA) & set(POOL)


@pytest.mark.parametrize('severity', [1, 5])
def test_a_cast_is_a_gain_for_each_channel(severity):
    grey = torch.full((50, 3, 2, 2), 0.3)
    gain = colour_cast(grey, severities(severity), generator()) / 0.3
    assert torch.equal(gain, gain[..., :1, :1].expand_as(gain))
    logarithm = gain[..., 0, 0].log().abs()
    assert 0.9 * CAST[severity - 1] < logarithm.max() <= CAST[severity - 1] + 1e-5
    assert (gain[:, 0] != gain[:, 1]).any()


def test_exposure_clips_white_and_keeps_black_and_order():
    ramp = torch.linspace(0, 1, 11).view(1, 1, 1, 11).expand(50, 3, 1, 11)
    found = exposure(ramp, severities(5), generator())
    assert found[..., 0].max() == 0 and (found.diff(dim=-1) >= 0).all()
    assert (found[..., -2] == 1).any() and (found[..., -2] < 1).any()


def test_fog_hides_what_is_far():
    """At the horizon the share of the air is the constant; below, it falls with the distance."""
    black = torch.zeros(50, 3, 101, 1)
    found = airlight(black, severities(3), generator())[..., 0]
    assert torch.allclose(found[..., 0], found[..., int(HORIZON * 100)])
    share = found[..., 0] / AIRLIGHT[2]
    assert 0.42 <= share.min() and share.max() <= 0.78
    nearest = found[..., -1] / found[..., 0]
    assert torch.allclose(nearest, torch.exp(torch.tensor(-1.5)).expand_as(nearest), atol=1e-4)


def test_low_sun_is_warm_and_brightest_at_the_horizon():
    found = low_sun(torch.full((50, 3, 50, 80), 0.2), severities(4), generator())
    assert (found[:, 0].mean((1, 2)) > found[:, 2].mean((1, 2))).all()
    assert (found[:, :, 10].mean((1, 2)) > found[:, :, -1].mean((1, 2))).all()


def test_a_wet_road_mirrors_the_sky():
    image = torch.zeros(2, 3, 50, 4)
    image[:, :, :20] = 1  # sky above the horizon, at two fifths of the height
    found = wet_glare(image, severities(5, 2), generator())
    assert torch.equal(found[:, :, :20], image[:, :, :20])
    assert found[:, :, 25].min() > 0.5  # the sky, mirrored
    assert wet_glare(torch.zeros_like(image), severities(5, 2), generator()).max() == 0


def test_snow_takes_contrast():
    image = torch.rand(5, 3, 40, 40, generator=generator())
    found = snow_veil(image, severities(5, 5), generator())
    assert found.std() < 0.8 * image.std() and found.mean() > image.mean()
