"""Segmentation baselines."""
from .deeplabv2 import DeepLabV2Head, DeepLabV2ResNet

__all__ = ['DeepLabV2Head', 'DeepLabV2ResNet']
