"""`sympie predict` on images, folders and a video, and what it draws."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import call
from PIL import Image

from mmseg_sympie.errors import InputError
from mmseg_sympie.evaluation.overlays import (
    Box,
    class_shares,
    most_changed,
    overlay,
    side_by_side,
)

PALETTE = [[200, 0, 0], [0, 200, 0]]
WITHOUT_TORCH = """
import sys
sys.modules['torch'] = None
from mmseg_sympie.cli import main
main(sys.argv[1:])
"""


def test_the_box_is_where_most_changes():
    changed = np.zeros((50, 100), bool)
    assert most_changed(changed) is None
    changed[3, 5] = True  # alone
    changed[30:40, 60:80] = True
    assert most_changed(changed) == Box(60, 30, 80, 40)
    assert most_changed(np.ones((3, 2), bool)) == Box(0, 0, 1, 1)


def test_shares_and_overlay_by_hand():
    labels = np.array([[0, 0, 0], [1, 0, 1]], np.uint8)
    assert class_shares(labels, ['a', 'b', 'c']) == {'a': 66.667, 'b': 33.333}
    mixed = overlay(np.full((2, 3, 3), 100, np.uint8), labels, PALETTE)
    assert mixed[0, 0].tolist() == [155, 45, 45] and mixed[1, 0].tolist() == [45, 155, 45]


def test_the_picture_has_all_its_parts():
    pictures = [[np.full((61, 101, 3), level, np.uint8) for level in row]
                for row in ((10, 60), (110, 160))]
    legend = [((1, 2, 3), 'road'), ((4, 5, 6), 'a class with a long name'), ((7, 8, 9), 'sky')]
    found = side_by_side(pictures, ['without', 'with'], legend, 'caption')
    assert found.shape[1] == 202 and found.shape[0] % 2 == 0
    top = next(row for row in range(len(found)) if (found[row] == 10).any(axis=1)[:101].all())
    assert (found[top:top + 61, 101:] == 60).all()
    assert (found[top + 61:top + 122, :101] == 110).all()
    for colour, _ in legend:
        assert (found == colour).all(axis=2).sum() > 50


@pytest.fixture
def night(scenes, tmp_path):
    folder = tmp_path / 'in'
    (folder / 'sub').mkdir(parents=True)
    paths = sorted(Path(scenes).glob('rgb_anon/night/val/*/*.png'))
    for name, path in zip(('a.png', 'sub/b.png'), paths):
        (folder / name).write_bytes(path.read_bytes())
    return folder


def predict(*arguments, out, enhancer='MeanMatch:110'):
    call('predict', *arguments, '--config', 'demo_sympie', '--enhancer', enhancer, '--out', out,
         '--device', 'cpu')
    return json.loads((out / 'predictions.json').read_text(encoding='utf-8'))


@pytest.mark.slow
def test_what_will_be_done_is_said_before_anything_is_loaded(night):
    """A process that cannot import PyTorch gets as far; wrong arguments are answered there too."""
    def run(*arguments):
        return subprocess.run([sys.executable, '-c', WITHOUT_TORCH, *map(str, arguments)],
                              capture_output=True, text=True, cwd=night)

    for command, *options in (['predict', '--config', 'demo_sympie'], ['enhance']):
        result = run(command, '.', *options, '--out', 'out')
        assert result.stdout.startswith('2 images, results in out. Loading the '), result.stderr
        assert 'import of torch halted' in result.stderr
        assert 'missing.png does not exist' in run(command, 'missing.png', *options, '--out',
                                                   'out').stderr
    assert run('test', 'demo_sympie').stdout.startswith('Test of demo_sympie, results in work_dirs')
    assert 'did you mean demo_sympie' in run('test', 'demo_sympi').stderr
    assert not (night / 'out').exists()


@pytest.mark.slow
def test_a_folder_with_a_broken_file(night, tmp_path, capsys):
    (night / 'c.png').write_bytes(b'broken')
    out = tmp_path / 'out'
    with pytest.raises(InputError, match=r'1 of 3 files could not be predicted:\n- .*c.png'):
        predict(night, out=out)
    printed = capsys.readouterr().out
    assert '2 files predicted: ' in printed and 'Enhancer: MeanMatch' in printed
    found = json.loads((out / 'predictions.json').read_text())
    assert set(found) == {'a.png', 'sub/b.png'}
    for name, entry in found.items():
        maps = [np.asarray(Image.open(out / 'labels' / folder / name))
                for folder in ('without', 'with')]
        assert maps[0].shape == (entry['height'], entry['width'])
        assert Image.open(out / 'labels/with' / name).mode == 'P'
        changed = 100 * (maps[0] != maps[1]).mean()
        assert entry['changed_percent'] == pytest.approx(changed, abs=1e-3) and changed > 0
        box = entry['most_changed']
        inside = (maps[0] != maps[1])[box['top']:box['bottom'], box['left']:box['right']].mean()
        assert 100 * inside > changed
        road = 100 * (maps[1] == 0).mean()
        assert entry['classes']['with'].get('road', 0) == pytest.approx(road, abs=1e-3)
        picture = Image.open(out / name)
        assert picture.width == 2 * entry['width'] and picture.height > 2 * entry['height']

    # The same settings leave out what is done; others do not.
    (night / 'c.png').unlink()
    (out / 'sub/b.png').unlink()
    written = (out / 'a.png').stat().st_mtime_ns
    predict(night, '--resume', out=out)
    assert '1 file predicted, 1 was there before: ' in capsys.readouterr().out
    assert (out / 'a.png').stat().st_mtime_ns == written and (out / 'sub/b.png').is_file()
    predict(night, '--resume', out=out, enhancer='GreyWorld')
    assert '2 files predicted: ' in capsys.readouterr().out
    predict(night, '--resume', '--cfg-options', 'model.decode_head.align_corners=True', out=out,
            enhancer='GreyWorld')
    assert '2 files predicted: ' in capsys.readouterr().out

    # A result that can no longer be made is not counted, and neither is its old record.
    (night / 'a.png').write_bytes(b'broken')
    with pytest.raises(InputError, match='1 of 2 files'):
        predict(night, out=out)
    assert set(json.loads((out / 'predictions.json').read_text())) == {'sub/b.png'}


def test_no_result_lies_among_the_label_maps(tmp_path):
    for name in ('a.png', 'labels/with/a.png'):
        (tmp_path / 'in' / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (8, 8)).save(tmp_path / 'in' / name)
    with pytest.raises(InputError, match='labels, which is for label maps'):
        predict(tmp_path / 'in', out=tmp_path / 'out')


@pytest.mark.slow
def test_a_video(tmp_path):
    pytest.importorskip('av')
    from videos import FRAMES, make_video, read_video
    make_video(tmp_path / 'drive.mp4', sound=False)
    found = predict(tmp_path / 'drive.mp4', '--every', 5, out=tmp_path / 'out')['drive.mp4']
    frames = read_video(tmp_path / 'out/drive.mp4')[0]
    assert len(frames) == found['frames'] == len(range(0, FRAMES, 5)) == 3
    assert frames.shape[3] == 2 * 64
    for folder in ('without', 'with'):
        maps = (tmp_path / f'out/labels/{folder}/drive.mp4').iterdir()
        assert sorted(path.name for path in maps) == ['000000.png', '000005.png', '000010.png']
    assert sum(found['classes']['with'].values()) == pytest.approx(100, abs=0.1)
    with pytest.raises(InputError, match='--every is a number of frames from 1'):
        predict(tmp_path / 'drive.mp4', '--every', 0, out=tmp_path / 'out')
