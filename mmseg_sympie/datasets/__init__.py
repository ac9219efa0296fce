"""Street-scene data sets in their native trees."""
from .acdc import ACDCDataset
from .camvid import CamVidDataset
from .cityscapes import CityscapesTrainIdDataset
from .dark_zurich import DarkZurichDataset
from .photographs import Photographs
from .street_scenes import StreetSceneDataset
from .transforms import ResizeLongSide

__all__ = ['ACDCDataset', 'CamVidDataset', 'CityscapesTrainIdDataset', 'DarkZurichDataset',
           'Photographs', 'ResizeLongSide', 'StreetSceneDataset']
