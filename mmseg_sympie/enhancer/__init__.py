"""Image enhancers: modules that take and return images (B, 3, H, W), RGB on [0, 1]."""
from .affine import AffineEnhancer, GreyWorld, Levels, MeanMatch, SourceMatch
from .clahe import CLAHE
from .dwm import WarpParameters, clamp_to_image_range, warp
from .foreign import TorchModule
from .image_statistics import SourceStatistics, load_source
from .nem import NEM
from .sympie import SyMPIE
from .thumbnail import view

__all__ = ['CLAHE', 'AffineEnhancer', 'GreyWorld', 'Levels', 'MeanMatch', 'NEM', 'SourceMatch',
           'SourceStatistics', 'SyMPIE', 'TorchModule', 'WarpParameters', 'clamp_to_image_range',
           'load_source', 'view', 'warp']
