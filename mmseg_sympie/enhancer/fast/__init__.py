"""SyMPIE for inference: raw images in, the segmentor's normalised input out.

The same result as the reference (`SyMPIE.forward` and the preprocessor behind it) within rounding:
one look at the image for its thumbnail and mean, and one pass that writes the result.
"""
import copy
import functools
import importlib.util
from typing import Optional

import cv2
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...statistics import IMAGENET_RGB
from ..dwm import WarpParameters
from ..nem import NEM, view
from ..sympie import SyMPIE
from .folding import FoldedWarp, Pixels, fold, warp_folded
from .opencv import warp_opencv
from .thumbnail import fast_view

__all__ = ['FastSyMPIE', 'FoldedWarp', 'Pixels', 'fold', 'warp_folded', 'warp_opencv']


class FastSyMPIE:
    """An enhancer and the normalisation behind it, without gradients.

    Args:
        enhancer: in evaluation mode.
        arriving_order: channel order of the images that come, 'bgr' or 'rgb'.
        precision: of the network: a floating-point type, by default `network_precision(device)`.
            The warp is always computed in float32.

    The network is copied from the enhancer at the first call for a device and precision.
    """

    def __init__(self, enhancer: SyMPIE, arriving_order: str = 'bgr',
                 precision: Optional[torch.dtype] = None):
        self.enhancer, self.arriving_order, self.precision = enhancer, arriving_order, precision
        self.networks = {}

    @staticmethod
    def supports(image: Tensor) -> bool:
        """Whether images are of a kind that the fast path knows; others take the reference."""
        return image.dtype in (torch.uint8, torch.float32) and image.numel() > 0

    @torch.no_grad()
    def __call__(self, image: Tensor, leaving: Pixels,
                 parameters: Optional[WarpParameters] = None) -> Tensor:
        """Enhance and normalise.

        Args:
            image: (B, 3, H, W), uint8 or float32 on 0..255.
            leaving: what the segmentor takes.
            parameters: of the first application, where they are known already.

        Returns:
            float32 (B, 3, H, W).
        """
        with torch.autocast(image.device.type, enabled=False):
            for remaining in reversed(range(self.enhancer.iterations)):
                pixels = Pixels(self.arriving_order) if remaining else leaving
                folded = fold(parameters or self.predict(image), self.arriving_order, pixels)
                image, parameters = self.warp(image, folded), None
            return image

    @staticmethod
    def warp(image: Tensor, folded: FoldedWarp) -> Tensor:
        """The folded warp by the fastest means that the device has."""
        if image.device.type == 'cpu':
            return warp_opencv(image, folded)
        if image.device.type == 'cuda' and triton_works(image.device):
            from .triton_warp import warp_triton
            return warp_triton(image, folded)
        return warp_folded(image, folded)

    @staticmethod
    def thumbnail(image: Tensor) -> Tensor:
        """`view` of raw images (B, 3, H, W), float32."""
        return fast_view(image) if image.device.type == 'cpu' else view(image.float())

    def predict(self, image: Tensor, thumbnail: Optional[Tensor] = None) -> WarpParameters:
        """Warp parameters for raw images (B, 3, H, W), as `SyMPIE.predict`."""
        seen = (self.thumbnail(image) if thumbnail is None else thumbnail) / 255
        if self.arriving_order == 'bgr':
            seen = seen.flip(1)
        gain = None
        if self.enhancer.min_mean_255 is not None:
            gain = self.enhancer.min_mean_255.to(image.device) / mean_255(image).clamp(min=1)
            gain = gain.clamp(min=1)
            seen = seen * gain[..., None, None]
        vector = self.network(image.device)(
            IMAGENET_RGB.standardise(seen).contiguous(memory_format=torch.channels_last))
        parameters = WarpParameters.split(vector)
        return parameters if gain is None else parameters.after_gain(gain)

    def network(self, device: torch.device) -> NEM:
        """The NEM for inference on a device."""
        key = device, self.precision or network_precision(device)
        if key not in self.networks:
            self.networks[key] = inference_network(self.enhancer.nem, key[1]).to(device)
        return self.networks[key]


@functools.cache
def triton_works(device: torch.device) -> bool:
    """PyTorch for CUDA comes with Triton on Linux alone; it needs compute capability 7.0."""
    return (importlib.util.find_spec('triton') is not None
            and torch.cuda.get_device_capability(device) >= (7, 0))


def mean_255(image: Tensor) -> Tensor:
    """Mean over pixels and channels of each raw image (B, 3, H, W), as (B, 1)."""
    if image.device.type == 'cpu':
        means = [sum(cv2.mean(plane.numpy())[0] for plane in single) / 3
                 for single in image.contiguous()]
        return torch.tensor(means, dtype=torch.float32)[:, None]
    return image.mean(dim=(1, 2, 3), dtype=torch.float32)[:, None]


def network_precision(device: torch.device) -> torch.dtype:
    """What the network runs in: half precision where the device computes it faster."""
    if device.type == 'cuda':
        return torch.float16
    fast_bfloat16 = getattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    return torch.bfloat16 if device.type == 'cpu' and fast_bfloat16() else torch.float32


@torch.no_grad()
def inference_network(nem: NEM, precision: torch.dtype) -> NEM:
    """A copy with batch norm merged into the convolutions before it; the head stays in float32.

    `bn1` of a block cannot be merged: the shortcut takes the features before it.
    """
    nem = copy.deepcopy(nem).eval().requires_grad_(False)
    nem.stem = nn.Sequential(fuse_conv_bn_eval(nem.stem[0], nem.stem[1]), nn.ReLU(inplace=True))
    for block in nem.blocks:
        block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
    nem.stem.to(precision)
    nem.blocks.to(precision)
    return nem.to(memory_format=torch.channels_last)
