"""Enhance images and videos: results, predicted parameters and before/after panels.

Example:
    python tools/enhance.py night.png --out enhanced
    python tools/enhance.py frames/ --mean-match 110 --out enhanced
    python tools/enhance.py drive.mp4 --every 8 --out enhanced

Writes, for each image, OUT/NAME.png (the enhanced image) and OUT/panels/NAME.jpg (original and
enhanced side by side), and for all of them OUT/parameters.json; for each video OUT/NAME.mp4 (or
.mkv), sound kept.
"""
import argparse
from pathlib import Path
from typing import Dict, Iterable, Iterator, Sequence, Tuple, Union

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from mmseg_sympie import video
from mmseg_sympie.datasets.photographs import SUFFIXES
from mmseg_sympie.enhancer import MeanMatch
from mmseg_sympie.enhancer.fast import FastSyMPIE
from mmseg_sympie.enhancer.mean_match import mean_match_gain
from mmseg_sympie.enhancer.options import add_enhancer_options, chosen_enhancer, enhance_raw
from mmseg_sympie.enhancer.smoother import ParameterSmoother
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.files import check_writable, write_json, written_whole


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('inputs', nargs='+', type=Path,
                        help='images, folders of images, or videos '
                        f'({", ".join(video.SUFFIXES)})')
    parser.add_argument('--out', type=Path, required=True, help='output folder')
    add_enhancer_options(parser)
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='of a video, predict every n-th frame and where the scene changes')
    parser.add_argument('--momentum', type=float, default=0.0,
                        help='of a video, how much of the last parameters a new prediction keeps')
    return parser.parse_args()


def plan(sources: Sequence[Path], out: Path) -> Dict[Path, Path]:
    """Image to read -> name of its result below `out`; a source is an image or a folder of them.

    Raises:
        InputError: no images, two with one result, or results in a folder of originals.
    """
    planned = {}
    for source in sources:
        root = source.parent if source.is_file() else source
        if out.resolve() == root.resolve():
            raise InputError(f'--out {out} is the folder of the originals. Choose another one.')
        for image in [source] if source.is_file() else images_below(source, out):
            target = image.relative_to(root).with_suffix('.png')
            if target in planned.values():
                raise InputError(f'{image} and another image would both become {target}. Rename '
                                 'one, or enhance them into different folders.')
            planned[image] = target
    return planned


def images_below(folder: Path, out: Path) -> Sequence[Path]:
    """All images below a folder, without those of an earlier run below `out`."""
    images = sorted(path for path in folder.rglob('*') if path.suffix.lower() in SUFFIXES
                    and out.resolve() not in path.resolve().parents)
    if not images:
        raise InputError(f'{folder} is neither an image nor a folder with images '
                         f'({", ".join(SUFFIXES)}).')
    return images


def read_image(path: Path) -> Tensor:
    """An image file of any depth and number of channels as (1, 3, H, W), RGB, uint8."""
    try:
        bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # an empty file
        bgr = None
    if bgr is None:
        raise InputError(f'{path} cannot be read as an image: it is damaged or of an unknown kind.')
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    return torch.from_numpy(rgb).permute(2, 0, 1)[None]


def to_bgr(image: Tensor) -> np.ndarray:
    """(1, 3, H, W), RGB on 0..255 -> (H, W, 3), BGR, uint8."""
    rgb = image[0].float().round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)


def write_image(path: Path, bgr: np.ndarray) -> None:
    encoded = cv2.imencode(path.suffix, bgr)[1]
    with written_whole(path) as partial:
        partial.write_bytes(encoded.tobytes())


def enhance(enhancer: Union[FastSyMPIE, MeanMatch], paths: Iterable[Path],
            device: str) -> Iterator[Tuple[Path, Tensor, Tensor, Dict[str, list]]]:
    """Path, original, enhanced image and parameters, one image at a time."""
    for path in tqdm(paths, unit='image', desc='enhance'):
        image = read_image(path).to(device)
        if isinstance(enhancer, FastSyMPIE):
            # Of the first application; its numbers depend on nothing but the image.
            predicted = enhancer.predict(image)
            enhanced = enhance_raw(enhancer, image, predicted)
            parameters = {name: value[0].tolist() for name, value in predicted._asdict().items()}
        else:
            gain = mean_match_gain(image.float() / 255, enhancer.target)
            enhanced, parameters = gain * image, dict(gain=gain.item())
        yield path, image, enhanced, parameters


def plan_videos(videos: Sequence[Path], args: argparse.Namespace) -> Dict[Path, Path]:
    """Video to read -> file to write.

    Raises:
        InputError: two with one result, results beside the originals, or options that contradict.
    """
    if args.every != 1 and (args.mean_match is not None or args.iterations != 1):
        raise InputError('--every re-uses what SyMPIE predicts for one application: leave '
                         '--mean-match and --iterations out.')
    targets = {}
    for source in videos:
        target = args.out / f'{source.stem}{video.target_suffix(source)}'
        if args.out.resolve() == source.resolve().parent:
            raise InputError(f'--out {args.out} is the folder of the originals. Choose another '
                             'one.')
        if target in targets.values():
            raise InputError(f'{source} and another video would both become {target}. Rename one, '
                             'or enhance them into different folders.')
        targets[source] = target
    return targets


def enhance_videos(enhancer: Union[FastSyMPIE, MeanMatch], targets: Dict[Path, Path],
                   args: argparse.Namespace) -> None:
    for source, target in targets.items():
        smoother = (ParameterSmoother(enhancer, args.every, args.momentum)
                    if isinstance(enhancer, FastSyMPIE) else None)

        def change(frame: Tensor, smoother=smoother) -> Tensor:
            frame = frame.to(args.device)
            return enhance_raw(enhancer, frame, smoother(frame) if smoother else None)

        frames = video.convert_video(source, target, change)
        print(f'{frames} frames'
              + (f', {smoother.predictions} predictions' if smoother else '') + f': {target}')


def enhance_images(enhancer: Union[FastSyMPIE, MeanMatch], targets: Dict[Path, Path],
                   args: argparse.Namespace) -> None:
    parameters = {}
    try:
        for path, image, enhanced, predicted in enhance(enhancer, targets, args.device):
            write_image(args.out / targets[path], to_bgr(enhanced))
            panel = np.concatenate([to_bgr(image), to_bgr(enhanced)], axis=1)
            write_image((args.out / 'panels' / targets[path]).with_suffix('.jpg'), panel)
            parameters[str(targets[path])] = predicted
    finally:  # What is done stays, also when a later image is broken.
        write_json(args.out / 'parameters.json', parameters)
        print(f'{len(parameters)} of {len(targets)} images: {args.out}')


@torch.inference_mode()
def main() -> None:
    args = parse_args()
    videos = [path for path in args.inputs if path.suffix.lower() in video.SUFFIXES]
    images = [path for path in args.inputs if path not in videos]
    targets = plan(images, args.out)
    video_targets = plan_videos(videos, args)
    check_writable(args.out)
    enhancer = chosen_enhancer(args)
    enhance_videos(enhancer, video_targets, args)
    if images:
        enhance_images(enhancer, targets, args)


if __name__ == '__main__':
    with errors_without_traceback():
        main()
