"""RandomCorruption in a pipeline: channel order, types, seeds, what it records and refuses."""
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from torch.utils.data import DataLoader

from mmseg_sympie.corruptions import POOL
from mmseg_sympie.corruptions.imagenet_c_bar import IMAGENET_C_BAR
from mmseg_sympie.corruptions.transform import RandomCorruption
from mmseg_sympie.errors import InputError


def photograph(height=24, width=40, dtype=np.uint8):
    return np.random.RandomState(3).randint(0, 256, (height, width, 3)).astype(dtype)


def results(image=None, path='a.png'):
    return dict(img=photograph() if image is None else image, img_path=path)


def test_registered_under_the_scope():
    pipeline = Compose([dict(type='mmseg_sympie.RandomCorruption', corruptions=['darken'],
                             severities=[1])])
    np.testing.assert_array_equal(pipeline(results(np.full((2, 3, 3), 101, np.uint8)))['img'],
                                  np.full((2, 3, 3), 50, np.uint8))  # 50.5, to the even one


def test_darken_by_hand_for_uint8_and_float():
    """Severity 3 divides by 4."""
    darken = RandomCorruption(['darken'], [3])
    image = np.array([[[255, 0, 10]]], np.uint8)
    result = darken(results(image))
    assert result['img'].dtype == np.uint8 and result['img'].tolist() == [[[64, 0, 2]]]
    assert (result['corruption'], result['severity']) == ('darken', 3)
    result = darken(results(image.astype(np.float32)))
    assert result['img'].dtype == np.float32
    np.testing.assert_allclose(result['img'], [[[63.75, 0, 2.5]]], atol=1e-4)
    assert image.tolist() == [[[255, 0, 10]]]


def test_channels_are_bgr():
    """At sunset, at the horizon, white turns red: 255 (1 + 0.1) against 0.1 less in blue."""
    white = np.full((4, 4, 3), 200, np.uint8)
    image = RandomCorruption(['horizon'], [5], seed=1)(results(white))['img'].astype(int)
    blue, green, red = image[0, 0]
    assert red == 226  # 200 + 25.5, rounded to even
    # green is 192 + d, blue 192 - d of 255: they sum to 384 (200 / 255 + 0.1).
    assert abs(blue + green - 384 * (200 / 255 + 0.1)) <= 1


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_severity_0_leaves_the_image(dtype):
    for mixed in (False, True):
        result = RandomCorruption(severities=0, mixed=mixed)(results(photograph(dtype=dtype)))
        np.testing.assert_allclose(result['img'], photograph(dtype=dtype), atol=1e-4)
        assert result['severity'] == 0


@pytest.mark.slow
def test_default_draws_the_whole_pool_and_every_severity():
    transform = RandomCorruption()
    np.random.seed(0)
    drawn = [transform(results(photograph(8, 8))) for _ in range(150)]
    assert {result['corruption'] for result in drawn} == set(POOL)
    assert {result['severity'] for result in drawn} == set(range(6))


def test_imagenet_c_bar_by_name():
    result = RandomCorruption('perlin_noise', 2, seed=0)(results())
    assert result['corruption'] == 'perlin_noise' and 'perlin_noise' in IMAGENET_C_BAR


def test_seed_and_path_decide_whatever_came_before():
    transform = RandomCorruption(seed=7)
    paths = [f'{i}.png' for i in range(12)]
    forwards = {path: transform(results(path=path)) for path in paths}
    np.random.seed(5)
    torch.manual_seed(5)
    backwards = {path: transform(results(path=path)) for path in reversed(paths)}
    for path in paths:
        np.testing.assert_array_equal(forwards[path]['img'], backwards[path]['img'])
    assert len({(result['corruption'], result['severity']) for result in forwards.values()}) > 6
    other = RandomCorruption(seed=8)
    assert any(other(results(path=path))['corruption'] != forwards[path]['corruption']
               for path in paths)


class _Images(torch.utils.data.Dataset):
    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return self.transform(results(path=f'{index}.png'))['img']


def test_same_images_on_any_number_of_workers():
    images = _Images(RandomCorruption(seed=2))
    none, two = (torch.cat(list(DataLoader(images, 2, num_workers=workers)))
                 for workers in (0, 2))
    torch.testing.assert_close(none, two, rtol=0, atol=0)


def test_without_a_seed_numpy_decides():
    transform = RandomCorruption(severities=[3])
    images = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        images.append([transform(results())['img'] for _ in range(4)])
    np.testing.assert_array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])
    assert not np.array_equal(images[0][0], images[0][1])


def test_mixed_applies_one_to_three_different_ones():
    transform = RandomCorruption(['darken', 'contrast', 'saturate', 'pixelate'], [2], mixed=True)
    np.random.seed(0)
    drawn = [transform(results(photograph(8, 8))) for _ in range(60)]
    names = [result['corruption'] for result in drawn]
    assert {len(some) for some in names} == {1, 2, 3}
    assert all(len(set(some)) == len(some) for some in names)
    assert {result['severity'] for result in drawn} == {2}
    darkened_only = next(result for result in drawn if result['corruption'] == ['darken'])
    np.testing.assert_allclose(darkened_only['img'], photograph(8, 8) / 3, atol=0.51)


@pytest.mark.parametrize('arguments, message', [
    (dict(corruptions=['fog', 'smog']), "unknown corruption 'smog'"),
    (dict(corruptions=[]), 'at least 1'),
    (dict(severities=[]), 'at least one'),
    (dict(severities=[1, 6]), r'0 to 5.*\[1, 6\]'),
    (dict(severities=-1), r'0 to 5.*\[-1\]'),
    (dict(severities=1.5), r'0 to 5.*\[1.5\]'),
    (dict(severities='3'), '0 to 5'),
    (dict(corruptions=None), 'unknown corruption None'),
    (dict(corruptions=['fog', 'snow', 'fog'], mixed=True), 'at least 3 different'),
])
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        RandomCorruption(**arguments)


def test_bad_images():
    with pytest.raises(InputError, match=r'\(H, W, 3\)'):
        RandomCorruption()(results(np.zeros((4, 4), np.uint8)))
    with pytest.raises(InputError, match='seed=None'):
        RandomCorruption(seed=1)(dict(img=photograph()))
