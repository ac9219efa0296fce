"""The corruptions of ImageNet-C, its successors and SyMPIE, on batched tensors and any device."""
from .apply import Corruption, Draw, corrupt, draw
from .mixed import corrupt_mixed, draw_mixed
from .pools import BLUR, DIGITAL, IMAGENET_C, IMAGENET_C_EXTRA, NOISE, POOL, STREET, WEATHER

__all__ = ['BLUR', 'DIGITAL', 'IMAGENET_C', 'IMAGENET_C_EXTRA', 'NOISE', 'POOL', 'STREET',
           'WEATHER', 'Corruption', 'Draw', 'corrupt', 'corrupt_mixed', 'draw', 'draw_mixed']
