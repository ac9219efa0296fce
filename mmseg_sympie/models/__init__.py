"""Segmentation baselines."""
from .deeplabv2 import DeepLabV2Head, DeepLabV2ResNet
from .mirror import MirrorEncoderDecoder

__all__ = ['DeepLabV2Head', 'DeepLabV2ResNet', 'MirrorEncoderDecoder']
