"""Enhance images and videos, and keep a record of what was predicted for each."""
import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor

from ..enhancer.affine import ImageSample, MeanMatch, SourceMatch
from ..enhancer.build import enhancer_configs
from ..enhancer.dwm import WarpParameters
from ..enhancer.fast import FastAffine, FastSyMPIE, PixelFormat
from ..enhancer.image_statistics import load_source
from ..enhancer.pretrained import shipped
from ..enhancer.smoother import ParameterSmoother
from ..enhancer.sympie import SyMPIE
from ..errors import InputError
from ..io import video
from ..io.files import sha256, written_whole
from ..io.images import read_rgb
from ..io.video_names import is_video
from .file_runs import Outcome, Record, run_on_files
from .inference import ImageEnhancer
from .panels import recorded_predictions
from .segmentor_config import enhancer_config

RECORD = 'parameters.json'

Enhancer: TypeAlias = FastSyMPIE | FastAffine | MeanMatch | ImageEnhancer


def chosen_enhancer(args: argparse.Namespace) -> Enhancer:
    """The enhancer that the options of `add_enhancer_options` name, on their device."""
    alone = args.mean_match is not None or (args.source and not args.checkpoint)
    if args.source and args.mean_match is not None:
        raise InputError('--source and --mean-match are two enhancers: leave one out.')
    if args.enhancer is not None:
        if args.iterations != 1:
            raise InputError('--iterations is of SyMPIE alone: write --enhancer '
                             f'SyMPIE:iterations={args.iterations}.')
        return ImageEnhancer(enhancer_config(args.enhancer, args.source), args.source, args.device)
    if alone and args.iterations != 1:
        raise InputError('--iterations is of SyMPIE: leave it out, or name --checkpoint.')
    if args.mean_match is not None:
        return MeanMatch(args.mean_match)
    if args.source is not None and args.checkpoint is None:
        return FastAffine(SourceMatch(args.source), 'rgb')
    sympie = SyMPIE(args.checkpoint, args.iterations, source=args.source)
    return FastSyMPIE(sympie.eval().to(args.device), 'rgb')


def enhance_raw(enhancer: Enhancer, image: Tensor,
                parameters: WarpParameters | None = None) -> Tensor:
    """Enhance images (B, 3, H, W), RGB, uint8, to RGB on 0..255; not clamped with MeanMatch.

    Args:
        enhancer: from `chosen_enhancer`.
        image: (B, 3, H, W), RGB, uint8.
        parameters: of SyMPIE's first application, where they are known already.
    """
    if isinstance(enhancer, MeanMatch):
        return 255 * enhancer(image.float() / 255)
    if isinstance(enhancer, ImageEnhancer):
        return enhancer.preprocessor.enhance(image)
    return enhancer(image, PixelFormat('rgb'), parameters)


def read_image(path: Path) -> Tensor:
    """An image file as (1, 3, H, W), RGB, uint8."""
    return torch.from_numpy(np.array(read_rgb(path))).permute(2, 0, 1)[None]


def to_bgr(image: Tensor) -> np.ndarray:
    """(1, 3, H, W), RGB on 0..255 -> (H, W, 3), BGR, uint8."""
    rgb = image[0].float().round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)


def write_image(path: Path, bgr: np.ndarray) -> None:
    """Write an image (H, W, 3), BGR, uint8, whole."""
    encoded = cv2.imencode(path.suffix, bgr)[1]
    with written_whole(path) as partial:
        partial.write_bytes(encoded.tobytes())


def enhance_image(enhancer: Enhancer, source: Path, target: Path,
                  args: argparse.Namespace) -> dict[str, Any]:
    """Write the enhanced image and its panel; return what was predicted."""
    image = read_image(source).to(args.device)
    enhanced, parameters = _with_parameters(enhancer, image)
    write_image(args.out / target, to_bgr(enhanced))
    panel = np.concatenate([to_bgr(image), to_bgr(enhanced)], axis=1)
    write_image(args.out / 'panels' / f'{target.with_suffix("")}.jpg', panel)
    return parameters


def _with_parameters(enhancer: Enhancer, image: Tensor) -> tuple[Tensor, dict[str, Any]]:
    """An image (1, 3, H, W) enhanced, RGB on 0..255, and what was predicted for it."""
    predicted: WarpParameters | None
    if isinstance(enhancer, MeanMatch):
        gain = enhancer.colour_map(ImageSample(image)).matrix[0, 0, 0]
        return gain * image, dict(gain=gain.item())
    if isinstance(enhancer, ImageEnhancer):
        with recorded_predictions(enhancer.preprocessor) as found:
            enhanced = enhance_raw(enhancer, image)
        predicted = found[-1] if found else None
    else:
        # Of the first application; its numbers depend on nothing but the image.
        predicted = enhancer.predict(image)
        enhanced = enhance_raw(enhancer, image, predicted)
    if predicted is None:
        return enhanced, {}
    return enhanced, {name: value[0].tolist() for name, value in predicted._asdict().items()}


def enhance_video(enhancer: Enhancer, source: Path, target: Path,
                  args: argparse.Namespace) -> dict[str, Any]:
    """Write the enhanced video; return how many frames it has, and how many predictions it took."""
    smoother = (ParameterSmoother(enhancer, args.every, args.momentum)
                if isinstance(enhancer, FastSyMPIE) else None)

    def change(frame: Tensor) -> Tensor:
        frame = frame.to(args.device)
        return enhance_raw(enhancer, frame, smoother(frame) if smoother else None)

    done = dict(frames=video.convert_video(source, args.out / target, change))
    if smoother:
        done['predictions'] = smoother.predictions
    print(', '.join(f'{number} {name}' for name, number in done.items())
          + f': {args.out / target}')
    return done


@torch.inference_mode()
def enhance_all(enhancer: Enhancer, planned: Mapping[Path, str], record: Record,
                args: argparse.Namespace) -> Outcome:
    """Enhance what can be read, and keep a record of it."""
    def work(source: Path, target: str) -> dict[str, Any]:
        enhance = enhance_video if is_video(source) else enhance_image
        return enhance(enhancer, source, Path(target), args)

    return run_on_files(work, planned, record, args.resume, 'enhance')


def source_digest(source: str) -> str:
    """Source statistics by their contents, as the file of one name may change."""
    return hashlib.sha256(load_source(source).to_json().encode()).hexdigest()[:16]


def made_by(args: argparse.Namespace) -> str:
    """The enhancer that the options name, to tell results of one from those of another."""
    if args.mean_match is not None:
        return f'MeanMatch({args.mean_match:g})'
    if args.enhancer is not None:
        configs = enhancer_configs(enhancer_config(args.enhancer), source=args.source)
        files = [sha256(config.get('checkpoint') or shipped(config.get('source')))
                 for config in configs if config['type'] == 'SyMPIE']
        sources = [source_digest(config['source']) for config in configs if config.get('source')]
        return f'{args.enhancer}, sources {sources}, weights of sha256 {files}'
    match = f'SourceMatch({source_digest(args.source)})' if args.source else ''
    if match and not args.checkpoint:
        return match
    before = f'{match} and ' if match else ''
    weights = sha256(args.checkpoint or shipped(args.source))
    return (before + f'SyMPIE of sha256 {weights[:16]}, {args.iterations} times, '
            f'every {args.every}, momentum {args.momentum:g}')
