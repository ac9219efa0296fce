"""Corrupted images as files, in the tree that ImageNet-C comes in."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from ..datasets.photographs import NO_LABEL, Photographs
from ..errors import InputError
from ..io.files import read_json, written_whole
from ..runtime.version import __version__
from .by_name import corrupted

RECORD = 'corruptions.json'
# JPEG as the released ImageNet-C is saved.
SAVING: dict[str, dict[str, Any]] = {'jpg': dict(quality=85, optimize=True), 'png': {}}


class CorruptedTree(Dataset):
    """`OUT/corruption/severity/class/image`, written image by image; what exists is left alone.

    Item i corrupts the i-th photograph that is not done, writes it, and is the number of files
    written. Random parts follow from the seed, the corruption, the severity and the photograph's
    name alone, so neither the order nor what else is written changes a file.

    Args:
        photographs: the originals.
        out: the folder to write.
        names: corruptions.
        severities: of 1 to 5.
        kind: 'jpg' or 'png'.

    Raises:
        InputError: in the constructor, for originals with one result, and for a folder inside that
            of the originals.
    """

    def __init__(self, photographs: Photographs, out: Path, names: Sequence[str],
                 severities: Sequence[int], seed: int = 0, kind: str = 'jpg',
                 device: str | torch.device = 'cpu'):
        self.photographs, self.out, self.seed, self.device = photographs, Path(out), seed, device
        root = photographs.root.resolve()
        if root in (self.out.resolve(), *self.out.resolve().parents):
            raise InputError(f'{out} is inside the folder of the originals, {photographs.root}, '
                             'where it would be read as one of them. Choose another folder.')
        self.folders = [f'{name}/{severity}' for name in names for severity in severities]
        self.targets = _targets(photographs, kind)
        missing = ([folder for folder in self.folders if not self._path(folder, index).is_file()]
                   for index in range(len(self.targets)))
        self.todo = [(index, folders) for index, folders in enumerate(missing) if folders]

    def __len__(self) -> int:
        return len(self.todo)

    @property
    def num_files(self) -> int:
        """Files that the tree will have."""
        return len(self.folders) * len(self.targets)

    @property
    def num_missing(self) -> int:
        """Files that were not there at the start."""
        return sum(len(folders) for _, folders in self.todo)

    def make_class_folders(self) -> None:
        """All of them, where the place of a folder is its class, whatever images they will get."""
        for folder in self.folders:
            for name in self.photographs.named_class_folders():
                (self.out / folder / name).mkdir(parents=True, exist_ok=True)

    @torch.inference_mode()
    def __getitem__(self, position: int) -> int:
        index, folders = self.todo[position]
        item = self.photographs[index]
        image = item['inputs'][None].to(self.device).float() / 255
        for folder in folders:
            name, severity = folder.split('/')
            save(corrupted(image, name, int(severity), (self.seed, item['file']))[0],
                 self._path(folder, index))
        return len(folders)

    def _path(self, folder: str, index: int) -> Path:
        return self.out / folder / self.targets[index]


def save(image: Tensor, path: Path) -> None:
    """Write an image (3, H, W), RGB on [0, 1], rounded to 8 bits; whole or not at all."""
    pixels = (image * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    with written_whole(path) as partial:
        Image.fromarray(pixels).save(partial, **SAVING[path.suffix[1:]])


def _targets(photographs: Photographs, kind: str) -> list[str]:
    """For each photograph its result below `corruption/severity`.

    The same path, or with labels.csv the class as a number and the file's name.
    """
    by_number = (photographs.root / 'labels.csv').is_file()
    sources: dict[str, str] = {}
    for file, label in photographs.entries:
        path = Path(file).with_suffix(f'.{kind}')
        if by_number and label != NO_LABEL:
            path = Path(f'{label:04d}', path.name)
        target = path.as_posix()
        if target in sources:
            raise InputError(f'{photographs.root}: {sources[target]} and {file} would both become '
                             f'{target}. Rename one of them.')
        sources[target] = file
    return list(sources)


def merged_record(out: Path, settings: Mapping[str, Any], names: Sequence[str],
                  severities: Sequence[int]) -> dict[str, Any]:
    """What `corruptions.json` holds after these corruptions are added to those that are there.

    Raises:
        InputError: the folder holds images of other settings, or of unknown ones.
    """
    path = out / RECORD
    before: Mapping[str, Any] | None = None
    if path.is_file():
        before = read_json(path)
        for key, value in settings.items():
            if before.get(key) != value:
                raise InputError(f'{out} holds images of other settings: {key} was '
                                 f'{before.get(key)!r} and is now {value!r}. Give the same, delete '
                                 'that folder, or choose another --out.')
    elif any((out / name).exists() for name in names):
        raise InputError(f'{out} holds images that this tool did not write (there is no {RECORD}). '
                         'Choose another --out.')
    made = dict(before['corruptions']) if before else {}
    for name in names:
        made[name] = sorted({*made.get(name, ()), *severities})
    versions = dict(mmseg_sympie=__version__, numpy=np.__version__, torch=torch.__version__,
                    torchvision=torchvision.__version__)
    return {**settings, 'corruptions': made,
            'versions': before['versions'] if before else versions}
