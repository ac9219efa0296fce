"""Image enhancers: modules that take and return images (B, 3, H, W), RGB on [0, 1]."""
from .clahe import CLAHE
from .closed_form import ClosedFormEnhancer, GreyWorld, Levels, MeanMatch, SourceMatch
from .dwm import WarpParameters, clamp_to_image_range, warp
from .foreign import TorchModule
from .nem import NEM
from .source_statistics import SourceStatistics, load_source
from .sympie import SyMPIE
from .thumbnail import view

__all__ = ['CLAHE', 'ClosedFormEnhancer', 'GreyWorld', 'Levels', 'MeanMatch', 'NEM', 'SourceMatch',
           'SourceStatistics', 'SyMPIE', 'TorchModule', 'WarpParameters', 'clamp_to_image_range',
           'load_source', 'view', 'warp']
