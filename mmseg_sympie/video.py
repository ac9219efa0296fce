"""Videos frame by frame: reading them upright, and changing every frame, sound kept."""
import shlex
import struct
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .errors import InputError
from .images import files_in, read_rgb

SUFFIXES = ('.mp4', '.mkv', '.mov', '.avi', '.webm')
# Written in pieces that play by themselves, so that an interrupted file plays up to where it ends.
_MP4_OPTIONS = dict(movflags='frag_keyframe+delay_moov+default_base_moof')


class Orientation(NamedTuple):
    """How coded pictures come to stand upright: transposed if `turned`, then mirrored."""

    turned: bool
    mirrored: List[int]  # axes of a tensor, -2 the rows and -1 the columns


def import_av():
    """PyAV, which is an extra."""
    try:
        import av
    except ImportError as error:
        raise InputError("Videos need PyAV: pip install -e '.[video]'") from error
    return av


def target_suffix(source: Path) -> str:
    """Of the result: H.264 in the same container, in Matroska where that is no place for it."""
    return source.suffix.lower() if source.suffix.lower() in ('.mp4', '.mov') else '.mkv'


def read_frames(source: Path, prefix: str = '') -> Iterator[Tensor]:
    """Frames (1, 3, H, W), RGB, uint8, upright and in order, of a video or a folder of images.

    Raises:
        InputError: no video, a damaged one, or as `frame_files`, or images of several sizes.
    """
    if not source.is_dir():
        orientation = _orientation(source)
        with _open(source) as container, _named_where_decoding_fails(source):
            for frame in container.decode(video=0):
                yield _upright(frame, orientation)
        return
    files = frame_files(source, prefix)
    size = None
    for file in files:
        image = torch.from_numpy(np.array(read_rgb(file))).permute(2, 0, 1)[None]
        size = size or image.shape
        if image.shape != size:
            raise InputError(f'{file} has {tuple(image.shape[2:])} pixels and {files[0].name} '
                             f'{tuple(size[2:])} (height, width): frames of a video have one size. '
                             'Choose them by their prefix.')
        yield image


def frame_files(folder: Path, prefix: str = '') -> List[Path]:
    """Images of a folder in the order of their names.

    Raises:
        InputError: none has a name that starts with the prefix.
    """
    files = [path for path in files_in(folder) if path.name.startswith(prefix)]
    if not files:
        raise InputError(f'{folder} has no images with names that start with {prefix!r}: wanted '
                         'the frames of a video, in the order of names.')
    return files


def frame_rate(source: Path) -> Fraction:
    """Frames a second on average; 25 where the file does not say."""
    with _open(source) as container:
        return container.streams.video[0].average_rate or Fraction(25)


def convert_video(source: Path, target: Path, change: Callable[[Tensor], Tensor],
                  crf: int = 18) -> int:
    """Change every frame of a video; sound is copied as it is. Returns the number of frames.

    A phone's video, coded lying with a tag to turn it, comes out coded upright: an enhancer should
    see it as people do.

    Args:
        change: from frames (1, 3, H, W), RGB, uint8, in order, to RGB on 0..255 of the same size.
        crf: constant rate factor of x264; 18 is hard to tell from the original.

    Raises:
        InputError: PyAV is missing, or the file is no video, or damaged; what was done before the
            damage is in the target.
    """
    av = import_av()
    orientation = _orientation(source)
    with _open(source) as incoming:
        pictures, sounds = incoming.streams.video[0], incoming.streams.audio
        target.parent.mkdir(parents=True, exist_ok=True)
        options = _MP4_OPTIONS if target.suffix in ('.mp4', '.mov') else {}
        with av.open(str(target), 'w', options=options) as outgoing, \
                tqdm(total=pictures.frames or None, desc=source.name, unit='frame') as bar:
            encoder = outgoing.add_stream('libx264', rate=pictures.average_rate or 25,
                                          options=dict(crf=str(crf)))
            encoder.width, encoder.height = pictures.width, pictures.height
            pixel_aspect = pictures.sample_aspect_ratio or Fraction(1)
            if orientation.turned:
                encoder.width, encoder.height = pictures.height, pictures.width
                pixel_aspect = 1 / pixel_aspect
            encoder.codec_context.sample_aspect_ratio = pixel_aspect
            encoder.pix_fmt = pixel_format(pictures.width, pictures.height)
            encoder.time_base = encoder.codec_context.time_base = pictures.time_base
            for name in ('colorspace', 'color_range', 'color_primaries', 'color_trc'):
                setattr(encoder.codec_context, name, getattr(pictures.codec_context, name))
            copies = {sound.index: outgoing.add_stream_from_template(sound) for sound in sounds}
            count = 0
            try:
                for packet, frames in _packets(source, incoming, pictures, *sounds):
                    if packet.stream.index in copies:
                        if packet.dts is not None:
                            packet.stream = copies[packet.stream.index]
                            outgoing.mux(packet)
                        continue
                    for frame in frames:
                        changed = change(_upright(frame, orientation))
                        outgoing.mux(encoder.encode(_coded_like(frame, changed, encoder.pix_fmt)))
                        count += 1
                        bar.update()
            finally:  # The encoder still holds frames, also after Ctrl-C.
                outgoing.mux(encoder.encode(None))
    return count


def pixel_format(width: int, height: int) -> str:
    """Half the colour resolution, as players expect; it needs even sides."""
    return 'yuv420p' if width % 2 == height % 2 == 0 else 'yuv444p'


def to_frame(image: Tensor):
    """RGB images (1, 3, H, W) on 0..255 as a frame of PyAV, rounded to 8 bits."""
    rgb = image[0].round().clamp(0, 255).byte().permute(1, 2, 0).cpu().contiguous()
    return import_av().VideoFrame.from_ndarray(rgb.numpy(), format='rgb24')


def _open(source: Path):
    av = import_av()
    try:
        container = av.open(str(source))
    except (av.FFmpegError, OSError) as error:
        raise InputError(f'{source} cannot be read as a video: {error}.') from error
    if not container.streams.video:
        container.close()
        raise InputError(f'{source} has no pictures.')
    return container


@contextmanager
def _named_where_decoding_fails(source: Path) -> Iterator[None]:
    try:
        yield
    except import_av().FFmpegError as error:
        raise InputError(f'{source} cannot be decoded further: {error}. If it is damaged, copy it '
                         f'again or let FFmpeg repair it: ffmpeg -i {shlex.quote(str(source))} '
                         f'repaired{source.suffix}') from error


def _packets(source: Path, container, *streams) -> Iterator[tuple]:
    """Packets of the streams, and the frames of those of pictures."""
    with _named_where_decoding_fails(source):
        for packet in container.demux(*streams):
            yield packet, packet.decode() if packet.stream.type == 'video' else []


def _orientation(source: Path) -> Orientation:
    """From the display matrix, which decoders hand out with the frames only.

    It sends (column, row) to (a column + c row, b column + d row).
    """
    with _open(source) as container, _named_where_decoding_fails(source):
        first = next(container.decode(video=0), None)
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


def _upright(frame, orientation: Orientation) -> Tensor:
    rgb = torch.from_numpy(frame.to_ndarray(format='rgb24')).permute(2, 0, 1)[None]
    if orientation.turned:
        rgb = rgb.transpose(-1, -2)
    return rgb.flip(orientation.mirrored) if orientation.mirrored else rgb


def _coded_like(frame, image: Tensor, pixel_format: str):
    """An image at the time of a frame, its colours coded as the frame's."""
    result = to_frame(image).reformat(format=pixel_format, dst_colorspace=frame.colorspace,
                                      dst_color_range=frame.color_range)
    result.pts, result.time_base = frame.pts, frame.time_base
    return result
