"""Batches of test images: corrupted on the fly, read from folders, or with real quality flaws."""
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor
from torch.utils.data import DataLoader

from ..corruptions.by_name import corrupted
from ..datasets.photographs import Photographs, stack_photographs
from ..datasets.vizwiz import VizWizClassification
from ..evaluation.accuracy import CLEAN, EVERY
from ..io.images import subfolders


class Batch(NamedTuple):
    """Images of one corruption and severity, and how answers become scores."""

    image: Tensor  # (B, 3, H, W), RGB on [0, 1]
    files: Sequence[str]
    severity: str
    rows: Mapping[str, Tensor | None]  # corruption -> (B,) bool, None for all of the batch
    answer: Callable[[Tensor], Tensor]  # scores (B, classes) -> (B,) class
    is_right: Callable[[Tensor], Tensor] | None  # (B,) class -> (B,) bool; None without labels


class Loading(NamedTuple):
    """How images are loaded."""

    batch_size: int
    workers: int
    device: str

    def num_batches(self, num_images: int) -> int:
        """Batches of so many images."""
        return -(-num_images // self.batch_size)

    def batches(self, dataset: Photographs) -> Iterator[tuple[Tensor, dict]]:
        """Images on [0, 1] on the device, and their batch."""
        for batch in DataLoader(dataset, self.batch_size, num_workers=self.workers,
                                collate_fn=stack_photographs):
            yield batch['inputs'].to(self.device).float() / 255, batch


def corrupted_batches(dataset: Photographs, loading: Loading, names: Sequence[str],
                      severities: Sequence[int], seed: int) -> Iterator[Batch]:
    """Each batch of clean images, then the same images under every corruption and severity.

    What is drawn follows from the seed and the number of the batch, so the batch size belongs to a
    result as the seed does. Images are not stored in between, as 8 bit or JPEG.
    """
    for index, (image, batch) in enumerate(loading.batches(dataset)):
        yield _single(image, batch, CLEAN, '0')
        for name in names:
            for severity in severities:
                yield _single(corrupted(image, name, severity, (seed, index)), batch, name,
                              str(severity))


def folder_batches(datasets: Mapping[tuple[str, str], Photographs],
                   loading: Loading) -> Iterator[Batch]:
    """Batches of images that are corrupted already, by corruption and severity."""
    for (name, severity), dataset in datasets.items():
        for image, batch in loading.batches(dataset):
            yield _single(image, batch, name, severity)


def _single(image: Tensor, batch: dict, name: str, severity: str) -> Batch:
    target = batch['target'].to(image.device)
    return Batch(image, batch['file'], severity, {name: None}, lambda logits: logits.argmax(1),
                 lambda answer: answer == target)


def vizwiz_batches(dataset: VizWizClassification, loading: Loading) -> Iterator[Batch]:
    """Batches that count in each flaw that an image has."""
    for image, batch in loading.batches(dataset):
        index = batch['target']
        rows = {name: has[index] for name, has in dataset.flaws.items()}
        labels = None if dataset.labels is None else dataset.labels[index].to(image.device)
        yield Batch(image, batch['file'], '-', {**rows, EVERY: None}, dataset.answers,
                    None if labels is None else partial(_is_among, labels))


def _is_among(labels: Tensor, answer: Tensor) -> Tensor:
    """Whether each answer (B,) is one of the labels (B, classes) of its image."""
    return labels.gather(1, answer[:, None])[:, 0]


def severity_folders(root: Path) -> dict[tuple[str, str], Path]:
    """Folders of corrupted images by corruption and severity; empty for clean images.

    A severity is a folder named by a number that has folders or labels.csv in it. Its parent is the
    corruption: `root/NAME/1` as our tool writes, `root/blur/NAME/1` as ImageNet-C unpacks,
    `root/NAME/4.75` as ImageNet-C-bar is made, or `root/1`, which takes the root's name.
    """
    parents = [root.resolve()]
    for _ in range(3):
        found = {}
        for parent in parents:
            severities = filter(_is_severity, map(parent.joinpath, subfolders(parent)))
            for path in sorted(severities, key=lambda path: float(path.name)):
                found[parent.name, path.name] = path
        if found:
            return found
        parents = [parent / name for parent in parents for name in subfolders(parent)]
    return {}


def _is_severity(path: Path) -> bool:
    return path.name.replace('.', '', 1).isdecimal() and (
        (path / 'labels.csv').is_file() or bool(subfolders(path)))
