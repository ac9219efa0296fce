"""Videos of cameras and phones: repeated times, cover art, several streams, late beginnings."""
import io
import struct
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from mmseg_sympie.errors import InputError
from mmseg_sympie.io.video import convert_video, frame_rate, read_frames
from mmseg_sympie.io.video_streams import Times

av = pytest.importorskip('av')

TICK = Fraction(1, 12800)  # 512 to a frame


def picture(number, size=(96, 160)):
    return av.VideoFrame.from_ndarray(np.full((*size, 3), 10 * number % 256, np.uint8), 'rgb24')


def add_pictures(container, size=(96, 160), codec='mpeg4'):
    stream = container.add_stream(codec, rate=25)
    stream.height, stream.width, stream.pix_fmt = *size, 'yuv420p'
    stream.time_base = stream.codec_context.time_base = TICK
    return stream


def picture_packets(stream, ticks):
    packets = []
    for number, tick in enumerate(ticks):
        frame = picture(number, (stream.height, stream.width))
        frame.pts, frame.time_base = tick, TICK
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def add_sound(container):
    stream = container.add_stream('aac', rate=48000)
    stream.layout = 'stereo'
    return stream


def sound_packets(stream, samples):
    packets = []
    for sample in samples:
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), 'fltp', 'stereo')
        frame.sample_rate, frame.pts, frame.time_base = 48000, sample, Fraction(1, 48000)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def mux(container, packets):
    for packet in sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)):
        container.mux(packet)


def packet_times(path, kind):
    """In seconds, of the packets of one kind in the order of the file."""
    with av.open(str(path)) as container:
        stream, = getattr(container.streams, kind)
        return [float(packet.pts * packet.time_base) for packet in container.demux(stream)
                if packet.size]


def frame_times(path):
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def convert(path):
    target = path.parent / 'out' / path.name
    frames = convert_video(path, target, lambda frame: frame.float())
    return frames, target


@pytest.mark.parametrize('kind,step', [('video', 512), ('audio', 1024)])
@pytest.mark.parametrize('repeats', [1, 3])
def test_repeated_times_go_on_by_a_tick(tmp_path, kind, step, repeats):
    marked = range(12, 12 + repeats)
    with av.open(str(tmp_path / 'plain.mp4'), 'w') as container:
        pictures, sound = add_pictures(container), add_sound(container)
        ticks = [512 * number for number in range(25)]
        if kind == 'video':  # Steps of one tick more, to find them in the file.
            ticks = [tick + sum(number >= each for each in marked)
                     for number, tick in enumerate(ticks)]
        packets, samples = picture_packets(pictures, ticks), sound_packets(
            sound, range(0, 46 * 1024, 1024))
        if kind == 'audio':
            for number, packet in enumerate(samples):
                packet.pts = packet.dts = packet.dts + sum(number >= each for each in marked)
        mux(container, packets + samples)
    data = (tmp_path / 'plain.mp4').read_bytes()
    entry = struct.pack('>II', repeats, step + 1)  # of the table of durations
    assert data.count(entry) == 1
    path = tmp_path / 'camera.mp4'
    path.write_bytes(data.replace(entry, struct.pack('>II', repeats, 0)))
    before = packet_times(path, kind)
    assert len(before) - len(set(before)) == repeats

    frames, target = convert(path)
    assert frames == 25 and len(list(read_frames(path))) == 25
    after = sorted(packet_times(target, kind))
    assert len(after) == len(before)
    tick = 1 / 12800 if kind == 'video' else 1 / 48000
    first = before.index(next(time for time in before if before.count(time) > 1))
    wanted = list(before)
    for number in range(repeats + 1):
        wanted[first + number] = before[first] + number * tick
    assert np.diff(after).min() > 0
    assert np.array(after) - after[0] == pytest.approx(np.array(wanted) - wanted[0], abs=tick / 9)


@pytest.mark.parametrize('times,wanted', [
    ([0, 512, 1024], [0, 512, 1024]),
    ([0, 512, 512, 512, 1024], [0, 512, 513, 514, 1024]),
    ([0, 512, 500, 1024], [0, 512, 513, 1024]),
    ([-1024, 0, 0], [-1024, 0, 1]),
    ([None, None, None], [0, 512, 1024]),  # 25 frames a second
    ([100, None, 1124], [100, 612, 1124])])
def test_times_by_hand(tmp_path, times, wanted):
    with av.open(str(tmp_path / 'a.mp4'), 'w') as container:
        clock = Times(tmp_path / 'a.mp4', add_pictures(container))
        assert [clock.forward(time) for time in times] == wanted
        container.mux(picture_packets(container.streams.video[0], [0]))


def test_times_that_go_far_back_are_refused(tmp_path):
    with av.open(str(tmp_path / 'a.mp4'), 'w') as container:
        clock = Times(tmp_path / 'a.mp4', add_pictures(container))
        container.mux(picture_packets(container.streams.video[0], [0]))
    clock.forward(10 * 12800)
    with pytest.raises(InputError, match='a.mp4: its times go back by 4.0 seconds'):
        clock.forward(6 * 12800)


def with_cover(data: bytes) -> bytes:
    """An MP4 file with a red square as cover, which FFmpeg then lists as its first stream."""
    def box(name, content):
        return struct.pack('>I4s', len(content) + 8, name) + content

    def boxes(start, end):
        while start < end:
            size, name = struct.unpack('>I4s', data[start:start + 8])
            yield start, size, name
            start += size

    start, size, _ = next(each for each in boxes(0, len(data)) if each[2] == b'moov')
    cover = io.BytesIO()
    Image.new('RGB', (300, 300), 'red').save(cover, 'JPEG')
    handler = box(b'hdlr', bytes(8) + b'mdirappl' + bytes(9))
    art = box(b'covr', box(b'data', struct.pack('>II', 13, 0) + cover.getvalue()))
    tags = box(b'udta', box(b'meta', bytes(4) + handler + box(b'ilst', art)))
    parts = [data[at:at + length] for at, length, name in boxes(start + 8, start + size)
             if name != b'udta']
    return (data[:start] + box(b'moov', parts[0] + tags + b''.join(parts[1:]))
            + data[start + size:])


def test_cover_art_is_no_video(tmp_path):
    with av.open(str(tmp_path / 'plain.mp4'), 'w') as container:
        stream = add_pictures(container)
        mux(container, picture_packets(stream, range(0, 25 * 512, 512)))
    path = tmp_path / 'cover.mp4'
    path.write_bytes(with_cover((tmp_path / 'plain.mp4').read_bytes()))
    with av.open(str(path)) as container:
        assert container.streams.video[0].width == 300
    frames, target = convert(path)
    assert frames == 25 and frame_rate(path) == 25
    shapes = {tuple(frame.shape) for source in (path, target) for frame in read_frames(source)}
    assert shapes == {(1, 3, 96, 160)}


def test_a_song_with_a_cover_is_no_video(tmp_path):
    with av.open(str(tmp_path / 'song.mp4'), 'w') as container:
        mux(container, sound_packets(add_sound(container), range(0, 4096, 1024)))
    path = tmp_path / 'cover.mp4'
    path.write_bytes(with_cover((tmp_path / 'song.mp4').read_bytes()))
    for source in (path, tmp_path / 'song.mp4'):
        for read in (convert, lambda source: list(read_frames(source)), frame_rate):
            with pytest.raises(InputError, match=f'{source.name} has no pictures'):
                read(source)


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv'])
def test_the_first_of_several_streams_is_taken_and_said(tmp_path, name, capsys):
    with av.open(str(tmp_path / name), 'w') as container:
        streams = [add_pictures(container, size) for size in ((96, 160), (48, 64))]
        mux(container, sum((picture_packets(stream, range(0, 5 * 512, 512))
                            for stream in streams), []))
    frames, target = convert(tmp_path / name)
    assert frames == 5 and next(read_frames(target)).shape == (1, 3, 96, 160)
    assert f'{name} has 2 streams of pictures: only number 0, 160x96' in capsys.readouterr().out


def test_the_default_stream_comes_before_the_first(tmp_path):
    path = tmp_path / 'a.mkv'
    with av.open(str(path), 'w') as container:
        streams = [add_pictures(container, size) for size in ((48, 64), (96, 160))]
        streams[0].disposition = av.stream.Disposition(0)
        streams[1].disposition = av.stream.Disposition.default
        mux(container, sum((picture_packets(stream, range(0, 5 * 512, 512))
                            for stream in streams), []))
    frames, target = convert(path)
    assert frames == 5 and next(read_frames(target)).shape == (1, 3, 96, 160)


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.mov'])
@pytest.mark.parametrize('late', ['video', 'audio', 'both'])
def test_streams_that_begin_late_stay_in_time(tmp_path, name, late):
    picture_start = 2 * 12800 if late != 'audio' else 0
    sound_start = 2 * 48000 if late != 'video' else 0
    with av.open(str(tmp_path / name), 'w') as container:
        pictures, sound = add_pictures(container), add_sound(container)
        mux(container, picture_packets(
            pictures, range(picture_start, picture_start + 25 * 512, 512)) + sound_packets(
            sound, range(sound_start, sound_start + 100 * 1024, 1024)))
    frames, target = convert(tmp_path / name)
    assert frames == 25
    offsets = [frame_times(path)[0] - packet_times(path, 'audio')[0]
               for path in (tmp_path / name, target)]
    assert offsets[1] == pytest.approx(offsets[0], abs=0.03)
    assert abs(offsets[0]) > 1.5 or late == 'both'
    steps = [np.diff(frame_times(path)) for path in (tmp_path / name, target)]
    assert steps[1] == pytest.approx(steps[0], abs=2e-3)


def test_sound_that_the_result_cannot_hold_is_named(tmp_path):
    path = tmp_path / 'matroska_in_truth.mp4'
    with av.open(str(path), 'w', format='matroska') as container:
        pictures, sound = add_pictures(container), container.add_stream('pcm_u8', rate=8000)
        sound.layout = 'mono'
        packets = picture_packets(pictures, range(0, 5 * 512, 512))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.uint8), 'u8', 'mono')
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        mux(container, packets + sound.encode(frame) + sound.encode(None))
    with pytest.raises(InputError, match=f'{path.name} cannot be written as .*out/{path.name}: '):
        convert(path)
