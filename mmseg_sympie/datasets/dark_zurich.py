"""Dark Zurich (Sakaridis et al., ICCV 2019): driving at night."""
from pathlib import Path
from typing import List

from ..registry import DATASETS
from .street_scenes import StreetSceneDataset


@DATASETS.register_module()
class DarkZurichDataset(StreetSceneDataset):
    """Dark Zurich in its native tree; `split` is 'val' (50 labelled images) or 'test'."""

    NAME = 'Dark Zurich'
    TREE = ('  rgb_anon/{split}/night/{sequence}/*_rgb_anon.png\n'
            '  gt/{split}/night/{sequence}/*_gt_labelTrainIds.png')
    SOURCE = 'https://www.trace.ethz.ch/publications/2019/GCMA_UIoU (Dark_Zurich_val_anon)'

    def __init__(self, split: str = 'val', **kwargs):
        self.split = split
        super().__init__(**kwargs)

    def list_files(self, root: Path) -> List[dict]:
        images = sorted(root.glob(f'rgb_anon/{self.split}/night/*/*_rgb_anon.png'))
        return [dict(img_path=image, condition='night', seg_map_path=root / 'gt' / self.split
                     / 'night' / image.parent.name
                     / image.name.replace('_rgb_anon.png', '_gt_labelTrainIds.png'))
                for image in images]
