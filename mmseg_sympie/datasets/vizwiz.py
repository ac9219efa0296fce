"""VizWiz-Classification: photographs by people who are blind, with 200 of ImageNet's classes.

Two forms of its annotations are known, and both are read here.

1. The public release (vizwiz.org), `annotations.json`:
   `{"categories": [{"id": 291, "wordnet_id": "n02129165"}, ...], "images": ["VizWiz_val_1.jpg",
   ...]}`, where `id` is the ImageNet class. It holds neither labels nor quality flaws: the server
   on EvalAI scores a list of `[file, class]`, the class being the best of the 200.
2. The form that the authors' first evaluation script reads, which has both:
   `{"VizWiz_val_1.jpg": {"labels": [291], "flaws": {"OBS": false, "BLR": true, ...}}, ...}`, with
   `flaws` null where they are unknown, and the 200 classes as the keys of `IN_to_VizWiz.json`
   in the same folder. Where that file is missing, the classes that occur as labels are taken.

A prediction is correct if it is one of the image's labels; an image counts in each flaw it has.
"""
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..io.files import read_json
from ..io.home import home_path
from .photographs import NO_LABEL, Photographs

FLAWS = {'OBS': 'obstruction', 'DRK': 'dark', 'BLR': 'blur', 'BRT': 'bright', 'ROT': 'rotation',
         'FRM': 'framing', 'NON': 'clean'}


class VizWizClassification(Photographs):
    """The images of an annotation file.

    Args:
        annotations: path of the JSON file, in one of the two forms above.
        root: folder of the images.
        **kwargs: as for `Photographs`.

    Attributes:
        categories: (C,) the ImageNet classes to choose from.
        labels: (N, 1000) bool, or None in the public release.
        flaws: name of a flaw, or 'clean' -> (N,) bool.

    Raises:
        InputError, FileNotFoundError: as `Photographs`, and for a file of another form.
    """

    def __init__(self, annotations: str | Path, root: str | Path, **kwargs):
        self._path = home_path(annotations)
        self._found = read_json(self._path)
        self._released = isinstance(self._found, dict) and {'categories', 'images'} <= set(
            self._found)
        if not self._released and not _is_labelled(self._found):
            raise InputError(
                f'{annotations} is not VizWiz-Classification: wanted "categories" and "images", or '
                'labels and flaws for each file name (mmseg_sympie/datasets/vizwiz.py says more).')
        super().__init__(root, **kwargs)
        if self._released:
            self.categories = torch.tensor(sorted(entry['id'] for entry in
                                                  self._found['categories']))
            self.labels: Tensor | None = None
            self.flaws: dict[str, Tensor] = {}
        else:
            self._read_labels()

    @property
    def num_classes(self) -> int:
        """ImageNet's."""
        return 1000

    def named_class_folders(self) -> list[str]:
        """None: the classes are in the annotations."""
        return []

    def _entries(self, labels: str | None) -> list[tuple[str, int]]:
        files = self._found['images'] if self._released else self._found
        return [(file, NO_LABEL) for file in files]

    def _read_labels(self) -> None:
        entries = [self._found[file] for file, _ in self.entries]
        labels = torch.zeros(len(entries), 1000, dtype=torch.bool)
        for row, entry in enumerate(entries):
            labels[row, entry['labels']] = True
        self.labels = labels
        self.flaws = {name: torch.tensor([bool((entry['flaws'] or {}).get(key))
                                          for entry in entries]) for key, name in FLAWS.items()}
        mapping = self._path.with_name('IN_to_VizWiz.json')
        if mapping.is_file():
            self.categories = torch.tensor(sorted(map(int, read_json(mapping))))
        else:
            self.categories = torch.tensor(sorted({label for entry in self._found.values()
                                                   for label in entry['labels']}))

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(super().__getitem__(index), target=index)

    def answers(self, logits: Tensor) -> Tensor:
        """The best of the 200 classes for scores (B, 1000)."""
        categories = self.categories.to(logits.device)
        return categories[logits[:, categories].argmax(1)]


def _is_labelled(found: Any) -> bool:
    return isinstance(found, dict) and bool(found) and all(
        isinstance(entry, dict) and {'labels', 'flaws'} <= set(entry) for entry in found.values())
