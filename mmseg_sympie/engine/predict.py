"""Predict images and videos without labels, without and with an enhancer."""
import hashlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..benchmarks.compression import Rate, compress
from ..enhancer.build import fingerprint, names_of
from ..evaluation.overlays import class_shares, most_changed, overlay, side_by_side
from ..io.files import written_whole
from ..io.images import read_rgb
from ..io.video import frame_rate, read_frames
from ..io.video_names import is_video
from .file_runs import LABELS, Outcome, Record, run_on_files
from .inference import Labels, SegmentorWithEnhancer
from .segmentation import record_run

RECORD = 'predictions.json'
CRF = 18


def settings_of(segmentor: SegmentorWithEnhancer, every: int) -> str:
    """What decides a result, to tell those of one segmentor from those of another."""
    run = record_run(segmentor.cfg, segmentor.checkpoint)
    parts = (run.config_sha256, run.further_sha256, fingerprint(segmentor.enhancers),
             run.precision)
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    return (f'{names_of(segmentor.enhancers)} in front of {Path(segmentor.cfg.filename).stem} with '
            f'weights of sha256 {run.checkpoint_sha256[:16]}, settings of sha256 {digest[:16]}, '
            f'every {every}')


def predict_all(segmentor: SegmentorWithEnhancer, planned: Mapping[Path, str], record: Record,
                every: int = 1, resume: bool = False) -> Outcome:
    """Predict what can be read; results and the record go to `record.out`.

    Args:
        segmentor: the segmentor.
        planned: as for `run_on_files`.
        record: likewise.
        every: of a video, only every n-th frame.
        resume: leave out what the record has.
    """
    def work(source: Path, target: str) -> dict[str, Any]:
        predict = predict_video if is_video(source) else predict_image
        return predict(segmentor, source, record.out, target, every)

    return run_on_files(work, planned, record, resume, 'predict')


def predict_image(segmentor: SegmentorWithEnhancer, source: Path, out: Path, target: str,
                  every: int = 1) -> dict[str, Any]:
    """Write the picture and the label maps of an image; return what is seen in it."""
    image = np.array(read_rgb(source))
    labels = segmentor(image)
    with written_whole(out / target) as partial:
        Image.fromarray(picture_of(segmentor, image, labels)).save(partial)
    write_label_maps(labels, segmentor, out, Path(target))
    return dict(summary(labels, segmentor), height=image.shape[0], width=image.shape[1])


def predict_video(segmentor: SegmentorWithEnhancer, source: Path, out: Path, target: str,
                  every: int) -> dict[str, Any]:
    """Write the video of pictures and the label map of each frame; return means over the frames."""
    frames: list[dict[str, Any]] = []

    def pictures() -> Iterator[Tensor]:
        for frame in islice(read_frames(source), 0, None, every):
            image = np.ascontiguousarray(frame[0].permute(1, 2, 0).numpy())
            labels = segmentor(image)
            number = len(frames) * every
            write_label_maps(labels, segmentor, out, Path(target) / f'{number:06d}.png')
            frames.append(summary(labels, segmentor))
            picture = picture_of(segmentor, image, labels)
            yield torch.from_numpy(picture).permute(2, 0, 1)[None]

    compress(pictures(), out / target, Rate(crf=CRF), Fraction(frame_rate(source), every),
             source.name)
    return dict(frames=len(frames), every=every,
                changed_percent=round(float(np.mean([each['changed_percent'] for each in frames])),
                                      3),
                classes={name: _mean([each['classes'][name] for each in frames])
                         for name in ('without', 'with')},
                changed_percent_by_frame=[each['changed_percent'] for each in frames])


def _mean(shares: list[dict[str, float]]) -> dict[str, float]:
    """Mean of class shares; a class that is not in one counts 0 there."""
    names = dict.fromkeys(name for each in shares for name in each)
    means = {name: round(sum(each.get(name, 0) for each in shares) / len(shares), 3)
             for name in names}
    return dict(sorted(means.items(), key=lambda item: -item[1]))


def summary(labels: Labels, segmentor: SegmentorWithEnhancer) -> dict[str, Any]:
    """What changed, where most, and the shares of the classes; in percent of the pixels."""
    box = most_changed(labels.changed)
    return dict(changed_percent=round(100 * float(labels.changed.mean()), 3),
                most_changed=box and box._asdict(),
                classes={'without': class_shares(labels.without, segmentor.classes),
                         'with': class_shares(labels.with_, segmentor.classes)})


def picture_of(segmentor: SegmentorWithEnhancer, image: np.ndarray, labels: Labels) -> np.ndarray:
    """The image and what is seen in it, without and with the enhancer, with a legend.

    Args:
        segmentor: of the labels.
        image: (H, W, 3), RGB, uint8.
        labels: of the image.

    Returns:
        (H', W', 3), RGB, uint8.
    """
    box, palette = most_changed(labels.changed), segmentor.palette
    rows = [[image, labels.enhanced],
            [overlay(image, labels.without, palette, box),
             overlay(labels.enhanced, labels.with_, palette, box)]]
    caption = f'{100 * labels.changed.mean():.1f}% of the pixels change'
    return side_by_side(rows, ['without', 'with the enhancer'],
                        list(zip(palette, segmentor.classes)),
                        caption + ('; the box is where most do' if box else ''))


def write_label_maps(labels: Labels, segmentor: SegmentorWithEnhancer, out: Path,
                     name: Path) -> None:
    """Write both label maps as PNG: the values are the classes, shown in their colours."""
    for folder, values in (('without', labels.without), ('with', labels.with_)):
        coloured = Image.fromarray(values)
        coloured.putpalette(np.array(segmentor.palette, np.uint8).ravel().tolist())
        with written_whole(out / LABELS / folder / name) as partial:
            coloured.save(partial)
