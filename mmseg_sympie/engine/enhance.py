"""Enhance images and videos, and keep a record of what was predicted for each."""
import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..enhancer.build import enhancer_configs, fingerprint, names_of
from ..enhancer.fast import FastSyMPIE, PixelFormat
from ..enhancer.smoother import ParameterSmoother
from ..errors import InputError
from ..io import video
from ..io.config import type_name
from ..io.files import written_whole
from ..io.images import read_rgb
from ..io.video_names import is_video
from .file_runs import Outcome, Record, run_on_files
from .inference import ImageEnhancer
from .segmentor_config import enhancers_for

RECORD = 'parameters.json'
LARGEST_PANEL = 65000  # pixels along a side; JPEG ends a little above


def configs_of_options(args: argparse.Namespace) -> list[dict]:
    """The configs of the enhancers that the options of `add_enhancer_options` name.

    Raises:
        InputError: options that do not go together.
    """
    named: str | dict = args.enhancer or 'default'
    if args.checkpoint is not None:
        named = dict(type='SyMPIE', checkpoint=args.checkpoint)
    if args.mean_match is not None:
        named = dict(type='MeanMatch', target=args.mean_match)
    configs = enhancer_configs(enhancers_for(named, args.source), source=args.source)
    if args.iterations != 1:
        if [type_name(config['type']) for config in configs] != ['SyMPIE']:
            raise InputError('--iterations is of SyMPIE alone: leave it out, or name --checkpoint '
                             'or --enhancer SyMPIE.')
        configs[0]['iterations'] = args.iterations
    return configs


def made_by(configs: Sequence[dict], args: argparse.Namespace) -> str:
    """Enhancers and settings, to tell results of one from those of another."""
    return (f'{names_of(configs)}, settings of sha256 {fingerprint(configs)[:16]}, every '
            f'{args.every}, momentum {args.momentum:g}')


def smoother_of(enhancer: ImageEnhancer, args: argparse.Namespace) -> ParameterSmoother | None:
    """What predicts the parameters of video frames; None for others than SyMPIE applied once.

    Raises:
        InputError: --every or --momentum for such another enhancer.
    """
    preprocessor = enhancer.preprocessor
    fast = preprocessor.fast
    if (len(preprocessor.enhancers) == 1 and isinstance(fast, FastSyMPIE)
            and fast.enhancer.iterations == 1):
        return ParameterSmoother(fast, args.every, args.momentum)
    if args.every != 1 or args.momentum:
        raise InputError('--every re-uses what SyMPIE predicts for one application, and --momentum '
                         f'keeps some of it; got {enhancer!r}. Leave them out, or name --enhancer '
                         'SyMPIE.')
    return None


def write_image(path: Path, rgb: np.ndarray) -> None:
    """Write an image (H, W, 3), RGB, uint8, whole."""
    with written_whole(path) as partial:
        partial.write_bytes(cv2.imencode(path.suffix, rgb[..., ::-1])[1].tobytes())


def enhance_image(enhancer: ImageEnhancer, source: Path, target: Path,
                  out: Path) -> dict[str, Any]:
    """Write the enhanced image and its panel; return what was predicted."""
    image = np.array(read_rgb(source))
    picture, parameters = enhancer.picture_and_parameters(image)
    write_image(out / target, picture)
    panel = np.concatenate([image, picture], axis=1)
    step = -(-max(panel.shape) // LARGEST_PANEL)
    write_image(out / 'panels' / f'{target.with_suffix("")}.jpg', panel[::step, ::step])
    return {} if parameters is None else parameters._asdict()


def enhance_video(enhancer: ImageEnhancer, smoother: ParameterSmoother | None, source: Path,
                  target: Path, out: Path) -> dict[str, Any]:
    """Write the enhanced video; return how many frames it has, and how many predictions it took."""
    def change(frame: Tensor) -> Tensor:
        frame = frame.to(enhancer.device)
        if smoother is None:
            return enhancer.preprocessor.enhance(frame)
        return smoother.fast(frame, PixelFormat('rgb'), smoother(frame))

    done = dict(frames=video.convert_video(source, out / target, change))
    if smoother:
        done['predictions'] = smoother.predictions
    print(', '.join(f'{number} {name}' for name, number in done.items()) + f': {out / target}')
    return done


@torch.inference_mode()
def enhance_all(enhancer: ImageEnhancer, planned: Mapping[Path, str], record: Record,
                args: argparse.Namespace) -> Outcome:
    """Enhance what can be read, and keep a record of it."""
    smoother_of(enhancer, args)

    def work(source: Path, target: str) -> dict[str, Any]:
        if is_video(source):
            return enhance_video(enhancer, smoother_of(enhancer, args), source, Path(target),
                                 record.out)
        return enhance_image(enhancer, source, Path(target), record.out)

    return run_on_files(work, planned, record, args.resume, 'enhance')
