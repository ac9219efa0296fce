"""Videos frame by frame: reading them upright, and changing every frame, sound kept."""
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..errors import InputError
from .images import files_in, read_rgb
from .video_streams import (
    Orientation,
    Times,
    import_av,
    named_where_decoding_fails,
    named_where_writing_fails,
    open_video,
    orientation_of,
    packets,
    picture_stream,
    upright,
)

# Written in pieces that play by themselves, so that an interrupted file plays up to where it ends.
_MP4_OPTIONS = dict(movflags='frag_keyframe+delay_moov+default_base_moof')


def read_frames(source: Path, prefix: str = '') -> Iterator[Tensor]:
    """Frames (1, 3, H, W), RGB, uint8, upright and in order, of a video or a folder of images.

    Raises:
        InputError: no video, a damaged one, or as `frame_files`, or images of several sizes.
    """
    if not source.is_dir():
        orientation = orientation_of(source)
        with open_video(source) as container, named_where_decoding_fails(source):
            for frame in container.decode(picture_stream(container, source)):
                yield upright(frame, orientation)
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


def frame_files(folder: Path, prefix: str = '') -> list[Path]:
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
    with open_video(source) as container:
        return picture_stream(container, source).average_rate or Fraction(25)


def convert_video(source: Path, target: Path, change: Callable[[Tensor], Tensor],
                  crf: int = 18) -> int:
    """Change every frame of a video; sound is copied as it is. Returns the number of frames.

    A phone's video, coded lying with a tag to turn it, comes out coded upright: an enhancer should
    see it as people do.

    Args:
        source: the video.
        target: the file to write.
        change: from frames (1, 3, H, W), RGB, uint8, in order, to RGB on 0..255 of the same size.
        crf: constant rate factor of x264; 18 is hard to tell from the original.

    Raises:
        InputError: PyAV is missing, or the file is no video, or damaged; what was done before the
            damage is in the target.
    """
    av = import_av()
    orientation = orientation_of(source)
    with open_video(source) as incoming, named_where_writing_fails(source, target):
        pictures, sounds = picture_stream(incoming, source), incoming.streams.audio
        if len(incoming.streams.video) > 1:
            print(f'{source} has {len(incoming.streams.video)} streams of pictures: only number '
                  f'{pictures.index}, {pictures.width}x{pictures.height}, is taken.')
        target.parent.mkdir(parents=True, exist_ok=True)
        options = _MP4_OPTIONS if target.suffix in ('.mp4', '.mov') else {}
        with av.open(str(target), 'w', options=options) as outgoing, \
                tqdm(total=pictures.frames or None, desc=source.name, unit='frame') as bar:
            encoder = _encoder_like(outgoing, pictures, orientation, crf)
            with named_where_writing_fails(source, target, (ValueError,)):  # PyAV's own
                copies = {sound.index: outgoing.add_stream_from_template(sound)
                          for sound in sounds}
            times = {stream.index: Times(source, stream) for stream in (pictures, *sounds)}
            count = 0
            try:
                for packet, frames in packets(source, incoming, pictures, *sounds):
                    forward = times[packet.stream.index].forward
                    if packet.stream.index in copies:
                        if packet.size:
                            packet.dts = forward(packet.pts if packet.dts is None else packet.dts)
                            packet.pts = max(packet.pts or packet.dts, packet.dts)
                            packet.stream = copies[packet.stream.index]
                            outgoing.mux(packet)
                        continue
                    for frame in frames:
                        changed = change(upright(frame, orientation))
                        coded = _coded_like(frame, changed, encoder.pix_fmt)
                        coded.pts, coded.time_base = forward(frame.pts), pictures.time_base
                        outgoing.mux(encoder.encode(coded))
                        count += 1
                        bar.update()
            finally:  # The encoder still holds frames, also after Ctrl-C.
                outgoing.mux(encoder.encode(None))
    return count


def _encoder_like(outgoing, pictures, orientation: Orientation, crf: int):
    """x264 for pictures like these, upright."""
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
    return encoder


def pixel_format(width: int, height: int) -> str:
    """Half the colour resolution, as players expect; it needs even sides."""
    return 'yuv420p' if width % 2 == height % 2 == 0 else 'yuv444p'


def to_frame(image: Tensor):
    """RGB images (1, 3, H, W) on 0..255 as a frame of PyAV, rounded to 8 bits."""
    rgb = image[0].round().clamp(0, 255).byte().permute(1, 2, 0).cpu().contiguous()
    return import_av().VideoFrame.from_ndarray(rgb.numpy(), format='rgb24')


def _coded_like(frame, image: Tensor, pixel_format: str):
    """An image, its colours coded as a frame's."""
    return to_frame(image).reformat(format=pixel_format, dst_colorspace=frame.colorspace,
                                    dst_color_range=frame.color_range)
