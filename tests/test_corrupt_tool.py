"""tools/corrupt.py and tools/benchmark.py corruptions on small images."""
import json
from functools import partial

import numpy as np
import pytest
import torch
from commands import call, tool
from PIL import Image

from mmseg_sympie.corruptions.by_name import corruption_names
from mmseg_sympie.corruptions.gallery import draw_gallery
from mmseg_sympie.corruptions.tree import CorruptedTree, merged_record
from mmseg_sympie.datasets.photographs import Photographs
from mmseg_sympie.engine.batches import severity_folders
from mmseg_sympie.errors import InputError
from mmseg_sympie.runtime.parallel import num_threads

# One that draws noise, one that draws a few numbers, a fixed one, and several in one.
NAMES = ['shot_noise', 'horizon', 'darken', 'mixed']


@pytest.fixture
def photographs(tmp_path):
    """Six images of 131x97 pixels, classes 7 and 901 by labels.csv."""
    folder = tmp_path / 'photographs'
    (folder / 'images').mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ['file,label']
    for number in range(6):
        pixels = rng.integers(0, 256, (97, 131, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'images/{number}.png')
        lines.append(f'images/{number}.png,{7 if number < 4 else 901}')
    (folder / 'labels.csv').write_text('\n'.join(lines))
    return folder


def whole(folder, **kwargs):
    return Photographs(folder, None, None, **kwargs)


@pytest.fixture
def corrupt():
    """tools/corrupt.py without the seconds that a process of its own takes to start."""
    with num_threads(torch.get_num_threads()):
        yield partial(call, 'corrupt')


def write(tree):
    return sum(tree[position] for position in range(len(tree)))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob('*.*g')}


def pixels_of(path):
    return np.array(Image.open(path)).astype(int)


def test_classes_of_labels_come_back_from_folders_named_by_number(photographs, tmp_path):
    write(CorruptedTree(Photographs(photographs, 64, 48), tmp_path / 'out', ['darken'], [2]))
    assert sorted(path.name for path in (tmp_path / 'out/darken/2').iterdir()) == ['0007', '0901']
    (key, folder), = severity_folders(tmp_path / 'out').items()
    assert key == ('darken', '2')
    read = whole(folder)
    assert [target for _, target in read.entries] == [7] * 4 + [901] * 2
    assert read[0]['inputs'].shape == (3, 48, 48) and read[0]['file'] == '0007/0.jpg'


def test_no_pixel_is_resized_or_cut_or_lost(photographs, tmp_path):
    write(CorruptedTree(whole(photographs), tmp_path, ['darken'], [1, 2], kind='png'))
    for number in range(4):
        original = pixels_of(photographs / f'images/{number}.png')
        halved, third = (pixels_of(tmp_path / f'darken/{severity}/0007/{number}.png')
                         for severity in (1, 2))
        np.testing.assert_array_equal(halved, np.round(original / 2))
        np.testing.assert_array_equal(third, np.round(original / 3))


def test_only_the_corruption_touches_pixels(photographs, tmp_path):
    """Impulse noise makes values black or white, 3% at severity 1, and leaves the others."""
    write(CorruptedTree(whole(photographs), tmp_path, ['impulse_noise'], [1], kind='png'))
    original = pixels_of(photographs / 'images/0.png')
    noisy = pixels_of(tmp_path / 'impulse_noise/1/0007/0.png')
    changed = noisy != original
    assert 0.02 < changed.mean() < 0.04
    assert set(noisy[changed]) == {0, 255}


@pytest.mark.slow
def test_the_same_bytes_in_parts_and_in_one_go(photographs, tmp_path):
    for severities, names, limit in (([1, 4], NAMES[:2], 3), ([4], NAMES[::-1], 5),
                                     ([1, 4], NAMES, None)):
        parts = CorruptedTree(whole(photographs, limit=limit), tmp_path / 'parts', names,
                              severities)
        assert write(parts) == parts.num_missing
    assert 0 < parts.num_missing < parts.num_files == 6 * 4 * 2
    (tmp_path / 'parts/shot_noise/4/0901/5.jpg').unlink()
    assert write(CorruptedTree(whole(photographs), tmp_path / 'parts', NAMES, [1, 4])) == 1
    write(CorruptedTree(whole(photographs), tmp_path / 'one', NAMES, [1, 4]))
    assert contents(tmp_path / 'parts') == contents(tmp_path / 'one')
    write(CorruptedTree(whole(photographs), tmp_path / 'seeded', NAMES, [1, 4], seed=1))
    seeded, one = contents(tmp_path / 'seeded'), contents(tmp_path / 'one')
    assert {name.split('/')[0] for name in one if seeded[name] == one[name]} == {'darken'}
    # Photographs differ in what they draw.
    ratio = [pixels_of(tmp_path / f'one/horizon/4/0007/{number}.jpg').mean((0, 1))[2]
             for number in range(4)]
    assert np.std(ratio) > 1


def test_folders_stay_and_all_of_them_are_made(tmp_path):
    for name in ('ant', 'bee', 'cat'):
        (tmp_path / 'in' / name).mkdir(parents=True)
        Image.new('RGB', (8, 8), 'white').save(tmp_path / 'in' / name / 'x.png')
    tree = CorruptedTree(whole(tmp_path / 'in', limit=2), tmp_path / 'out', ['darken'], [1])
    tree.make_class_folders()
    write(tree)
    read = whole(tmp_path / 'out/darken/1')
    assert read.named_class_folders() == ['ant', 'bee', 'cat']
    tree = CorruptedTree(whole(tmp_path / 'in'), tmp_path / 'out', ['darken'], [1])
    assert write(tree) == 1
    assert whole(tmp_path / 'out/darken/1').entries == [
        ('ant/x.jpg', 0), ('bee/x.jpg', 1), ('cat/x.jpg', 2)]


def test_what_would_spoil_a_tree_is_refused(photographs, tmp_path):
    with pytest.raises(InputError, match='inside the folder of the originals'):
        CorruptedTree(whole(photographs), photographs / 'out', ['darken'], [1])
    (photographs / 'labels.csv').unlink()
    Image.new('RGB', (8, 8)).save(photographs / 'images/0.bmp')
    with pytest.raises(InputError, match='images/0.bmp and images/0.png would both become'):
        CorruptedTree(whole(photographs), tmp_path, ['darken'], [1])
    (tmp_path / 'foreign/fog').mkdir(parents=True)
    with pytest.raises(InputError, match='that this tool did not write'):
        merged_record(tmp_path / 'foreign', {'seed': 0}, ['fog'], [1])


def test_names_of_sets():
    sizes = {'imagenet-c': 15, 'extra': 4, 'street': 4, 'pool': 23, 'imagenet-c-bar': 10,
             'mixed': 1}
    for name, size in sizes.items():
        assert len(corruption_names([name])) == size
    assert len(corruption_names(['imagenet-c', 'extra', 'street', 'fog'])) == 23


@pytest.mark.slow
def test_tool_writes_resumes_and_refuses_other_settings(photographs, tmp_path, corrupt,
                                                         capsys):
    out = tmp_path / 'out'
    shared = (photographs, '--out', out, '--short-side', 64, '--crop', 48, '--device', 'cpu')
    corrupt(*shared, '--corruptions', 'fog', '--severities', 2, '--limit', 2, '--workers', 0)
    corrupt(*shared, '--corruptions', 'fog', 'mixed', '--severities', 2, 5, '--workers', 2)
    assert 'Wrote 22 of 24 images' in capsys.readouterr().out
    record = json.loads((out / 'corruptions.json').read_text())
    assert record['corruptions'] == {'fog': [2, 5], 'mixed': [2, 5]}
    assert record['crop_px'] == 48 and record['format'] == 'jpg' and record['seed'] == 0
    for path, text in contents(out).items():
        assert len(path.split('/')) == 4 and text[:2] == b'\xff\xd8'  # JPEG
    before = contents(out)
    output = tool('corrupt', *shared, '--corruptions', 'fog', '--seed', 1, fails=True)
    assert 'seed was 0 and is now 1' in output and 'choose another --out' in output
    assert contents(out) == before


@pytest.mark.slow
def test_flat_folder_and_gallery(photographs, tmp_path, corrupt, capsys):
    (photographs / 'labels.csv').unlink()
    shape = ('--short-side', 0, '--crop', 0, '--device', 'cpu')
    corrupt(photographs / 'images', '--out', tmp_path / 'out', '--corruptions', 'darken',
            '--severities', 1, '--format', 'png', '--workers', 0, *shape)
    assert np.array_equal(pixels_of(tmp_path / 'out/darken/1/3.png'),
                          np.round(pixels_of(photographs / 'images/3.png') / 2))
    corrupt(photographs / 'images/0.png', '--gallery', tmp_path / 'gallery.png', *shape)
    assert '23 corruptions' in capsys.readouterr().out
    assert Image.open(tmp_path / 'gallery.png').size > (800, 600)


def test_gallery_shows_the_images_it_is_given(tmp_path):
    colours = {'red': (1, 0, 0), 'green': (0, 1, 0), 'blue': (0, 0, 1)}
    images = {name: torch.tensor(colour).float().view(3, 1, 1).expand(3, 20, 30)
              for name, colour in colours.items()}
    draw_gallery({'Two': {key: images[key] for key in ('red', 'green')},
                  'One': {'blue': images['blue']}}, tmp_path / 'figure.png', 'title')
    drawn = np.array(Image.open(tmp_path / 'figure.png').convert('RGB'))
    centre = {name: np.argwhere((drawn == np.multiply(colour, 255)).all(2)).mean(0)
              for name, colour in colours.items()}
    assert centre['red'][0] < centre['green'][0]  # a group is a column
    assert abs(centre['red'][1] - centre['green'][1]) < 2 < centre['blue'][1] - centre['red'][1]


@pytest.mark.slow
def test_benchmark_times_every_corruption(tmp_path):
    output = tool('benchmark', 'corruptions', '--size', '40x32', '--batch-size', 5, '--repeats', 1,
                  '--out', tmp_path)
    for text in ('40x32, batch 5', 'white_point', 'glass_blur', 'average of all 23', 'images/s'):
        assert text in output and text in (tmp_path / 'corruptions.md').read_text()
    measured = json.loads((tmp_path / 'corruptions.json').read_text())['ms_per_image']
    assert len(measured) == 23 and measured['fog']['ours']['median'] > 0
