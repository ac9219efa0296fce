"""Image enhancers: modules that take and return images (B, 3, H, W), RGB on [0, 1]."""
from .dwm import WarpParameters, clamp_to_image_range, warp
from .mean_match import MeanMatch, mean_match
from .nem import NEM, view
from .sympie import SyMPIE

__all__ = ['MeanMatch', 'NEM', 'SyMPIE', 'WarpParameters', 'clamp_to_image_range', 'mean_match',
           'view', 'warp']
