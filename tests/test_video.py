"""tools/enhance.py on videos: frames, times, sound, and what an interruption leaves."""
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from commands import ROOT

from mmseg_sympie.errors import InputError
from mmseg_sympie.io.video import convert_video, read_frames

av = pytest.importorskip('av')
from av.video.reformatter import Colorspace  # noqa: E402
from videos import FRAMES, RATE, make_video, read_video  # noqa: E402


@pytest.mark.parametrize('name,size', [('a.mp4', (48, 64)), ('a.mkv', (48, 64)),
                                       ('a.mp4', (47, 63))])
def test_frames_times_and_sound(tmp_path, name, size):
    make_video(tmp_path / name, *size)
    target = tmp_path / 'out' / name
    assert convert_video(tmp_path / name, target, lambda frame: 255 - frame.float()) == FRAMES
    before, times_before, samples_before = read_video(tmp_path / name)
    after, times, samples = read_video(target)
    assert after.shape == before.shape == (FRAMES, 3, *size)
    assert times == pytest.approx(times_before, abs=1e-3) and samples == samples_before > 5000
    assert (after.float() - (255 - before.float())).abs().mean() < 4  # lossy


def test_colours_stay_coded_as_they_were(tmp_path):
    make_video(tmp_path / 'a.mp4', sound=False, colorspace=Colorspace.ITU709)
    convert_video(tmp_path / 'a.mp4', tmp_path / 'b.mp4', lambda frame: frame.float())
    for name in 'ab':
        with av.open(str(tmp_path / f'{name}.mp4')) as container:
            assert container.streams.video[0].codec_context.colorspace == Colorspace.ITU709
    before, after = (read_video(tmp_path / f'{name}.mp4')[0].float() for name in 'ab')
    assert (before - after).abs().mean() < 3


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv'])
@pytest.mark.parametrize('tag,shown', [
    (dict(degrees=90), lambda coded: np.rot90(coded)),  # anti-clockwise, as NumPy's
    (dict(degrees=-90), lambda coded: np.rot90(coded, -1)),
    (dict(degrees=180), lambda coded: np.rot90(coded, 2)),
    (dict(degrees=0, hflip=True), lambda coded: coded[:, ::-1]),
    (dict(degrees=90, vflip=True), lambda coded: np.rot90(coded)[::-1])])
def test_phone_videos_come_out_upright(tmp_path, name, tag, shown):
    coded = np.zeros((48, 64, 3), np.uint8)
    coded[:24, :32], coded[:24, 32:], coded[24:, :32] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    with av.open(str(tmp_path / name), 'w') as container:
        pictures = container.add_stream('libx264', rate=RATE, options=dict(crf='1'))
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, 'yuv444p'
        pictures.codec_context.sample_aspect_ratio = Fraction(4, 3)
        pictures.set_display_rotation(**tag)
        for _ in range(3):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(coded, format='rgb24')))
        container.mux(pictures.encode(None))

    seen = []
    convert_video(tmp_path / name, tmp_path / 'out' / name,
                  lambda frame: seen.append(frame) or frame.float())
    wanted = shown(coded)
    after = read_video(tmp_path / 'out' / name)[0]
    for frames in (torch.cat(seen), torch.cat(list(read_frames(tmp_path / name))), after):
        assert frames.shape == (3, 3, *wanted.shape[:2])
        assert np.abs(frames[-1].permute(1, 2, 0).numpy().astype(int) - wanted).mean() < 4
    with av.open(str(tmp_path / 'out' / name)) as container:
        assert next(container.decode(video=0)).side_data.get('DISPLAYMATRIX') is None
        turned = wanted.shape[0] == 64
        assert container.streams.video[0].sample_aspect_ratio == (
            Fraction(3, 4) if turned else Fraction(4, 3))


def test_an_interrupted_file_plays(tmp_path):
    make_video(tmp_path / 'a.mp4')
    calls = iter(range(100))

    def change(frame):
        if next(calls) == 8:
            raise KeyboardInterrupt
        return frame.float()

    with pytest.raises(KeyboardInterrupt):
        convert_video(tmp_path / 'a.mp4', tmp_path / 'b.mp4', change)
    assert 1 <= len(read_video(tmp_path / 'b.mp4')[0]) <= 8


def test_no_video(tmp_path):
    (tmp_path / 'a.mp4').write_text('no video')
    with pytest.raises(InputError, match='cannot be read as a video'):
        convert_video(tmp_path / 'a.mp4', tmp_path / 'b.mp4', lambda frame: frame)
    assert not (tmp_path / 'b.mp4').exists()


def test_a_video_that_is_damaged_in_the_middle(tmp_path):
    make_video(tmp_path / 'a.mp4')
    with av.open(str(tmp_path / 'a.mp4')) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][FRAMES // 2]
        start, size = packet.pos, packet.size
    data = (tmp_path / 'a.mp4').read_bytes()
    (tmp_path / 'a.mp4').write_bytes(data[:start] + bytes(size) + data[start + size:])
    with pytest.raises(InputError, match=r'a\.mp4 cannot be decoded further: .*copy it again'):
        convert_video(tmp_path / 'a.mp4', tmp_path / 'b.mp4', lambda frame: frame.float())
    assert 1 <= len(read_video(tmp_path / 'b.mp4')[0]) < FRAMES
    with pytest.raises(InputError, match=r'a\.mp4 cannot be decoded'):
        list(read_frames(tmp_path / 'a.mp4'))


@pytest.mark.slow
def test_tool(tmp_path):
    make_video(tmp_path / 'drive.mp4', sound=False)
    for options, said in ((('--every', '4'), '12 frames, 3 predictions'),
                          (('--mean-match', '110'), '12 frames:')):
        outcome = subprocess.run([sys.executable, 'tools/enhance.py', str(tmp_path / 'drive.mp4'),
                                  *options, '--out', str(tmp_path / 'out')], cwd=ROOT,
                                 capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stderr
        assert said in outcome.stdout
        after = read_video(tmp_path / 'out/drive.mp4')[0].float()
        before = read_video(tmp_path / 'drive.mp4')[0].float()
        assert len(after) == FRAMES and after.mean() > 1.5 * before.mean()
    assert after.mean() == pytest.approx(110, abs=3)


@pytest.mark.slow
@pytest.mark.parametrize('arguments,message', [
    (('a/x.mp4', 'b/x.mp4'), 'would both become'),
    (('a/x.mp4', '--every', '2', '--mean-match', '110'), '--every re-uses'),
    (('a/x.mp4', '--every', '2', '--iterations', '2'), '--every re-uses')])
def test_tool_refuses_before_it_starts(tmp_path, arguments, message):
    for folder in 'ab':
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'x.mp4').write_bytes(b'not read')
    arguments = [str(tmp_path / each) if each.endswith('mp4') else each for each in arguments]
    outcome = subprocess.run([sys.executable, 'tools/enhance.py', *arguments, '--out',
                              str(tmp_path / 'out')], cwd=ROOT, capture_output=True, text=True)
    assert outcome.returncode != 0 and message in outcome.stderr
