"""Cityscapes in its native tree, with train-id labels."""
from pathlib import Path
from typing import List

from ..registry import DATASETS
from .street_scenes import StreetSceneDataset


@DATASETS.register_module(name='CityscapesDataset')
class CityscapesTrainIdDataset(StreetSceneDataset):
    """Cityscapes; `split` is 'train', 'val' or 'test'."""

    NAME = 'Cityscapes'
    TREE = ('  leftImg8bit/{split}/{city}/*_leftImg8bit.png\n'
            '  gtFine/{split}/{city}/*_gtFine_labelTrainIds.png')
    SOURCE = 'https://www.cityscapes-dataset.com (leftImg8bit_trainvaltest, gtFine_trainvaltest)'

    def __init__(self, split: str = 'val', **kwargs):
        self.split = split
        super().__init__(**kwargs)

    def list_files(self, root: Path) -> List[dict]:
        images = sorted(root.glob(f'leftImg8bit/{self.split}/*/*_leftImg8bit.*'))
        return [dict(img_path=image, condition=None, seg_map_path=root / 'gtFine' / self.split
                     / image.parent.name
                     / image.stem.replace('_leftImg8bit', '_gtFine_labelTrainIds.png'))
                for image in images]
