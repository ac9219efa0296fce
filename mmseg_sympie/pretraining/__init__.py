"""Pretraining an enhancer through frozen models."""
from .pretrainer import Pretrainer
from .progress import ExportEnhancer, HeldOutAccuracy
from .stream import PretrainingStream, PretrainLoop, RoundRobinSampler, SegmentationCrops
from .upstream import MMPretrainClassifier, MMSegSegmentor, TorchvisionClassifier

__all__ = ['ExportEnhancer', 'HeldOutAccuracy', 'MMPretrainClassifier', 'MMSegSegmentor',
           'PretrainLoop', 'Pretrainer', 'PretrainingStream', 'SegmentationCrops',
           'TorchvisionClassifier', 'RoundRobinSampler']
