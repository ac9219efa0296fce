"""Videos frame by frame, sound kept."""
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from tqdm import tqdm

from .errors import InputError

SUFFIXES = ('.mp4', '.mkv', '.mov', '.avi', '.webm')
# Written in pieces that play by themselves, so that an interrupted file plays up to where it ends.
_MP4_OPTIONS = dict(movflags='frag_keyframe+delay_moov+default_base_moof')


def target_suffix(source: Path) -> str:
    """Of the result: H.264 in the same container, in Matroska where that is no place for it."""
    return source.suffix.lower() if source.suffix.lower() in ('.mp4', '.mov') else '.mkv'


def convert_video(source: Path, target: Path, change: Callable[[Tensor], Tensor],
                  crf: int = 18) -> int:
    """Change every frame of a video; sound is copied as it is. Returns the number of frames.

    Args:
        change: from frames (1, 3, H, W), RGB, uint8, in order, to RGB on 0..255 of the same size.
        crf: constant rate factor of x264; 18 is hard to tell from the original.

    Raises:
        InputError: PyAV is missing, or the file is no video.
    """
    try:
        import av
    except ImportError as error:
        raise InputError("Videos need PyAV: pip install -e '.[video]'") from error
    try:
        incoming = av.open(str(source))
    except (av.FFmpegError, OSError) as error:
        raise InputError(f'{source} cannot be read as a video: {error}.') from error
    with incoming:
        if not incoming.streams.video:
            raise InputError(f'{source} has no pictures.')
        pictures, sounds = incoming.streams.video[0], incoming.streams.audio
        target.parent.mkdir(parents=True, exist_ok=True)
        options = _MP4_OPTIONS if target.suffix in ('.mp4', '.mov') else {}
        with av.open(str(target), 'w', options=options) as outgoing, \
                tqdm(total=pictures.frames or None, desc=source.name, unit='frame') as bar:
            encoder = outgoing.add_stream('libx264', rate=pictures.average_rate or 25,
                                          options=dict(crf=str(crf)))
            encoder.width, encoder.height = pictures.width, pictures.height
            # Half the colour resolution, as players expect; it needs even sides.
            even = pictures.width % 2 == pictures.height % 2 == 0
            encoder.pix_fmt = 'yuv420p' if even else 'yuv444p'
            encoder.time_base = encoder.codec_context.time_base = pictures.time_base
            for name in ('colorspace', 'color_range', 'color_primaries', 'color_trc'):
                setattr(encoder.codec_context, name, getattr(pictures.codec_context, name))
            copies = {sound.index: outgoing.add_stream_from_template(sound) for sound in sounds}
            count = 0
            try:
                for packet in incoming.demux(pictures, *sounds):
                    if packet.stream.index in copies:
                        if packet.dts is not None:
                            packet.stream = copies[packet.stream.index]
                            outgoing.mux(packet)
                        continue
                    for frame in packet.decode():
                        outgoing.mux(encoder.encode(_changed(frame, change, encoder.pix_fmt)))
                        count += 1
                        bar.update()
            finally:  # The encoder still holds frames, also after Ctrl-C.
                outgoing.mux(encoder.encode(None))
    return count


def _changed(frame, change: Callable[[Tensor], Tensor], pixel_format: str):
    """A changed frame at the same time, its colours coded as before."""
    import av
    rgb = torch.from_numpy(frame.to_ndarray(format='rgb24')).permute(2, 0, 1)[None]
    changed = change(rgb)[0].round().clamp(0, 255).byte().permute(1, 2, 0).cpu().contiguous()
    result = av.VideoFrame.from_ndarray(changed.numpy(), format='rgb24')
    result = result.reformat(format=pixel_format, dst_colorspace=frame.colorspace,
                             dst_color_range=frame.color_range)
    result.pts, result.time_base = frame.pts, frame.time_base
    return result
