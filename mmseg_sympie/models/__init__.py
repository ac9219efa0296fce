"""Segmentation baselines."""
from .deeplabv2 import DeepLabV2Head, DeepLabV2ResNet
from .efficientnet_lite import EfficientNetLite
from .espnetv2 import ESPNetv2, ESPNetv2Head
from .mirror import MirrorEncoderDecoder

__all__ = ['DeepLabV2Head', 'DeepLabV2ResNet', 'ESPNetv2', 'ESPNetv2Head', 'EfficientNetLite',
           'MirrorEncoderDecoder']
