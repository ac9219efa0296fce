"""Cityscapes in its native tree, with train-id labels."""
from pathlib import Path

from ..io.images import subfolders
from ..registry import DATASETS
from .street_scenes import StreetSceneDataset, labelled_pairs


@DATASETS.register_module(name='CityscapesDataset')
class CityscapesTrainIdDataset(StreetSceneDataset):
    """Cityscapes; `split` is 'train', 'val' or 'test'."""

    NAME = 'Cityscapes'
    TREE = ('  leftImg8bit/{split}/{city}/*_leftImg8bit.png (or .jpg)\n'
            '  gtFine/{split}/{city}/*_gtFine_labelTrainIds.png')
    SOURCE = 'https://www.cityscapes-dataset.com (leftImg8bit_trainvaltest, gtFine_trainvaltest)'

    def __init__(self, split: str = 'val', **kwargs):
        self.split = split
        super().__init__(**kwargs)

    def list_files(self, root: Path) -> list[dict]:
        """The files of all cities."""
        images, labels = (root / kind / self.split for kind in ('leftImg8bit', 'gtFine'))
        return [dict(img_path=image, seg_map_path=label, condition=None)
                for city in subfolders(images) for image, label in labelled_pairs(
                    images / city, labels / city, '_leftImg8bit', '_gtFine_labelTrainIds')]
