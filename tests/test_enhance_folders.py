"""Folders in tools/enhance.py: what is found, what goes on, and what is kept."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call
from PIL import Image

from mmseg_sympie import load_enhancer
from mmseg_sympie.engine.file_runs import plan, results
from mmseg_sympie.errors import InputError


def enhance(*arguments, out):
    """The tool with a mean match to 120, in this process; what it printed is for capsys."""
    call('enhance', *arguments, '--out', out, '--mean-match', 120)


def grey(path: Path, level=40, size=(8, 6), **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size, (level,) * 3).save(path, **options)
    return path


def record(out: Path) -> dict:
    return json.loads((out / 'parameters.json').read_text(encoding='utf-8'))


@pytest.mark.parametrize('files,wanted', [
    (['a.jpg', 'b.PNG'], ['a.png', 'b.png']),
    (['a.jpg', 'a.png', 'b.png'], ['a.jpg.png', 'a.png.png', 'b.png']),
    (['x/a.jpg', 'y/a.png'], ['x/a.png', 'y/a.png']),
    (['v1.2.jpg', 'v1.3.jpg'], ['v1.2.png', 'v1.3.png']),
    (['a.mp4', 'a.jpg', 'a.MOV'], ['a.mp4', 'a.png', 'a.mov']),
    (['a.avi', 'a.webm'], ['a.avi.mkv', 'a.webm.mkv'])])
def test_names_of_results(files, wanted):
    assert results(files) == wanted


def test_every_kind_of_image_is_found_in_a_folder(tmp_path, capsys):
    for suffix in ('png', 'jpg', 'JPEG', 'gif', 'avif', 'jp2', 'webp', 'bmp', 'TIF', 'ppm'):
        grey(tmp_path / f'in/{suffix}.{suffix}')
    grey(tmp_path / 'in/.ipynb_checkpoints/png-checkpoint.png')
    grey(tmp_path / 'in/__MACOSX/png.png')
    (tmp_path / 'in/._png.png').write_bytes(bytes.fromhex('0005160700020000') + bytes(100))
    enhance(tmp_path / 'in', out=tmp_path / 'in/out')
    enhance(tmp_path / 'in', out=tmp_path / 'in/out')  # Its results are no images to enhance.
    assert capsys.readouterr().out.count('10 files enhanced') == 2
    for suffix in ('png', 'jpg', 'JPEG', 'gif', 'avif', 'jp2', 'webp', 'bmp', 'TIF', 'ppm'):
        level = np.asarray(Image.open(tmp_path / f'in/out/{suffix}.png')).mean()
        assert level == pytest.approx(120, abs=3), suffix
        assert record(tmp_path / 'in/out')[f'{suffix}.png']['gain'] == pytest.approx(3, rel=0.03)


def test_turned_and_deep_images_come_out_upright_and_right(tmp_path):
    turned = Image.new('RGB', (8, 6), (40,) * 3)
    exif = turned.getexif()
    exif[0x112] = 6
    (tmp_path / 'in').mkdir()
    turned.save(tmp_path / 'in/turned.png', exif=exif)
    Image.fromarray(np.full((6, 8), 40 * 257, np.uint16)).save(tmp_path / 'in/deep.png')
    enhance(tmp_path / 'in', out=tmp_path / 'out')
    assert Image.open(tmp_path / 'out/turned.png').size == (6, 8)
    assert Image.open(tmp_path / 'out/panels/turned.jpg').size == (12, 8)
    assert np.asarray(Image.open(tmp_path / 'out/deep.png')).mean() == 120


def test_broken_files_do_not_stop_the_others(tmp_path, capsys):
    for name in ('a.png', 'c.png', 'e.jpg'):
        grey(tmp_path / 'in' / name)
    (tmp_path / 'in/b.png').write_bytes(b'broken')
    (tmp_path / 'in/d.jpg').write_bytes((tmp_path / 'in/e.jpg').read_bytes()[:300])
    frames = [Image.new('L', (8, 6), level) for level in (0, 90, 180)]
    frames[0].save(tmp_path / 'in/f.gif', save_all=True, append_images=frames[1:])
    with pytest.raises(InputError) as error:
        enhance(tmp_path / 'in', out=tmp_path / 'out')
    assert str(error.value).startswith('3 of 6 files could not be enhanced:\n- ')
    for text in ('b.png cannot be read', 'd.jpg cannot be read', 'f.gif holds 3 images'):
        assert text in str(error.value)
    assert '3 files enhanced' in capsys.readouterr().out
    assert sorted(record(tmp_path / 'out')) == ['a.png', 'c.png', 'e.png']
    assert sorted(path.name for path in (tmp_path / 'out').glob('*.png')) == [
        'a.png', 'c.png', 'e.png']


def test_a_second_call_adds_to_the_record_and_resume_leaves_out_what_is_done(tmp_path, capsys):
    grey(tmp_path / 'in/a.png', 40)
    grey(tmp_path / 'other/b.png', 60)
    enhance(tmp_path / 'in', out=tmp_path / 'out')
    enhance(tmp_path / 'other', out=tmp_path / 'out')
    assert {name: round(entry['gain'], 3) for name, entry in record(tmp_path / 'out').items()} == {
        'a.png': 3, 'b.png': 2}

    # Of three images, one is done by this enhancer, one by another, and one was lost again.
    for name in ('c.png', 'd.png'):
        grey(tmp_path / 'in' / name, 30)
    enhance(tmp_path / 'in', out=tmp_path / 'out')
    kept = (tmp_path / 'out/a.png').stat().st_mtime_ns
    entries = record(tmp_path / 'out')
    entries['c.png']['enhancer'] = 'another one'
    (tmp_path / 'out/parameters.json').write_text(json.dumps(entries))
    redone = (tmp_path / 'out/c.png').stat().st_mtime_ns
    (tmp_path / 'out/d.png').unlink()
    capsys.readouterr()
    enhance(tmp_path / 'in', '--resume', out=tmp_path / 'out')
    assert '2 files enhanced, 1 was there before' in capsys.readouterr().out
    assert (tmp_path / 'out/a.png').stat().st_mtime_ns == kept
    assert (tmp_path / 'out/c.png').stat().st_mtime_ns > redone
    assert np.asarray(Image.open(tmp_path / 'out/d.png')).mean() == 120
    assert set(record(tmp_path / 'out')) == {'a.png', 'b.png', 'c.png', 'd.png'}


def test_resume_does_anew_what_another_version_made(tmp_path, capsys, monkeypatch):
    grey(tmp_path / 'in/a.png')
    enhance(tmp_path / 'in', out=tmp_path / 'out')
    monkeypatch.setattr('mmseg_sympie.engine.file_runs.__version__', '99')
    for made in ('1 file enhanced. ', '0 files enhanced, 1 was there before'):
        capsys.readouterr()
        enhance(tmp_path / 'in', '--resume', out=tmp_path / 'out')
        assert made in capsys.readouterr().out


@pytest.mark.parametrize('text', ['{', '[1]'])
def test_a_record_of_something_else_is_not_overwritten(tmp_path, text):
    grey(tmp_path / 'in/a.png')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/parameters.json').write_text(text)
    with pytest.raises(InputError, match='parameters.json is no.*choose another --out'):
        enhance(tmp_path / 'in', out=tmp_path / 'out')
    assert (tmp_path / 'out/parameters.json').read_text() == text


def test_a_folder_of_videos(tmp_path, capsys):
    pytest.importorskip('av')
    from videos import FRAMES, make_video, read_video
    (tmp_path / 'in/day').mkdir(parents=True)
    make_video(tmp_path / 'in/day/a.mp4', sound=False)
    make_video(tmp_path / 'in/b.MKV', sound=False)
    (tmp_path / 'in/._b.MKV').write_bytes(b'leftover')
    (tmp_path / 'in/c.mp4').write_bytes(b'no video')
    with pytest.raises(InputError, match='1 of 3 files(.|\n)*c.mp4 cannot be read as a video'):
        enhance(tmp_path / 'in', out=tmp_path / 'out')
    for name in ('day/a.mp4', 'b.mkv'):
        frames = read_video(tmp_path / 'out' / name)[0]
        assert len(frames) == FRAMES and frames.float().mean() == pytest.approx(120, abs=4)
        assert record(tmp_path / 'out')[name]['frames'] == FRAMES
    (tmp_path / 'in/c.mp4').unlink()
    capsys.readouterr()
    enhance(tmp_path / 'in', '--resume', out=tmp_path / 'out')
    assert 'frames' not in capsys.readouterr().out


def test_what_is_refused_before_the_work(tmp_path):
    grey(tmp_path / 'a/x.png')
    grey(tmp_path / 'b/x.jpg')
    (tmp_path / 'empty').mkdir()
    for sources, out, message in (
            (['a', 'b'], 'out', 'another file would both become x.png'),
            (['a/x.png'], 'a', 'is the folder of the originals'),
            (['empty'], 'out', 'neither an image nor a folder with images or videos'),
            (['nowhere.png'], 'out', 'nowhere.png does not exist')):
        with pytest.raises(InputError, match=message):
            plan([tmp_path / source for source in sources], tmp_path / out)


def test_any_enhancer(tmp_path, capsys):
    """--enhancer takes what `load_enhancer` does, and its record tells one from another."""
    image = np.random.default_rng(0).integers(0, 90, (6, 8, 3), np.uint8)
    (tmp_path / 'in').mkdir()
    Image.fromarray(image).save(tmp_path / 'in/a.png')
    for enhancer, predicts in (('GreyWorld', True), ('MeanMatch:110+CLAHE', False),
                               ('SourceMatch:source=camvid', True)):
        call('enhance', tmp_path / 'in', '--enhancer', enhancer, '--out', tmp_path / 'out')
        wanted = load_enhancer(enhancer)(image)
        assert (np.asarray(Image.open(tmp_path / 'out/a.png')) == wanted).all()
        assert ('matrix' in record(tmp_path / 'out')['a.png']) == predicts, enhancer
    for enhancer, done in (('SourceMatch:source=camvid', 0), ('SourceMatch:source=cityscapes', 1)):
        capsys.readouterr()
        call('enhance', tmp_path / 'in', '--enhancer', enhancer, '--out', tmp_path / 'out',
             '--resume')
        assert f'{done} file' in capsys.readouterr().out


@pytest.mark.parametrize('options,message', [
    (['--enhancer', 'GreyWorld', '--source', 'camvid'], 'GreyWorld takes no source.* got .camvid'),
    (['--enhancer', 'SourceMatch:source=camvid', '--source', 'cityscapes'], 'or names its own'),
    (['--mean-match', 110, '--source', 'camvid'], 'MeanMatch takes no source'),
    (['--enhancer', 'GreyWorld', '--iterations', 2], '--iterations is of SyMPIE alone'),
    (['--enhancer', 'GreyWorld', '--momentum', 0.5], r'got ImageEnhancer\(GreyWorld'),
    (['--enhancer', 'SyMPIE:iterations=2', '--every', 4], '--every re-uses')])
def test_options_that_would_have_no_effect(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        call('enhance', grey(tmp_path / 'in/a.png'), '--out', tmp_path / 'out', *options)
    assert not (tmp_path / 'out').exists()


def test_one_enhancer_by_two_names_is_recorded_alike(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 90, (30, 40, 3), np.uint8)).save(
        tmp_path / 'a.png')
    for options in ((['--mean-match', 110], ['--enhancer', 'MeanMatch:110.0']),
                    (['--iterations', 2], ['--enhancer', 'SyMPIE:iterations=2'])):
        found = []
        for number, names in enumerate(options):
            call('enhance', tmp_path / 'a.png', '--out', tmp_path / str(number), *names)
            found.append(record(tmp_path / str(number)))
        assert found[0] == found[1] and 'gain' in found[0]['a.png']


def test_a_record_tells_what_a_file_holds(tmp_path, capsys):
    """Other contents of a file of the same name make another enhancer."""
    grey(tmp_path / 'in/a.png')
    for factor in (2, 3):
        scale = torch.nn.Conv2d(3, 3, 1, bias=False)
        scale.weight.data = factor * torch.eye(3)[..., None, None]
        torch.jit.script(scale).save(tmp_path / 'scale.pt')
        call('enhance', tmp_path / 'in', '--enhancer', f'TorchModule:file={tmp_path}/scale.pt',
             '--out', tmp_path / 'out', '--resume')
        assert '1 file enhanced' in capsys.readouterr().out
        assert np.asarray(Image.open(tmp_path / 'out/a.png')).mean() == pytest.approx(40 * factor)


def test_resume_does_anew_what_is_newer_than_its_result(tmp_path, capsys):
    path = grey(tmp_path / 'in/a.png', 40)
    for times, done in ((1, 0), (3e9, 1)):
        enhance(path, out=tmp_path / 'out')
        os.utime(path, (times, times))
        capsys.readouterr()
        enhance(path, '--resume', out=tmp_path / 'out')
        assert f'{done} file' in capsys.readouterr().out


def test_nothing_is_left_where_nothing_was_done(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'broken')
    for options in ([], ['--every', 0], ['--momentum', 1]):
        with pytest.raises(InputError):
            enhance(tmp_path / 'a.png', *options, out=tmp_path / 'out')
        assert not (tmp_path / 'out').exists()


def test_a_panel_too_wide_for_jpeg_is_drawn_smaller(tmp_path):
    grey(tmp_path / 'in/a.png', size=(40000, 4))
    enhance(tmp_path / 'in', out=tmp_path / 'out')
    assert Image.open(tmp_path / 'out/a.png').size == (40000, 4)
    assert Image.open(tmp_path / 'out/panels/a.jpg').size == (40000, 2)
