"""ACDC (Sakaridis et al., ICCV 2021): driving in fog, at night, in rain and snow."""
from collections.abc import Sequence
from pathlib import Path

from ..io.images import subfolders
from ..registry import DATASETS
from .street_scenes import StreetSceneDataset, labelled_pairs


@DATASETS.register_module()
class ACDCDataset(StreetSceneDataset):
    """ACDC in its native tree.

    Args:
        split: 'train', 'val' or 'test' (no public labels).
        conditions: subfolders to read; pooled in the report and shown one by one.
        reference: read the images of the same places under normal conditions instead.
        **kwargs: of `StreetSceneDataset`.
    """

    NAME = 'ACDC'
    TREE = ('  rgb_anon/{condition}/{split}/{sequence}/*_rgb_anon.png (or .jpg)\n'
            '  rgb_anon/{condition}/{split}_ref/{sequence}/*_rgb_ref_anon.png   (references)\n'
            '  gt/{condition}/{split}/{sequence}/*_gt_labelTrainIds.png\n'
            '  gt/{condition}/{split}_ref/{sequence}/*_gt_ref_labelTrainIds.png (references)')
    SOURCE = 'https://acdc.vision.ee.ethz.ch (rgb_anon_trainvaltest, gt_trainval)'

    def __init__(self, split: str = 'val',
                 conditions: Sequence[str] = ('fog', 'night', 'rain', 'snow'),
                 reference: bool = False, **kwargs):
        self.conditions = (conditions,) if isinstance(conditions, str) else tuple(conditions)
        self.split, self.reference = split, reference
        super().__init__(**kwargs)

    def list_files(self, root: Path) -> list[dict]:
        """The files of all conditions, in their order."""
        split, ref = (f'{self.split}_ref', '_ref') if self.reference else (self.split, '')
        files = []
        for condition in self.conditions:
            folder, labels = (root / kind / condition / split for kind in ('rgb_anon', 'gt'))
            pairs = [pair for sequence in subfolders(folder) for pair in labelled_pairs(
                folder / sequence, labels / sequence, f'_rgb{ref}_anon', f'_gt{ref}_labelTrainIds')]
            if not pairs:
                raise FileNotFoundError(self._missing(f'no images were found in {folder}'))
            files += [dict(img_path=image, seg_map_path=label, condition=condition)
                      for image, label in pairs]
        return files
