"""What every street-scene data set here does: fail early and by name, and know its conditions."""
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset, CityscapesDataset
from PIL import Image

from ..errors import InputError
from ..io.config import type_name
from ..io.home import home_path
from ..io.images import check_for_mmcv, files_in, upright_size
from ..io.labels import check_label_file, has_unknown_labels, label_values

CITYSCAPES_METAINFO = CityscapesDataset.METAINFO
_END_MARKERS = {b'\xff\xd8': b'\xff\xd9', b'\x89P': b'IEND'}  # of JPEG and PNG, by their beginning


class StreetSceneDataset(BaseSegDataset):
    """Images with label maps of Cityscapes train ids, each taken under a named condition.

    A subclass lists its files in `list_files`. Labels are needed where the pipeline loads them.

    Args:
        data_root: folder of the native tree, described by `TREE`.
        **kwargs: of `BaseSegDataset`.

    Raises:
        FileNotFoundError: the tree or a label is missing, when the data set is built.
        InputError: an image or label is broken, when it is read; the message names the file.
    """

    METAINFO = CITYSCAPES_METAINFO
    FILE_PALETTE = CITYSCAPES_METAINFO['palette']  # of the classes as the label files count them
    NAME: str
    TREE: str    # the expected files below data_root
    SOURCE: str  # where to get them
    LABEL_HINT = ('Train ids are 0..18 and 255 (ignored). For Cityscapes make them with '
                  '`sympie prepare-cityscapes ROOT`; in ACDC and Dark Zurich they are the '
                  'files *_gt_labelTrainIds.png.')

    def __init__(self, data_root: str, pipeline: Sequence = (), **kwargs):
        self._needs_labels = loads_labels(pipeline)
        self._turns_images = not ignores_orientation(pipeline)
        super().__init__(data_root=str(home_path(data_root)), pipeline=list(pipeline),
                         **kwargs)

    def list_files(self, root: Path) -> list[dict]:
        """One dict for each image: `img_path`, `seg_map_path` and `condition` (or None)."""
        raise NotImplementedError

    def load_data_list(self) -> list[dict]:
        """The files of the tree, checked, as MMSegmentation takes them."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(self._missing(f'the folder {root} does not exist'))
        files = self.list_files(root)
        if not files:
            raise FileNotFoundError(self._missing(f'no images were found below {root}'))
        image_of: dict[Path, Path] = {}
        for file in files:
            other = image_of.setdefault(file['seg_map_path'], file['img_path'])
            if other != file['img_path']:
                raise InputError(f"{self.NAME}: {other} and {file['img_path']} are images of one "
                                 'label, and would be counted twice. Remove one.')
        if self._needs_labels:
            unlabelled = [file for file in files if not file['seg_map_path'].is_file()]
            if unlabelled:
                raise FileNotFoundError(self._missing(
                    f'{len(unlabelled)} of {len(files)} images have no label, the first is '
                    f"{unlabelled[0]['seg_map_path']}") + f' {self.LABEL_HINT}')
        return [dict(file, img_path=str(file['img_path']), seg_map_path=str(file['seg_map_path']),
                     label_map=self.raw_label_map, reduce_zero_label=False, seg_fields=[])
                for file in files]

    @property
    def raw_label_map(self) -> dict[int, int] | None:
        """Label in the file -> label to train and test with; None where they are the same."""
        return self.label_map

    def prepare_data(self, idx: int) -> dict | None:
        """Image number `idx` through the pipeline, with its condition."""
        info = self.get_data_info(idx)
        image, label, condition = (info[key] for key in ('img_path', 'seg_map_path', 'condition'))
        try:
            check_complete(image)
            check_for_mmcv(image)
            if self._needs_labels:
                check_complete(label)
                check_label_file(label, self.FILE_PALETTE)
                check_same_size(image, label, self._turns_images)
            packed = self.pipeline(info)
        except InputError:
            raise
        except Exception as error:
            files = f'image {image}' + (f' or its label {label}' if self._needs_labels else '')
            raise InputError(f'Cannot read {files}: {error}') from error
        if not packed or 'data_samples' not in packed:  # An outer data set goes on from here.
            return packed
        samples = packed['data_samples']
        for sample in samples if isinstance(samples, list) else [samples]:
            sample.set_metainfo(dict(condition=condition))
            if 'gt_sem_seg' in sample and has_unknown_labels(sample.gt_sem_seg.data,
                                                             len(self.metainfo['classes'])):
                raise InputError(f'The label {label} holds the values {label_values(label)}, and '
                                 f'some of them are no class. {self.LABEL_HINT}')
        return packed

    def _missing(self, what: str) -> str:
        return (f'{self.NAME}: {what}. Expected below data_root={self.data_root!r}:\n{self.TREE}\n'
                f'Get it from {self.SOURCE}, and name its place with '
                '`--cfg-options data_root=FOLDER`.')


def labelled_pairs(images: Path, labels: Path, image_ending: str = '',
                   label_ending: str = '') -> list[tuple[Path, Path]]:
    """Images of a folder whose names end so before their suffix, each with its label.

    A label is a PNG file, because formats of photographs change its values; it need not be there.
    """
    found = {path.stem: path for path in files_in(labels, ('.png',))}
    stems = {image: image.stem.removesuffix(image_ending) + label_ending
             for image in files_in(images) if image.stem.endswith(image_ending)}
    return [(image, found.get(stem, labels / f'{stem}.png')) for image, stem in stems.items()]


def loads_labels(step: Any) -> bool:
    """Whether a pipeline has `LoadAnnotations` in it, also inside `TestTimeAug` and its like."""
    if isinstance(step, dict):
        return type_name(step.get('type')) == 'LoadAnnotations' or any(
            loads_labels(value) for value in step.values())
    return isinstance(step, (list, tuple)) and any(map(loads_labels, step))


def ignores_orientation(pipeline: Sequence) -> bool:
    """Whether a pipeline asks MMCV to leave images lying that a tag says to turn."""
    return any('ignore_orientation' in str(step.get('color_type')) for step in pipeline
               if isinstance(step, dict))


def check_complete(path: str) -> None:
    """Raise InputError for a PNG or JPEG file without its end: decoders fill the rest with grey."""
    with open(path, 'rb') as file:
        marker = _END_MARKERS.get(file.read(2))
        file.seek(max(0, os.path.getsize(path) - 4096))
        if marker is not None and marker not in file.read():
            raise InputError(f'Cannot read {path}: the file is truncated (its end marker is '
                             'missing). Copy it again.')


def check_same_size(image: str, label: str, upright: bool = True) -> None:
    """Raise InputError unless image, upright or as stored, and label have one size.

    Reads their headers only.
    """
    with Image.open(image) as opened_image, Image.open(label) as opened_label:
        stored, found = opened_image.size, opened_label.size
        wanted = upright_size(opened_image) if upright else stored
    if found != wanted:
        turned = '' if wanted == stored else ' when it stands upright, as MMCV turns it'
        raise InputError(f'The label {label} is {found[0]}x{found[1]} pixels, its image {image} is '
                         f'{wanted[0]}x{wanted[1]}{turned}: they must be of one size.')
