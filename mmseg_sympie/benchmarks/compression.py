"""How far compression moves a network's features, and how far an enhancer moves them back.

The paper's Table 8, on any video: frames are compressed by x264 at several rates, and the features
of the compressed ones, without and with the enhancer, are compared with those of the originals.
"""
import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ..errors import InputError
from ..evaluation.report import percent, write_csv
from ..io.figures import new_figure, save_figure
from ..io.files import written_whole
from ..io.video import import_av, pixel_format, read_frames, to_frame
from ..normalization import IMAGENET_RGB
from ..pretraining.upstream import TorchvisionClassifier
from .timing import write_table

ORIGINAL = 'original'


class Rate(NamedTuple):
    """What x264 is asked for: a constant rate factor, or a bitrate."""

    crf: int | None = None
    kbit_s: int | None = None

    @property
    def name(self) -> str:
        """For people."""
        return f'CRF {self.crf}' if self.kbit_s is None else f'{self.kbit_s} kbit/s'

    @property
    def file_name(self) -> str:
        """Of the video at this rate."""
        return f'crf_{self.crf}.mp4' if self.kbit_s is None else f'kbit_s_{self.kbit_s}.mp4'


class Compressed(NamedTuple):
    """A compressed video: its file, the kbit/s that its pictures take, and how many these are."""

    file: Path
    kbit_s: float
    frames: int


class Distances(NamedTuple):
    """Of compressed frames from the originals, means over all frames."""

    pixels: float  # squared error of RGB on 0..255
    features: float  # squared error of the features
    features_enhanced: float  # the same, the compressed frame enhanced

    @property
    def psnr(self) -> float | None:
        """In dB; None of equal frames."""
        return 10 * math.log10(255**2 / self.pixels) if self.pixels else None

    @property
    def change(self) -> float | None:
        """What the enhancer changes of the features' error, in percent of it."""
        return (100 * (self.features_enhanced / self.features - 1)) if self.features else None


def compress(frames: Iterable[Tensor], target: Path, rate: Rate, fps: Fraction,
             title: str | None = None) -> Compressed:
    """Write frames (1, 3, H, W), RGB on 0..255, by x264; its result varies slightly.

    Args:
        frames: all of one size.
        target: the file to write.
        rate: quality or bitrate.
        fps: frames a second.
        title: of the progress bar; by default the rate.
    """
    options = {} if rate.crf is None else dict(crf=str(rate.crf))
    size_bytes = count = 0
    with written_whole(target) as partial, import_av().open(str(partial), 'w') as container:
        encoder = container.add_stream('libx264', rate=fps, options=options)
        if rate.kbit_s is not None:
            encoder.codec_context.bit_rate = 1000 * rate.kbit_s
        for frame in tqdm(frames, unit='frame', desc=title or rate.name):
            if count == 0:
                encoder.height, encoder.width = frame.shape[-2:]
                encoder.pix_fmt = pixel_format(encoder.width, encoder.height)
            count += 1
            for packet in encoder.encode(to_frame(frame)):
                size_bytes += packet.size
                container.mux(packet)
        for packet in encoder.encode(None):
            size_bytes += packet.size
            container.mux(packet)
    return Compressed(target, float(8 * size_bytes / 1000 / (count / fps)), count)


def feature_extractor(text: str, device: str) -> Callable[[Tensor], Tensor]:
    """`NAME:WEIGHTS` of torchvision -> its features before the classifier, of images on 0..255.

    The paper takes VGG19; of which layer we could not find out. Here it is all of `.features`, at
    the frames' full size.

    Raises:
        InputError: unknown network or weights, or a network without `.features`.
    """
    name, _, weights = text.partition(':')
    network = TorchvisionClassifier(name, weights).model.to(device)
    if not hasattr(network, 'features'):
        raise InputError(f"torchvision's {name} has no part called features. Wanted one such as "
                         'vgg19, mobilenet_v2, densenet121, efficientnet_b0 or convnext_tiny.')
    features = network.get_submodule('features')
    return lambda image: features(IMAGENET_RGB.standardise(image.float() / 255))


@torch.inference_mode()
def compare(frames: Iterable[Tensor], versions: Mapping[str, Compressed],
            enhance: Callable[[Tensor], Tensor], features: Callable[[Tensor], Tensor],
            device: str = 'cpu') -> dict[str, Distances]:
    """Distances of each version of a video from its frames, and under 'original' of those.

    Args:
        frames: originals (1, 3, H, W), RGB, uint8.
        versions: compressed videos of these frames, by name.
        enhance: from such frames to RGB on 0..255, which is clamped here.
        features: from images on 0..255 to a tensor.
        device: of the computation.

    Returns:
        The distances by name.
    """
    compressed = [read_frames(version.file) for version in versions.values()]
    total = next(iter(versions.values())).frames
    errors = []
    for frame, *others in tqdm(zip(frames, *compressed, strict=True), 'compare', total,
                               unit='frame'):
        frame = frame.to(device)
        wanted = features(frame)
        errors.append([[F.mse_loss(version.float(), frame.float()),
                        F.mse_loss(features(version), wanted),
                        F.mse_loss(features(enhance(version).clamp(0, 255)), wanted)]
                       for version in (frame, *(other.to(device) for other in others))])
    means = torch.tensor(errors, dtype=torch.float64).mean(dim=0)
    return {name: Distances(*row) for name, row in zip((ORIGINAL, *versions), means.tolist())}


def compression_rows(measured: Mapping[str, Distances],
                     versions: Mapping[str, Compressed]) -> list[list[str]]:
    """The table, header first; the original, which is not compressed, last."""
    rows = [['x264', 'kbit/s', 'PSNR dB', 'feature MSE', 'enhanced', 'change %']]
    for name in [*versions, ORIGINAL]:
        found = measured[name]
        kbit_s = f'{versions[name].kbit_s:.0f}' if name in versions else '-'
        rows.append([name, kbit_s, percent(found.psnr), f'{found.features:.4g}',
                     f'{found.features_enhanced:.4g}', percent(found.change, sign=True)])
    return rows


def write_results(folder: Path, title: str, measured: Mapping[str, Distances],
                  versions: Mapping[str, Compressed]) -> None:
    """Write compression.md, .json, .csv and .png."""
    path = folder / 'compression'
    numbers = {name: dict(kbit_s=versions[name].kbit_s if name in versions else None,
                          psnr_db=found.psnr, feature_mse=found.features,
                          feature_mse_enhanced=found.features_enhanced,
                          change_percent=found.change)
               for name, found in measured.items()}
    write_table(path, title, [compression_rows(measured, versions)], dict(measured=numbers))
    write_csv(path.with_suffix('.csv'), [['x264', *numbers[ORIGINAL]],
                                         *([name, *found.values()]
                                           for name, found in numbers.items())])
    plot_feature_errors(measured, versions, path.with_suffix('.png'))


def plot_feature_errors(measured: Mapping[str, Distances], versions: Mapping[str, Compressed],
                        path: Path) -> None:
    """Error of the features against the bitrate, without and with the enhancer."""
    names = sorted(versions, key=lambda name: versions[name].kbit_s)
    rates = [versions[name].kbit_s for name in names]
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    axes.plot(rates, [measured[name].features for name in names], 'o-', color='#7a7a7a',
              label='compressed')
    axes.plot(rates, [measured[name].features_enhanced for name in names], 's-', color='#2a7f4f',
              label='compressed, then enhanced')
    axes.axhline(measured[ORIGINAL].features_enhanced, color='#2a7f4f', linestyle=':',
                 label='not compressed, enhanced')
    axes.set(xscale='log', xlabel='kbit/s', ylabel='mean squared error of the features')
    axes.set_xticks(rates, [f'{rate:.0f}' for rate in rates])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    save_figure(figure, path)
