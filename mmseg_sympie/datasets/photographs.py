"""Photographs with a class each, in the layouts that ImageNet and its relatives come in."""
import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import InputError
from ..io.files import read_text
from ..io.home import home_path
from ..io.images import SUFFIXES, evenly, files_below, read_rgb, subfolders
from ..registry import DATASETS

NO_LABEL = -1
_LAYOUTS = ('Wanted labels.csv with the columns file,label (files relative to it), or one folder '
            'of images for each class.')


@DATASETS.register_module()
class Photographs(Dataset):
    """Images and classes below a folder.

    Classes come from `labels.csv`, where there is one, and else from the folders the images are in:
    a folder named by a number is that class, and other names are 0..N-1 in sorted order, as in
    ImageNet's validation set after the usual sorting, so the tree has to hold all classes.

    Args:
        root: folder of the images.
        short_side_px: images are resized to this short side (bilinear, antialiased); None to
            take them pixel for pixel.
        crop_px: side of the square cut out; None for whole images.
        limit: only so many of the images, spread evenly.
        random_crop: cut out at random, mirrored half of the time, by `np.random`; else the centre.
        labels: 'auto', or None to take all images below the folder without a class.

    Items: `inputs` (3, crop_px, crop_px) uint8, RGB; `target`, the class, -1 without labels;
        `file`, relative to root.

    Raises:
        InputError, FileNotFoundError: in the constructor, for a folder or file that is missing or
            empty and for labels that cannot be read; on access, for an image that is broken.
    """

    def __init__(self, root: str | Path, short_side_px: int | None = 256,
                 crop_px: int | None = 224, limit: int | None = None,
                 random_crop: bool = False, labels: str | None = 'auto'):
        self.root = home_path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(f'The folder of photographs {root} does not exist (looked from '
                                    f'{Path.cwd()}).')
        if short_side_px and crop_px and short_side_px < crop_px:
            raise InputError(f'Photographs: cannot cut {crop_px} pixels out of a short side of '
                             f'{short_side_px}. Make short_side_px at least crop_px.')
        if limit is not None and limit < 1:
            raise InputError(f'Photographs: limit is a number of images from 1, got {limit}.')
        self.short_side_px, self.crop_px, self.random_crop = short_side_px, crop_px, random_crop
        self.entries = evenly(self._entries(labels), limit)
        self._check_files()

    def _entries(self, labels: str | None) -> list[tuple[str, int]]:
        return _without_labels(self.root) if labels is None else _labelled(self.root)

    @property
    def num_classes(self) -> int:
        """One more than the highest class; 0 without labels."""
        return max(target for _, target in self.entries) + 1

    def named_class_folders(self) -> list[str]:
        """Folders whose place in sorted order is their class; [] in other layouts."""
        folders = subfolders(self.root)
        counted = (self.root / 'labels.csv').is_file() or all(map(str.isdecimal, folders))
        return [] if counted or self.num_classes == 0 else folders

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> dict[str, Any]:
        file, target = self.entries[index]
        return dict(inputs=self._cut(read_rgb(self.root / file)), target=target, file=file)

    def _cut(self, image: Image.Image) -> Tensor:
        if self.short_side_px is not None:
            image = resize_short_side(image, self.short_side_px)
        if self.crop_px is not None:
            image = self._crop(image, self.crop_px)
        pixels = np.array(image)
        if self.random_crop and np.random.rand() < 0.5:
            pixels = pixels[:, ::-1]
        return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).contiguous()

    def _crop(self, image: Image.Image, crop_px: int) -> Image.Image:
        room = [side - crop_px for side in image.size]
        if min(room) < 0:
            raise InputError(f'{self.root}: an image of {image.size[0]}x{image.size[1]} is smaller '
                             f'than crop_px={crop_px}. Set short_side_px.')
        if self.random_crop:
            left, top = (np.random.randint(space + 1) for space in room)
        else:
            left, top = (round(space / 2) for space in room)  # as torchvision's CenterCrop
        return image.crop((left, top, left + crop_px, top + crop_px))

    def _check_files(self) -> None:
        bad = [file for file, _ in self.entries if not (self.root / file).is_file()
               or (self.root / file).stat().st_size == 0]
        if bad:
            raise InputError(f'{self.root}: {len(bad)} of {len(self.entries)} images are missing '
                             f'or empty, first {bad[0]}. Copy the data again.')


def resize_short_side(image: Image.Image, short_side_px: int) -> Image.Image:
    """Bilinear with antialiasing; the long side is rounded down, as in torchvision's Resize."""
    short = min(image.size)
    size = [short_side_px if side == short else int(short_side_px * side / short)
            for side in image.size]
    return image.resize(size, Image.Resampling.BILINEAR)


def stack_photographs(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Items as a batch: `inputs` (B, 3, H, W), `target` (B,), `file` a list.

    Raises:
        InputError: the images differ in size.
    """
    first = items[0]
    for item in items:
        if item['inputs'].shape != first['inputs'].shape:
            raise InputError(f'{first["file"]} and {item["file"]} differ in size: '
                             f'{tuple(first["inputs"].shape)} and {tuple(item["inputs"].shape)}. '
                             'Give short_side_px and crop_px, or batches of one image.')
    return dict(inputs=torch.stack([item['inputs'] for item in items]),
                target=torch.tensor([item['target'] for item in items]),
                file=[item['file'] for item in items])


def _without_labels(root: Path) -> list[tuple[str, int]]:
    entries = [(file, NO_LABEL) for file in files_below(root)]
    if not entries:
        raise InputError(f'{root} has no images ({", ".join(SUFFIXES)}).')
    return entries


def _labelled(root: Path) -> list[tuple[str, int]]:
    if (root / 'labels.csv').is_file():
        return _from_csv(root / 'labels.csv')
    folders = subfolders(root)
    if not folders:
        raise InputError(f'{root} has neither labels.csv nor a folder for each class. {_LAYOUTS}')
    numbered = all(name.isdecimal() for name in folders)
    entries = [(f'{name}/{file}', int(name) if numbered else index)
               for index, name in enumerate(folders) for file in files_below(root / name)]
    if not entries:
        raise InputError(f'{root} has {len(folders)} folders without images in them '
                         f'({", ".join(SUFFIXES)}). {_LAYOUTS}')
    return entries


def _from_csv(path: Path) -> list[tuple[str, int]]:
    rows = csv.DictReader(io.StringIO(read_text(path), newline=''))
    if not {'file', 'label'} <= set(rows.fieldnames or ()):
        raise InputError(f'{path} has the columns {rows.fieldnames}. {_LAYOUTS}')
    entries = []
    for row in rows:
        if not row['file'] or not (row['label'] or '').strip().isdecimal():
            raise InputError(f'{path}, line {rows.line_num}: file {row["file"]!r}, label '
                             f'{row["label"]!r}. A label is a whole number from 0.')
        entries.append((row['file'], int(row['label'])))
    if not entries:
        raise InputError(f'{path} has no rows. {_LAYOUTS}')
    return entries
