"""Enhance images and videos, and keep a record of what was predicted for each."""
import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..enhancer.affine import ImageSample, MeanMatch, SourceMatch
from ..enhancer.dwm import WarpParameters
from ..enhancer.fast import FastAffine, FastSyMPIE, PixelFormat
from ..enhancer.smoother import ParameterSmoother
from ..enhancer.sympie import SyMPIE
from ..errors import InputError
from ..io import video
from ..io.files import written_whole
from ..io.images import read_rgb
from .enhance_plan import Record, is_video

Enhancer: TypeAlias = FastSyMPIE | FastAffine | MeanMatch


def chosen_enhancer(args: argparse.Namespace) -> Enhancer:
    """The enhancer that the options of `add_enhancer_options` name, on their device."""
    alone = args.mean_match is not None or (args.source and not args.checkpoint)
    if args.source and args.mean_match is not None:
        raise InputError('--source and --mean-match are two enhancers: leave one out.')
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
    if not isinstance(enhancer, MeanMatch):
        # Of the first application; its numbers depend on nothing but the image.
        predicted = enhancer.predict(image)
        enhanced = enhance_raw(enhancer, image, predicted)
        parameters = {name: value[0].tolist() for name, value in predicted._asdict().items()}
    else:
        gain = enhancer.colour_map(ImageSample(image)).matrix[0, 0, 0]
        enhanced, parameters = gain * image, dict(gain=gain.item())
    write_image(args.out / target, to_bgr(enhanced))
    panel = np.concatenate([to_bgr(image), to_bgr(enhanced)], axis=1)
    write_image(args.out / 'panels' / f'{target.with_suffix("")}.jpg', panel)
    return parameters


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
def enhance_all(enhancer: Enhancer, planned: Mapping[Path, str],
                record: Record, args: argparse.Namespace) -> None:
    """Enhance what can be read, and keep a record of it.

    Raises:
        InputError: at the end, for the files that could not be read.
    """
    failures, done, images = [], 0, sum(not is_video(source) for source in planned)
    try:
        for source in tqdm(planned, unit='file', desc='enhance', disable=not images):
            target = planned[source]
            if not (args.resume and record.has(target)):
                work = enhance_video if is_video(source) else enhance_image
                try:
                    record.add(target, work(enhancer, source, Path(target), args))
                except InputError as error:
                    failures.append(str(error))
                    continue
            done += not is_video(source)
    finally:  # What is done stays, also after Ctrl-C.
        record.write()
        if images:
            print(f'{done} of {images} images: {args.out}')
    if failures:
        raise InputError('\n- '.join([f'{len(failures)} of {len(planned)} files could not be '
                                      'enhanced:', *failures]))
