"""What every street-scene data set here does: fail early and by name, and know its conditions."""
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from mmseg.datasets import BaseSegDataset, CityscapesDataset
from PIL import Image

from ..config import type_name
from ..errors import InputError
from ..labels import has_unknown_labels

CITYSCAPES_METAINFO = CityscapesDataset.METAINFO
_END_MARKERS = {'.jpg': b'\xff\xd9', '.jpeg': b'\xff\xd9', '.png': b'IEND'}


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
    NAME: str
    TREE: str    # the expected files below data_root
    SOURCE: str  # where to get them
    LABEL_HINT = ('Train ids are 0..18 and 255 (ignored). For Cityscapes make them with '
                  '`python tools/prepare_cityscapes.py ROOT`; in ACDC and Dark Zurich they are the '
                  'files *_gt_labelTrainIds.png.')

    def __init__(self, data_root: str, pipeline: Sequence = (), **kwargs):
        self._needs_labels = loads_labels(pipeline)
        super().__init__(data_root=data_root, pipeline=list(pipeline), **kwargs)

    def list_files(self, root: Path) -> List[dict]:
        """One dict for each image: `img_path`, `seg_map_path` and `condition` (or None)."""
        raise NotImplementedError

    def load_data_list(self) -> List[dict]:
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(self._missing(f'the folder {root} does not exist'))
        files = self.list_files(root)
        if not files:
            raise FileNotFoundError(self._missing(f'no images were found below {root}'))
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
    def raw_label_map(self) -> Optional[Dict[int, int]]:
        """Label in the file -> label to train and test with; None where they are the same."""
        return self.label_map

    def prepare_data(self, idx: int) -> Optional[dict]:
        info = self.get_data_info(idx)
        image, label, condition = (info[key] for key in ('img_path', 'seg_map_path', 'condition'))
        try:
            check_complete(image)
            if self._needs_labels:
                check_complete(label)
                check_same_size(image, label)
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
                values = sorted(value for _, value in Image.open(label).getcolors(2**24))
                raise InputError(f'The label {label} holds the values {values}, and some of them '
                                 f'are no class. {self.LABEL_HINT}')
        return packed

    def _missing(self, what: str) -> str:
        return (f'{self.NAME}: {what}. Expected below data_root={self.data_root!r}:\n{self.TREE}\n'
                f'Get it from {self.SOURCE}, and name its place with '
                '`--cfg-options data_root=FOLDER`.')


def loads_labels(step: Any) -> bool:
    """Whether a pipeline has `LoadAnnotations` in it, also inside `TestTimeAug` and its like."""
    if isinstance(step, dict):
        return type_name(step.get('type')) == 'LoadAnnotations' or any(
            loads_labels(value) for value in step.values())
    return isinstance(step, (list, tuple)) and any(map(loads_labels, step))


def check_complete(path: str) -> None:
    """Raise InputError for a PNG or JPEG file without its end: decoders fill the rest with grey."""
    marker = _END_MARKERS.get(Path(path).suffix.lower())
    if marker is None:
        return
    with open(path, 'rb') as file:
        file.seek(max(0, os.path.getsize(path) - 4096))
        if marker not in file.read():
            raise InputError(f'Cannot read {path}: the file is truncated (its end marker is '
                             'missing). Copy it again.')


def check_same_size(image: str, label: str) -> None:
    """Raise InputError unless image and label have one size; reads their headers only."""
    with Image.open(image) as opened_image, Image.open(label) as opened_label:
        found, wanted = opened_label.size, opened_image.size
    if sorted(found) != sorted(wanted):  # A camera may store a picture lying on its side.
        raise InputError(f'The label {label} is {found[0]}x{found[1]} pixels, its image {image} is '
                         f'{wanted[0]}x{wanted[1]}: they must be of one size.')
