"""What video compression does to a network's features, without and with an enhancer after it."""
import argparse
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from ..benchmarks.compression import (
    Compressed,
    Distances,
    Rate,
    compare,
    compress,
    feature_extractor,
    write_results,
)
from ..errors import InputError
from ..io.config import type_name
from ..io.files import check_writable
from ..io.video import frame_rate, read_frames
from .enhance import configs_of_options
from .inference import ImageEnhancer


def compare_rates(args: argparse.Namespace
                  ) -> tuple[Mapping[str, Distances], Mapping[str, Compressed], str]:
    """Compress at each rate and compare features, as the options of the command say.

    Returns:
        What was measured and the compressed videos, both by rate, and a title.

    Raises:
        InputError: the video is missing, or the results would lie among the originals.
    """
    _check(args.video, args.out)
    features = feature_extractor(args.network, args.device)
    configs = configs_of_options(args)
    enhancer = ImageEnhancer(configs, device=args.device)
    fps = args.fps or (Fraction(30) if args.video.is_dir() else frame_rate(args.video))
    rates = ([Rate(kbit_s=kbit_s) for kbit_s in args.bitrates] if args.bitrates
             else [Rate(crf=crf) for crf in args.crf])
    versions = {rate.name: compress(read_frames(args.video, args.prefix),
                                    args.out / rate.file_name, rate, fps) for rate in rates}
    measured = compare(read_frames(args.video, args.prefix), versions,
                       enhancer.preprocessor.enhance, features, args.device)
    which = ' + '.join(
        type_name(config['type']) + ''.join(f', {key} {value}' for key, value in config.items()
                                            if key != 'type') for config in configs)
    title = (f'{args.video} {args.prefix}, {float(fps):g} frames a second, '
             f'{args.network.partition(":")[0]}, {which}')
    write_results(args.out, title, measured, versions)
    return measured, versions, title


def _check(video: Path, out: Path) -> None:
    if not video.exists():
        raise InputError(f'{video} does not exist (looked from {Path.cwd()}).')
    folder = video if video.is_dir() else video.parent
    if out.resolve() == folder.resolve():
        raise InputError(f'--out {out} is the folder of the originals. Choose another one.')
    check_writable(out)
