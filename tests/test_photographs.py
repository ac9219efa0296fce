"""Photographs and VizWiz-Classification on tiny trees."""
import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_sympie.datasets.photographs import Photographs, read_rgb, stack_photographs
from mmseg_sympie.datasets.vizwiz import VizWizClassification
from mmseg_sympie.errors import InputError


def write_image(path, width=8, height=8, colour=(10, 20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (width, height), colour).save(path)


def test_labels_come_from_the_csv(tmp_path):
    write_image(tmp_path / 'a/x.png')
    write_image(tmp_path / 'y.png')
    (tmp_path / 'labels.csv').write_text('file,label,name\na/x.png,388,panda\ny.png,0,tench\n')
    dataset = Photographs(tmp_path, 256, 224)
    assert [(item['file'], item['target']) for item in dataset] == [('a/x.png', 388), ('y.png', 0)]
    assert dataset[0]['inputs'].shape == (3, 224, 224)
    assert dataset[0]['inputs'].dtype == torch.uint8
    assert dataset[0]['inputs'][:, 5, 5].tolist() == [10, 20, 30]  # RGB
    assert dataset.num_classes == 389 and dataset.named_class_folders() == []


def test_class_folders_by_name_and_by_number(tmp_path):
    for name in ('n02', 'n01', 'n10'):
        write_image(tmp_path / f'named/{name}/image.png')
    dataset = Photographs(tmp_path / 'named')
    assert [item['file'][:3] for item in dataset] == ['n01', 'n02', 'n10']
    assert [item['target'] for item in dataset] == [0, 1, 2]
    assert dataset.named_class_folders() == ['n01', 'n02', 'n10']
    for name in ('0', '10', '9'):
        write_image(tmp_path / f'numbered/{name}/image.png')
    dataset = Photographs(tmp_path / 'numbered')
    assert [item['target'] for item in dataset] == [0, 10, 9]
    assert dataset.named_class_folders() == []


def test_without_labels_all_images_count(tmp_path):
    write_image(tmp_path / 'deep/er/a.png')
    write_image(tmp_path / 'b.png')
    dataset = Photographs(tmp_path, labels=None)
    assert [(item['file'], item['target']) for item in dataset] == [('b.png', -1),
                                                                    ('deep/er/a.png', -1)]
    assert dataset.num_classes == 0


def test_central_crop_and_pixel_for_pixel(tmp_path):
    # Columns count up: the centre 4 of 10 begin at column 3, of 6 rows at row 1.
    pixels = np.zeros((6, 10, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(10), np.arange(6)[:, None]
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    whole = Photographs(tmp_path, None, None, labels=None)[0]['inputs']
    assert torch.equal(whole, torch.from_numpy(pixels).permute(2, 0, 1))
    centre = Photographs(tmp_path, None, 4, labels=None)[0]['inputs']
    assert centre[0, 0].tolist() == [3, 4, 5, 6] and centre[1, :, 0].tolist() == [1, 2, 3, 4]


def test_short_side_with_antialiasing(tmp_path):
    # Stripes one pixel wide average to grey when halved; without antialiasing they would alias.
    stripes = np.zeros((16, 24, 3), np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / 'a.png')
    image = Photographs(tmp_path, 8, None, labels=None)[0]['inputs']
    assert image.shape == (3, 8, 12)
    assert (image[:, :, 1:-1].float() - 100).abs().max() <= 26  # a triangle of width 4 at most


def test_random_crops_and_mirrors(tmp_path):
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[...] = np.arange(12)[:, None]
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    dataset = Photographs(tmp_path, None, 4, random_crop=True, labels=None)
    np.random.seed(0)
    rows = [dataset[0]['inputs'][0, 0].tolist() for _ in range(200)]
    assert {min(row) for row in rows} == set(range(9))
    assert {row[1] - row[0] for row in rows} == {1, -1}


def test_limit_spreads_over_the_classes(tmp_path):
    for name in range(4):
        for index in range(3):
            write_image(tmp_path / f'{name}/{index}.png')
    assert [item['file'] for item in Photographs(tmp_path, limit=4)] == [
        '0/0.png', '1/0.png', '2/0.png', '3/0.png']
    assert len(Photographs(tmp_path, limit=100)) == 12


def test_what_is_wrong_is_said_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match='folder of photographs .*nowhere does not exist'):
        Photographs(tmp_path / 'nowhere')
    with pytest.raises(InputError, match='neither labels.csv nor a folder for each class'):
        Photographs(tmp_path)
    with pytest.raises(InputError, match='has no images'):
        Photographs(tmp_path, labels=None)
    (tmp_path / 'cat').mkdir()
    with pytest.raises(InputError, match='1 folders without images'):
        Photographs(tmp_path)
    write_image(tmp_path / 'cat/a.png')
    with pytest.raises(InputError, match='limit is a number of images from 1, got 0'):
        Photographs(tmp_path, limit=0)
    with pytest.raises(InputError, match='cannot cut 224 pixels out of a short side of 200'):
        Photographs(tmp_path, 200, 224)
    with pytest.raises(InputError, match='8x8 is smaller than crop_px=224'):
        Photographs(tmp_path, None, 224)[0]


@pytest.mark.parametrize('text,message', [
    ('path,class\na.png,1\n', r"has the columns \['path', 'class'\]"),
    ('file,label\na.png,dog\n', "line 2: file 'a.png', label 'dog'"),
    ('file,label\n', 'has no rows'),
    ('file,label\na.png,1\nb.png,2\n', '1 of 2 images are missing or empty, first b.png')])
def test_labels_that_cannot_be_read(tmp_path, text, message):
    write_image(tmp_path / 'a.png')
    (tmp_path / 'labels.csv').write_text(text)
    with pytest.raises(InputError, match=message):
        Photographs(tmp_path)


def test_broken_images_and_other_modes(tmp_path):
    (tmp_path / 'bad.png').write_bytes(b'nothing')
    with pytest.raises(InputError, match='bad.png cannot be read as an image'):
        Photographs(tmp_path, labels=None)[0]
    Image.new('L', (4, 4), 7).save(tmp_path / 'grey.png')
    assert read_rgb(tmp_path / 'grey.png').getpixel((0, 0)) == (7, 7, 7)


def test_batches_need_one_size(tmp_path):
    write_image(tmp_path / 'a.png', 8, 8)
    write_image(tmp_path / 'b.png', 9, 8)
    whole = Photographs(tmp_path, None, None, labels=None)
    with pytest.raises(InputError, match='a.png and b.png differ in size'):
        stack_photographs([whole[0], whole[1]])
    cut = Photographs(tmp_path, 8, 8, labels=None)
    batch = stack_photographs([cut[0], cut[1]])
    assert batch['inputs'].shape == (2, 3, 8, 8) and batch['file'] == ['a.png', 'b.png']


# VizWiz-Classification

def test_vizwiz_with_labels(tmp_path):
    for name in ('a.jpg', 'b.jpg'):
        write_image(tmp_path / f'images/{name}')
    (tmp_path / 'ann.json').write_text(json.dumps({
        'a.jpg': dict(labels=[3, 7], flaws=dict(BLR=True, DRK=False, OTH=True, NON=False)),
        'b.jpg': dict(labels=[5], flaws=None)}))
    dataset = VizWizClassification(tmp_path / 'ann.json', tmp_path / 'images')
    assert dataset.categories.tolist() == [3, 5, 7]
    assert dataset.labels.nonzero().tolist() == [[0, 3], [0, 7], [1, 5]]
    assert dataset.flaws['blur'].tolist() == [True, False]
    assert not dataset.flaws['dark'].any() and not dataset.flaws['clean'].any()
    scores = torch.zeros(1, 1000)
    scores[0, 4], scores[0, 5] = 9, 1  # class 4 is none of the 200
    assert dataset.answers(scores).tolist() == [5]
    (tmp_path / 'IN_to_VizWiz.json').write_text(json.dumps({'3': 0, '4': 1, '5': 2, '7': 3}))
    again = VizWizClassification(tmp_path / 'ann.json', tmp_path / 'images')
    assert again.answers(scores).tolist() == [4]


def test_vizwiz_as_released_has_no_labels(tmp_path):
    write_image(tmp_path / 'a.jpg')
    (tmp_path / 'ann.json').write_text(json.dumps(dict(
        categories=[dict(id=291, wordnet_id='n02129165'), dict(id=8, wordnet_id='n01514859')],
        images=['a.jpg'])))
    dataset = VizWizClassification(tmp_path / 'ann.json', tmp_path)
    assert dataset.categories.tolist() == [8, 291] and dataset.labels is None
    assert [item['file'] for item in dataset] == ['a.jpg']


@pytest.mark.parametrize('text,message', [('{', 'is not JSON'),
                                          ('{"a.jpg": [1]}', 'is not VizWiz-Classification')])
def test_vizwiz_of_another_form(tmp_path, text, message):
    (tmp_path / 'ann.json').write_text(text)
    with pytest.raises(InputError, match=message):
        VizWizClassification(tmp_path / 'ann.json', tmp_path)
