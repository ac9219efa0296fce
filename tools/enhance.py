"""Enhance images and videos: results, predicted parameters and before/after panels.

Example:
    python tools/enhance.py night.png --out enhanced
    python tools/enhance.py frames/ --source cityscapes --out enhanced
    python tools/enhance.py drive.mp4 --every 8 --out enhanced

Writes, for each image, OUT/NAME.png (the enhanced image) and OUT/panels/NAME.jpg (original and
enhanced side by side); for each video OUT/NAME.mp4 (or .mkv), sound kept; and OUT/parameters.json
of all, to which later calls add. In a folder, a file that cannot be read does not stop the others:
these are listed at the end, and the exit status is 1.
"""
import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from mmseg_sympie.cli.options import add_enhancer_options, chosen_enhancer, enhance_raw
from mmseg_sympie.engine.enhance_plan import Record, is_video, made_by, plan
from mmseg_sympie.enhancer import MeanMatch
from mmseg_sympie.enhancer.affine import ImageSample
from mmseg_sympie.enhancer.fast import FastAffine, FastSyMPIE
from mmseg_sympie.enhancer.smoother import ParameterSmoother
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io import video
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable, written_whole
from mmseg_sympie.io.images import read_rgb


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('inputs', nargs='+', type=Path,
                        help='images, videos '
                        f'({", ".join(video.SUFFIXES)}), or folders of both')
    parser.add_argument('--out', type=Path, required=True, help='output folder')
    parser.add_argument('--resume', action='store_true',
                        help='leave out what this enhancer has done in the output folder before')
    add_enhancer_options(parser)
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='of a video, predict every n-th frame and where the scene changes')
    parser.add_argument('--momentum', type=float, default=0.0,
                        help='of a video, how much of the last parameters a new prediction keeps')
    return parsed_args(parser)


def read_image(path: Path) -> Tensor:
    """An image file as (1, 3, H, W), RGB, uint8."""
    return torch.from_numpy(np.array(read_rgb(path))).permute(2, 0, 1)[None]


def to_bgr(image: Tensor) -> np.ndarray:
    """(1, 3, H, W), RGB on 0..255 -> (H, W, 3), BGR, uint8."""
    rgb = image[0].float().round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)


def write_image(path: Path, bgr: np.ndarray) -> None:
    encoded = cv2.imencode(path.suffix, bgr)[1]
    with written_whole(path) as partial:
        partial.write_bytes(encoded.tobytes())


def enhance_image(enhancer: FastSyMPIE | FastAffine | MeanMatch, source: Path, target: Path,
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


def enhance_video(enhancer: FastSyMPIE | FastAffine | MeanMatch, source: Path, target: Path,
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


def enhance_all(enhancer: FastSyMPIE | FastAffine | MeanMatch, planned: Mapping[Path, str],
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


@torch.inference_mode()
def main() -> None:
    args = parse_args()
    matched = args.mean_match is not None or (args.source and not args.checkpoint)
    if args.every != 1 and (matched or args.iterations != 1):
        raise InputError('--every re-uses what SyMPIE predicts for one application: leave '
                         '--mean-match, --iterations, and --source without --checkpoint out.')
    planned = plan(args.inputs, args.out)
    check_writable(args.out)
    enhancer = chosen_enhancer(args)
    enhance_all(enhancer, planned, Record(args.out, made_by(args)), args)


if __name__ == '__main__':
    with errors_without_traceback():
        main()
