"""Segmentation baselines."""
from .deeplabv2 import DeepLabV2Head, DeepLabV2ResNet
from .efficientnet_lite import EfficientNetLite
from .espnetv2 import ESPNetv2, ESPNetv2Head
from .mirror import MirrorEncoderDecoder
from .test_time import TENT, AlphaBN, AverageWithOriginal

__all__ = ['TENT', 'AlphaBN', 'AverageWithOriginal', 'DeepLabV2Head', 'DeepLabV2ResNet',
           'ESPNetv2', 'ESPNetv2Head', 'EfficientNetLite', 'MirrorEncoderDecoder']
