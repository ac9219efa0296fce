"""Data sets in their native trees, and what they say of broken ones."""
import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from data_sets import PIPELINE, build
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_sympie.datasets import ResizeLongSide
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.config import load_config

ROOT = Path(__file__).parents[1]


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def pair(image: Path, label: Path, values=(0, 18, 255), size=(8, 12)) -> None:
    write(image, np.full((*size, 3), 100, np.uint8))
    write(label, np.resize(np.array(values, np.uint8), size))


def refuses(dataset, message):
    with pytest.raises(ValueError, match=message):
        dataset[0]


@pytest.fixture
def acdc(tmp_path):
    for condition in ('fog', 'night', 'rain', 'snow'):
        for kind, ref in (('val', ''), ('val_ref', '_ref')):
            folder = f'{condition}/{kind}/GOPR1'
            pair(tmp_path / f'rgb_anon/{folder}/GOPR1_frame_1_rgb{ref}_anon.png',
                 tmp_path / f'gt/{folder}/GOPR1_frame_1_gt{ref}_labelTrainIds.png')
        write(tmp_path / f'rgb_anon/{condition}/test/GOPR2/GOPR2_frame_1_rgb_anon.png',
              np.zeros((8, 12, 3), np.uint8))
    return tmp_path


def test_acdc_tree_and_conditions(acdc):
    dataset = build('ACDCDataset', acdc)
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert [sample.condition for sample in samples] == ['fog', 'night', 'rain', 'snow']
    assert len(build('ACDCDataset', acdc, conditions=('night',))) == 1
    assert samples[0].gt_sem_seg.data.unique().tolist() == [0, 18, 255]


def test_acdc_reference_images_and_test_split(acdc):
    reference = build('ACDCDataset', acdc, reference=True, conditions=('fog',))
    assert reference[0]['data_samples'].img_path.endswith('_rgb_ref_anon.png')
    test = DATASETS.build(dict(type='mmseg_sympie.ACDCDataset', data_root=str(acdc), split='test',
                               test_mode=True, pipeline=[PIPELINE[0], PIPELINE[2]]))
    assert len(test) == 4 and 'gt_sem_seg' not in test[0]['data_samples']


def test_dark_zurich_and_cityscapes_trees(tmp_path):
    pair(tmp_path / 'rgb_anon/val/night/GOPR3/GOPR3_frame_7_rgb_anon.png',
         tmp_path / 'gt/val/night/GOPR3/GOPR3_frame_7_gt_labelTrainIds.png')
    assert build('DarkZurichDataset', tmp_path)[0]['data_samples'].condition == 'night'
    pair(tmp_path / 'leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png',
         tmp_path / 'gtFine/val/ulm/ulm_000000_000019_gtFine_labelTrainIds.png')
    assert build('CityscapesDataset', tmp_path)[0]['data_samples'].gt_sem_seg.shape == (8, 12)


@pytest.mark.parametrize('space,wanted', [
    ('camvid', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]),
    ('cityscapes', [10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 12, 255])])
def test_camvid_labels_and_sequences(tmp_path, space, wanted):
    for name in ('0001TP_1', '0016E5_1', '0016E5_2'):
        pair(tmp_path / f'train/{name}.png', tmp_path / f'trainannot/{name}.png',
             values=range(12), size=(3, 4))
    dataset = build('CamVidDataset', tmp_path, split='train', sequences=['0016E5'],
                    condition='daylight', label_space=space)
    assert len(dataset) == 2
    sample = dataset[1]['data_samples']
    assert sample.gt_sem_seg.data.flatten().tolist() == wanted
    assert sample.condition == 'daylight'
    assert len(dataset.metainfo['classes']) == (11 if space == 'camvid' else 19)
    assert len(build('CamVidDataset', tmp_path, split='train', sequences='0001TP')) == 1
    with pytest.raises(FileNotFoundError, match="with the prefix '0016EE'"):
        build('CamVidDataset', tmp_path, split='train', sequences=['0016E5', '0016EE'])


def test_camvid_parts_under_conditions_of_their_own(tmp_path):
    for split, name in (('train', '0001TP_1'), ('train', '0016E5_1'), ('test', 'Seq05VD_1')):
        pair(tmp_path / f'{split}/{name}.png', tmp_path / f'{split}annot/{name}.png',
             values=range(12), size=(3, 4))
    parts = [dict(sequences='Seq05VD', condition='daylight'),
             dict(split='train', sequences=['0001TP'], condition='dusk')]
    dataset = build('CamVidDataset', tmp_path, parts=parts)
    samples = [item['data_samples'] for item in dataset]
    assert [(Path(sample.img_path).stem, sample.condition) for sample in samples] == [
        ('Seq05VD_1', 'daylight'), ('0001TP_1', 'dusk')]
    with pytest.raises(InputError, match='not both'):
        build('CamVidDataset', tmp_path, parts=parts, condition='dusk')


def test_every_test_set_has_its_pipeline_where_the_inferencer_looks():
    for path in ROOT.glob('configs/*.py'):
        cfg = load_config(str(path))
        if 'test_dataloader' in cfg:
            assert cfg.test_dataloader.dataset.pipeline[0].type == 'LoadImageFromFile', path


def test_camvid_public_copy(real_data):
    root = real_data / 'camvid'
    counts = {prefix: len(build('CamVidDataset', root, split=split, sequences=prefix))
              for split, prefix in (('train', ('0006R0', '0016E5')), ('train', ('0001TP',)),
                                    ('test', ('Seq05VD',)))}
    assert list(counts.values()) == [305, 62, 57]


# Broken trees: found when the data set is built.

@pytest.mark.parametrize('name', ['ACDCDataset', 'DarkZurichDataset', 'CityscapesDataset',
                                  'CamVidDataset'])
def test_missing_root_says_what_and_from_where(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r'does not exist. Expected below (.|\n)*Get it from'
                                                r'(.|\n)*data_root=FOLDER'):
        build(name, tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='no images were found'):
        build(name, tmp_path)


def test_missing_condition_and_missing_label(acdc):
    with pytest.raises(FileNotFoundError, match='no images were found in .*mist'):
        build('ACDCDataset', acdc, conditions=('fog', 'mist'))
    next(acdc.glob('gt/rain/val/*/*')).unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 4 images have no label(.|\n)*gt/rain/val'):
        build('ACDCDataset', acdc)


def test_unknown_label_space(tmp_path):
    with pytest.raises(ValueError, match="got 'kitti'"):
        build('CamVidDataset', tmp_path, label_space='kitti')


# Broken files: found when they are read, by name.

def only_pair(acdc):
    dataset = build('ACDCDataset', acdc, conditions=('snow',))
    return dataset, next(acdc.glob('rgb_anon/snow/val/*/*')), next(acdc.glob('gt/snow/val/*/*'))


def test_label_ids_instead_of_train_ids(acdc):
    dataset, _, label = only_pair(acdc)
    write(label, np.resize(np.array([7, 26, 33, 255], np.uint8), (8, 12)))
    with pytest.raises(ValueError, match=rf'{label.name} holds the values \[7, 26, 33, 255\]'
                                         '(.|\n)*prepare-cityscapes'):
        dataset[0]


def test_camvid_label_beyond_void(tmp_path):
    pair(tmp_path / 'test/a.png', tmp_path / 'testannot/a.png', values=[3, 13])
    for space in ('camvid', 'cityscapes'):
        with pytest.raises(ValueError, match=r'holds the values \[3, 13\].*0..10 and 11'):
            build('CamVidDataset', tmp_path, label_space=space)[0]


def test_label_of_another_size(acdc):
    dataset, image, label = only_pair(acdc)
    write(label, np.zeros((4, 6), np.uint8))
    message = rf'{label.name} is 6x4 pixels, its image .*{image.name} is 12x8'
    refuses(dataset, message)
    # Also where the pipeline would resize both to one size.
    for step in (dict(type='RandomResize', scale=(6, 4)), dict(type='mmseg_sympie.ResizeLongSide',
                                                               long_side_px=6)):
        refuses(DATASETS.build(dict(
            type='mmseg_sympie.ACDCDataset', data_root=str(acdc), conditions='snow',
            pipeline=[*PIPELINE[:2], step, PIPELINE[2]])), message)


def test_labels_are_checked_inside_test_time_augmentation(acdc):
    pipeline = [PIPELINE[0], dict(type='TestTimeAug', transforms=[
        [dict(type='RandomFlip', prob=1.0)], [PIPELINE[1]], [PIPELINE[2]]])]
    settings = dict(type='mmseg_sympie.ACDCDataset', data_root=str(acdc), conditions='snow',
                    pipeline=pipeline)
    # MMCV builds nested steps in place.
    dataset = DATASETS.build(copy.deepcopy(settings))
    assert dataset[0]['data_samples'][0].condition == 'snow'
    next(acdc.glob('gt/snow/val/*/*')).unlink()
    with pytest.raises(FileNotFoundError, match='1 of 1 images have no label'):
        DATASETS.build(copy.deepcopy(settings))


def test_custom_classes_are_renumbered(acdc):
    label = only_pair(acdc)[2]
    write(label, np.resize(np.array([0, 13, 255], np.uint8), (8, 12)))
    dataset = build('ACDCDataset', acdc, conditions='snow', metainfo=dict(classes=('car', 'road')))
    assert dataset[0]['data_samples'].gt_sem_seg.data[0, 0, :3].tolist() == [1, 0, 255]


@pytest.mark.slow
@pytest.mark.parametrize('broken', ['image', 'label'])
@pytest.mark.parametrize('damage', [lambda data: data[:len(data) // 2], lambda data: b'',
                                    lambda data: data[:40] + bytes(40) + data[80:]])
def test_damaged_file_is_named(acdc, broken, damage):
    dataset, image, label = only_pair(acdc)
    noise = np.random.default_rng(0).integers(0, 19, (64, 64, 3), np.uint8)
    write(image, noise)
    write(label, noise[..., 0])
    path = image if broken == 'image' else label
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f'Cannot read (.|\n)*{path.name}'):
        dataset[0]


def test_truncated_jpeg_is_not_filled_with_grey(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write(tmp_path / 'test/a.jpg', noise)
    write(tmp_path / 'testannot/a.png', np.zeros((64, 64), np.uint8))
    dataset = build('CamVidDataset', tmp_path)
    assert dataset[0]['inputs'].shape == (3, 64, 64)
    path = tmp_path / 'test/a.jpg'
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match='a.jpg.*truncated'):
        dataset[0]


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['grey', 'rgba', '16 bit', 'one pixel'])
def test_unusual_images_arrive_as_8_bit_colour(acdc, kind):
    image = only_pair(acdc)[1]
    dataset = DATASETS.build(dict(type='mmseg_sympie.ACDCDataset', data_root=str(acdc),
                                  conditions=('snow',), pipeline=[PIPELINE[0], PIPELINE[2]]))
    arrays = {'grey': np.full((8, 12), 100, np.uint8),
              'rgba': np.full((8, 12, 4), (100, 100, 100, 9), np.uint8),
              '16 bit': np.full((8, 12), 100 * 257, np.uint16),
              'one pixel': np.full((1, 1, 3), 100, np.uint8)}
    cv2.imwrite(str(image), arrays[kind])
    inputs = dataset[0]['inputs']
    assert inputs.dtype == torch.uint8 and inputs.shape == (3, *arrays[kind].shape[:2])
    assert inputs.unique().tolist() == [100]


def test_resize_long_side_averages_areas_and_keeps_labels():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 0], image[:, 1] = 10, 30  # mean 20
    label = np.array([[0, 0, 255, 255]] * 2, np.uint8)
    result = ResizeLongSide(2).transform(dict(img=image, gt_seg_map=label))
    assert result['img'][..., 0].tolist() == [[20, 0]]
    assert result['gt_seg_map'].tolist() == [[0, 255]]
    assert result['ori_shape'] == result['img_shape'] == (1, 2)
    untouched = ResizeLongSide(100).transform(dict(img=image.copy()))
    assert (untouched['img'] == image).all()
