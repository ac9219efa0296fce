"""ACDC (Sakaridis et al., ICCV 2021): driving in fog, at night, in rain and snow."""
from pathlib import Path
from typing import List, Sequence

from ..registry import DATASETS
from .street_scenes import StreetSceneDataset


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
    TREE = ('  rgb_anon/{condition}/{split}/{sequence}/*_rgb_anon.png\n'
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

    def list_files(self, root: Path) -> List[dict]:
        split, ref = (f'{self.split}_ref', '_ref') if self.reference else (self.split, '')
        files = []
        for condition in self.conditions:
            folder = root / 'rgb_anon' / condition / split
            images = sorted(folder.glob(f'*/*_rgb{ref}_anon.png'))
            if not images:
                raise FileNotFoundError(self._missing(f'no images were found in {folder}'))
            files += [dict(img_path=image, condition=condition, seg_map_path=root / 'gt'
                           / condition / split / image.parent.name
                           / image.name.replace('_anon.png', '_labelTrainIds.png')
                                       .replace('_rgb', '_gt'))
                      for image in images]
        return files
