"""Synthetic street scenes as files in the tree of ACDC."""
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..demo.street import render_street
from ..demo.weather import CONDITIONS, apply_weather
from ..errors import InputError
from ..io.files import check_writable, read_json, write_json, written_whole

SEEDS_PER_SPLIT = 100_000
BYTES_PER_SCENE = 200_000


class Frame(NamedTuple):
    """One scene to write; condition None is a clear day."""

    image: Path
    label: Path
    seed: int
    condition: str | None

    def exists(self) -> bool:
        """Whether image and label are there."""
        return self.image.is_file() and self.label.is_file()


def render_scenes(out: Path, train: int, val: int, seed: int) -> tuple[int, int]:
    """Write the scenes that are not there yet.

    Args:
        out: the folder to write.
        train: clear scenes to train on.
        val: test scenes of each condition.
        seed: another seed, other streets.

    Returns:
        How many were written, and how many there are.

    Raises:
        InputError: the folder holds other scenes.
        OSError: it cannot be written.
    """
    wanted = dict(train=train, val=val, seed=seed)
    record = merged_record(out, wanted)
    frames = list(plan_frames(out, **wanted))
    todo = [frame for frame in frames if not frame.exists()]
    if todo:
        check_writable(out, len(todo) * BYTES_PER_SCENE)
        # Written first, so that an interrupted run goes on where it stopped.
        write_json(out / 'render.json', record)
    for frame in tqdm(todo, unit='scene', disable=not todo):
        write_frame(frame)
    return len(todo), len(frames)


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
    """Render a frame, and write image and label."""
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
