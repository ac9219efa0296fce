"""The resize of the published evaluation protocol."""
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform

from ..registry import TRANSFORMS


@TRANSFORMS.register_module()
class ResizeLongSide(BaseTransform):
    """Resize image (area) and label (nearest-exact) to a long side, and score at that size.

    MMSegmentation's `Resize` leaves the label and scores at the original size. Use it after
    `LoadAnnotations`; images that are that small already keep their size.
    """

    def __init__(self, long_side_px: int = 1024):
        self.long_side_px = long_side_px

    def transform(self, results: dict) -> dict:
        """Resize image and label, if there is one."""
        height, width = results['img'].shape[:2]
        scale = self.long_side_px / max(height, width)
        if scale < 1:
            size = (round(height * scale), round(width * scale))
            results['img'] = _resize(results['img'], size, 'area')
            if 'gt_seg_map' in results:
                label = results['gt_seg_map'][..., None]
                results['gt_seg_map'] = _resize(label, size, 'nearest-exact')[..., 0]
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results


def _resize(image: np.ndarray, size: tuple, mode: str) -> np.ndarray:
    """Resize (H, W, C) uint8 to size = (height, width)."""
    channels_first = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()
    resized = F.interpolate(channels_first[None], size, mode=mode)[0]
    return resized.round().byte().permute(1, 2, 0).contiguous().numpy()
