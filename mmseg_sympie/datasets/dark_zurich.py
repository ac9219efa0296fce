"""Dark Zurich (Sakaridis et al., ICCV 2019): driving at night."""
from pathlib import Path

from ..io.images import subfolders
from ..registry import DATASETS
from .street_scenes import StreetSceneDataset, labelled_pairs


@DATASETS.register_module()
class DarkZurichDataset(StreetSceneDataset):
    """Dark Zurich in its native tree; `split` is 'val' (50 labelled images) or 'test'."""

    NAME = 'Dark Zurich'
    TREE = ('  rgb_anon/{split}/night/{sequence}/*_rgb_anon.png (or .jpg)\n'
            '  gt/{split}/night/{sequence}/*_gt_labelTrainIds.png')
    SOURCE = 'https://www.trace.ethz.ch/publications/2019/GCMA_UIoU (Dark_Zurich_val_anon)'

    def __init__(self, split: str = 'val', **kwargs):
        self.split = split
        super().__init__(**kwargs)

    def list_files(self, root: Path) -> list[dict]:
        """The files of all sequences."""
        images, labels = (root / kind / self.split / 'night' for kind in ('rgb_anon', 'gt'))
        return [dict(img_path=image, seg_map_path=label, condition='night')
                for sequence in subfolders(images) for image, label in labelled_pairs(
                    images / sequence, labels / sequence, '_rgb_anon', '_gt_labelTrainIds')]
