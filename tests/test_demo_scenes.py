"""The synthetic streets: their labels, their depth, what weather does, and the files written."""
from functools import partial

import numpy as np
import pytest
from commands import call
from PIL import Image

from mmseg_sympie.demo.street import render_street
from mmseg_sympie.demo.weather import CONDITIONS, apply_weather
from mmseg_sympie.engine.scenes import plan_frames

SKY, ROAD = 10, 0
render = partial(call, 'render_scenes')


@pytest.fixture(scope='module')
def scenes():
    return [render_street(seed, 96, 192) for seed in range(40)]


def test_a_scene_depends_on_its_seed_alone(scenes):
    np.random.seed(1)
    again = render_street(3, 96, 192)
    for first, second in zip(scenes[3], again):
        np.testing.assert_array_equal(first, second)
    assert (scenes[3].label != scenes[4].label).mean() > 0.1


def test_default_size_and_types():
    scene = render_street(0)
    assert scene.image.shape == (192, 384, 3) and scene.image.dtype == np.uint8
    assert scene.label.shape == (192, 384) and scene.label.dtype == np.uint8
    assert scene.depth_m.shape == (192, 384) and scene.depth_m.dtype == np.float32


def test_labels_are_train_ids_and_all_19_occur(scenes):
    found = np.unique(np.concatenate([scene.label.ravel() for scene in scenes]))
    assert set(range(19)) <= set(found.tolist()) <= {*range(19), 255}


def test_depth_is_that_of_a_flat_road_below_an_endless_sky(scenes):
    for scene in scenes:
        np.testing.assert_array_equal(np.isinf(scene.depth_m), scene.label == SKY)
        # On a plane seen by a pinhole camera, 1/depth is linear in the image row.
        rows = np.nonzero(scene.label == ROAD)[0]
        inverse = 1 / scene.depth_m[scene.label == ROAD]
        line = np.polyfit(rows, inverse, 1)
        assert line[0] > 0
        np.testing.assert_allclose(np.polyval(line, rows), inverse, atol=1e-4)


@pytest.mark.parametrize('condition', CONDITIONS)
def test_weather_changes_the_image_and_nothing_else(scenes, condition):
    scene = scenes[5]
    before = [array.copy() for array in scene]
    image = apply_weather(scene, condition, 7)
    for array, copy in zip(scene, before):
        np.testing.assert_array_equal(array, copy)
    assert image.shape == scene.image.shape and image.dtype == np.uint8
    assert np.abs(image.astype(int) - scene.image).mean() > 5
    np.testing.assert_array_equal(image, apply_weather(scene, condition, 7))
    assert (image != apply_weather(scene, condition, 8)).mean() > 0.5


def test_unknown_weather_is_refused_by_name(scenes):
    with pytest.raises(ValueError, match='hail'):
        apply_weather(scenes[0], 'hail', 0)


def test_night_is_dark(scenes):
    for seed, scene in enumerate(scenes[:10]):
        night = apply_weather(scene, 'night', seed)
        assert 10 < night.mean() < 60 and night.mean() < 0.6 * scene.image.mean()


def test_fog_takes_contrast_from_far_more_than_from_near(scenes):
    for seed, scene in enumerate(scenes[:10]):
        fog = apply_weather(scene, 'fog', seed)
        near = scene.depth_m < 12
        far = (scene.depth_m > 40) & (scene.label != SKY)
        kept = [fog[part].std() / scene.image[part].std() for part in (near, far)]
        assert kept[1] < 0.7 * kept[0]


def test_snow_whitens_terrain(scenes):
    gains = []
    for seed, scene in enumerate(scenes):
        terrain = (scene.label == 9) & (scene.depth_m < 25)
        if terrain.sum() > 300:
            snow = apply_weather(scene, 'snow', seed)
            gains.append(snow[terrain].mean() - scene.image[terrain].mean())
    assert len(gains) > 3 and np.mean(gains) > 30


def test_tool_writes_the_acdc_tree_once(tmp_path, capsys):
    arguments = ['--out', tmp_path, '--train', '2', '--val', '1', '--seed', '4']
    render(*arguments)
    parts = [('clear/train', 1), ('clear/train', 2),
             *((f'{name}/val', 1) for name in ('clear', *CONDITIONS))]
    expected = {'render.json'}
    for part, index in parts:
        stem = f'scenes/scenes_frame_{index:06d}'
        expected |= {f'rgb_anon/{part}/{stem}_rgb_anon.png',
                     f'gt/{part}/{stem}_gt_labelTrainIds.png'}
    files = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob('*')
             if path.is_file()}
    assert set(files) == expected
    image = np.array(Image.open(files['rgb_anon/fog/val/scenes/scenes_frame_000001_rgb_anon.png']))
    label = np.array(
        Image.open(files['gt/fog/val/scenes/scenes_frame_000001_gt_labelTrainIds.png']))
    assert image.shape == (*label.shape, 3) and set(np.unique(label)) <= {*range(19), 255}

    written = {name: path.stat().st_mtime_ns for name, path in files.items()}
    capsys.readouterr()
    render(*arguments)
    assert 'already' in capsys.readouterr().out
    assert written == {name: path.stat().st_mtime_ns for name, path in files.items()}


def test_tool_shares_no_street_between_parts(tmp_path):
    frames = [*plan_frames(tmp_path, 50, 9, 0), *plan_frames(tmp_path, 50, 9, 1)]
    assert len({frame.seed for frame in frames}) == len(frames) == 2 * (50 + 5 * 9)


def test_tool_adds_training_scenes_but_refuses_to_mix(tmp_path):
    render('--out', tmp_path, '--val', '1', '--only-val')
    assert not (tmp_path / 'gt/clear/train').exists()
    with pytest.raises(ValueError, match='other arguments'):
        render('--out', tmp_path, '--val', '1', '--only-val', '--seed', '1')
    render('--out', tmp_path, '--val', '1', '--train', '1')
    assert len(list((tmp_path / 'gt/clear/train').rglob('*.png'))) == 1
    with pytest.raises(ValueError, match='other arguments'):
        render('--out', tmp_path, '--val', '1', '--train', '2')


def test_tool_names_the_folder_it_cannot_write(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file/demo'):
        render('--out', str(tmp_path / 'file' / 'demo'), '--val', '1')
