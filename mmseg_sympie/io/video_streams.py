"""What a video file holds: the stream of pictures to take, its times, and how it stands upright."""
import shlex
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError


class Orientation(NamedTuple):
    """How coded pictures come to stand upright: transposed if `turned`, then mirrored."""

    turned: bool
    mirrored: list[int]  # axes of a tensor, -2 the rows and -1 the columns


class Times:
    """Times of a stream that only go forward, as encoders and containers ask for.

    Cameras and cutting tools write two packets of one time; the second is put a tick later.
    """

    def __init__(self, source: Path, stream):
        self.source = source
        self.last: int | None = None
        self.ticks_a_second = 1 / stream.time_base
        rate = getattr(stream, 'average_rate', None) or 25  # only for pictures without times
        self.ticks_a_frame = max(1, round(self.ticks_a_second / rate))

    def forward(self, time: int | None) -> int:
        """The time in ticks of what comes next; None where its file gives none.

        Raises:
            InputError: it is more than a second before the last one, which no tick mends.
        """
        if time is None:
            time = 0 if self.last is None else self.last + self.ticks_a_frame
        if self.last is not None and time <= self.last:
            if self.last - time > self.ticks_a_second:
                raise InputError(
                    f'{self.source}: its times go back by '
                    f'{float((self.last - time) / self.ticks_a_second):.1f} seconds. Let FFmpeg '
                    f'repair it: ffmpeg -fflags +genpts+igndts -i '
                    f'{shlex.quote(str(self.source))} repaired{self.source.suffix}')
            time = self.last + 1
        self.last = time
        return time


def import_av():
    """PyAV, which is an extra."""
    try:
        import av
    except ImportError as error:
        raise InputError("Videos need PyAV: pip install -e '.[video]'") from error
    return av


def open_video(source: Path):
    """A file as PyAV's container; InputError where it is no video."""
    av = import_av()
    try:
        return av.open(str(source))
    except (av.FFmpegError, OSError) as error:
        raise InputError(f'{source} cannot be read as a video: {error}.') from error


def picture_stream(container, source: Path):
    """The stream of pictures to take: the default one, and none of covers and previews.

    Raises:
        InputError: there is none.
    """
    kinds = import_av().stream.Disposition
    streams = [stream for stream in container.streams.video
               if not stream.disposition & (kinds.attached_pic | kinds.timed_thumbnails)]
    if not streams:
        raise InputError(f'{source} has no pictures.')
    return next((stream for stream in streams if stream.disposition & kinds.default), streams[0])


@contextmanager
def named_where_writing_fails(source: Path, target: Path,
                              kinds: tuple[type, ...] = ()) -> Iterator[None]:
    """Turn errors of FFmpeg's, and of other kinds, into one with the names of both files."""
    try:
        yield
    except (import_av().FFmpegError, *kinds) as error:
        raise InputError(f'{source} cannot be written as {target}: {error}. Let FFmpeg bring it '
                         f'into a common form: ffmpeg -i {shlex.quote(str(source))} '
                         'common.mkv') from error


@contextmanager
def named_where_decoding_fails(source: Path) -> Iterator[None]:
    """Turn FFmpeg's errors of reading into an InputError with the file's name."""
    try:
        yield
    except import_av().FFmpegError as error:
        raise InputError(f'{source} cannot be decoded further: {error}. If it is damaged, copy it '
                         f'again or let FFmpeg repair it: ffmpeg -i {shlex.quote(str(source))} '
                         f'repaired{source.suffix}') from error


def packets(source: Path, container, *streams) -> Iterator[tuple]:
    """Packets of the streams, and the frames of those of pictures."""
    with named_where_decoding_fails(source):
        for packet in container.demux(*streams):
            yield packet, packet.decode() if packet.stream.type == 'video' else []


def orientation_of(source: Path) -> Orientation:
    """From the display matrix, which decoders hand out with the frames only.

    It sends (column, row) to (a column + c row, b column + d row).
    """
    with open_video(source) as container, named_where_decoding_fails(source):
        first = next(container.decode(picture_stream(container, source)), None)
    if first is None:
        raise InputError(f'{source} has no pictures.')
    matrix = first.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return Orientation(False, [])
    a, b, _, c, d, *_ = struct.unpack('=9i', bytes(matrix))
    turned = abs(b) > abs(a)
    columns, rows = (c, b) if turned else (a, d)
    return Orientation(turned, [axis for axis, factor in ((-2, rows), (-1, columns))
                                if factor < 0])


def upright(frame, orientation: Orientation) -> Tensor:
    """A frame of PyAV as (1, 3, H, W), RGB, uint8."""
    rgb = torch.from_numpy(frame.to_ndarray(format='rgb24')).permute(2, 0, 1)[None]
    if orientation.turned:
        rgb = rgb.transpose(-1, -2)
    return rgb.flip(orientation.mirrored) if orientation.mirrored else rgb
