"""A small video with sound, and what is in one."""
import av
import golden
import numpy as np
import torch

FRAMES, RATE = 12, 10


def make_video(path, height=48, width=64, sound=True, colorspace=None):
    """Moving waves, and a tone in AAC."""
    with av.open(str(path), 'w') as container:
        pictures = container.add_stream('libx264', rate=RATE, options=dict(crf='10'))
        pictures.width, pictures.height, pictures.pix_fmt = width, height, 'yuv444p'
        if colorspace is not None:
            pictures.codec_context.colorspace = colorspace
        tone = container.add_stream('aac', rate=8000, layout='mono') if sound else None
        for number in range(FRAMES):
            image = golden.image_255(height, width, phase=number / 4) // 3
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image.permute(1, 2, 0).numpy()), format='rgb24')
            if colorspace is not None:
                frame = frame.reformat(format='yuv444p', dst_colorspace=colorspace)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        if sound:
            wave = np.sin(np.arange(8000 * FRAMES // RATE) / 5).astype(np.float32)[None]
            for start in range(0, wave.shape[1] - 1023, 1024):
                frame = av.AudioFrame.from_ndarray(wave[:, start:start + 1024].copy(), 'fltp',
                                                   'mono')
                frame.sample_rate, frame.pts = 8000, start
                container.mux(tone.encode(frame))
            container.mux(tone.encode(None))


def read_video(path):
    """Frames (N, 3, H, W), their times in seconds, and the samples of sound."""
    with av.open(str(path)) as container:
        frames, times = [], []
        for frame in container.decode(video=0):
            frames.append(torch.from_numpy(frame.to_ndarray(format='rgb24')).permute(2, 0, 1))
            times.append(float(frame.pts * frame.time_base))
    samples = 0
    with av.open(str(path)) as container:
        if container.streams.audio:
            samples = sum(frame.samples for frame in container.decode(audio=0))
    return torch.stack(frames), times, samples
