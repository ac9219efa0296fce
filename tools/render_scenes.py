"""Render synthetic street scenes in the tree of ACDC: clear ones to train on, adverse ones to test.

Example:
    python tools/render_scenes.py --out data/demo --train 400 --val 12 --seed 0

OUT/rgb_anon/CONDITION/SPLIT/scenes/ holds the images and OUT/gt/... their labels (Cityscapes
train ids). CONDITION is clear, fog, night, rain or snow; only clear has SPLIT train.
"""
import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from mmseg_sympie.demo.street import render_street
from mmseg_sympie.demo.weather import CONDITIONS, apply_weather
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable, read_json, write_json, written_whole

SEEDS_PER_SPLIT = 100_000
BYTES_PER_SCENE = 200_000


class Frame(NamedTuple):
    """One scene to write; condition None is a clear day."""
    image: Path
    label: Path
    seed: int
    condition: str | None

    def exists(self) -> bool:
        return self.image.is_file() and self.label.is_file()


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='the folder to write')
    parser.add_argument('--train', type=int, default=400, help='clear scenes to train on (400)')
    parser.add_argument('--val', type=int, default=12, help='test scenes of each condition (12)')
    parser.add_argument('--seed', type=int, default=0, help='another seed, other streets (0)')
    parser.add_argument('--only-val', action='store_true', help='write no training scenes')
    args = parsed_args(parser, argv)
    for name in ('train', 'val'):
        if not 0 <= getattr(args, name) < SEEDS_PER_SPLIT:
            parser.error(f'--{name} must be from 0 to {SEEDS_PER_SPLIT - 1}')
    if args.seed < 0:
        parser.error('--seed must not be negative')
    return args


def plan_frames(out: Path, train: int, val: int, seed: int) -> Iterator[Frame]:
    """Every frame of the data set; no two splits or conditions share a street."""
    parts = [('clear', 'train', train), *((name, 'val', val) for name in ('clear', *CONDITIONS))]
    for part, (condition, split, count) in enumerate(parts):
        first_seed = (seed * len(parts) + part) * SEEDS_PER_SPLIT
        for index in range(1, count + 1):
            folder, stem = f'{condition}/{split}/scenes', f'scenes_frame_{index:06d}'
            yield Frame(out / 'rgb_anon' / folder / f'{stem}_rgb_anon.png',
                        out / 'gt' / folder / f'{stem}_gt_labelTrainIds.png',
                        first_seed + index, condition if condition in CONDITIONS else None)


def write_frame(frame: Frame) -> None:
    scene = render_street(frame.seed)
    image = scene.image
    if frame.condition:
        image = apply_weather(scene, frame.condition, frame.seed)
    for path, pixels in ((frame.image, image), (frame.label, scene.label)):
        with written_whole(path) as partial:
            Image.fromarray(np.ascontiguousarray(pixels)).save(partial)


def merged_record(out: Path, wanted: dict) -> dict:
    """The arguments that describe OUT afterwards; refuses a folder of other scenes.

    Frames of other arguments would mix with the new ones. Only the training part may be added to
    test scenes that are there, or be left as it is.
    """
    path = out / 'render.json'
    if not path.is_file():
        if (out / 'rgb_anon').exists():
            raise InputError(f'{out} holds images that this tool did not write (there is no '
                             'render.json). Choose another --out.')
        return wanted
    found = read_json(path)
    merged = {**wanted, 'train': wanted['train'] or found['train']}
    if found not in (merged, {**merged, 'train': 0}):
        raise InputError(f'{out} holds scenes of other arguments, {found} instead of {wanted}. '
                         'Delete that folder or choose another --out.')
    return merged


def main(argv=None) -> None:
    args = parse_args(argv)
    wanted = {'train': 0 if args.only_val else args.train, 'val': args.val, 'seed': args.seed}
    record = merged_record(args.out, wanted)
    frames = list(plan_frames(args.out, **wanted))
    todo = [frame for frame in frames if not frame.exists()]
    if not todo:
        print(f'All {len(frames)} scenes are already in {args.out}.')
        return
    check_writable(args.out, len(todo) * BYTES_PER_SCENE)
    # Written first, so that an interrupted run goes on where it stopped.
    write_json(args.out / 'render.json', record)
    for frame in tqdm(todo, unit='scene'):
        write_frame(frame)
    print(f'Wrote {len(todo)} scenes to {args.out}.')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
