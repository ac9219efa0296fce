"""Segmentation baselines."""
from .deeplabv2 import DeepLabV2Head, DeepLabV2ResNet
from .efficientnet_lite import EfficientNetLite
from .mirror import MirrorEncoderDecoder

__all__ = ['DeepLabV2Head', 'DeepLabV2ResNet', 'EfficientNetLite', 'MirrorEncoderDecoder']
