"""SyMPIE for inference: raw images in, the segmentor's normalised input out.

The same result as the reference (`SyMPIE.forward` and the preprocessor behind it) within rounding:
one look at the image for its thumbnail and mean, and one pass that writes the result.
"""
import functools
from typing import Dict, Optional, Tuple

import torch
from torch import Tensor

from ...statistics import IMAGENET_RGB_255
from ..dwm import WarpParameters
from ..levels import Levels
from ..nem import NEM
from ..sympie import SyMPIE
from .cpu_warp import warp_cpu
from .cuda_graph import Replayed
from .folding import FoldedWarp, Pixels, fold, warp_folded
from .gpu import triton_works
from .look import Look, look
from .network import inference_network, network_precision, pack_weights

__all__ = ['FastSyMPIE', 'FoldedWarp', 'Look', 'Pixels', 'fold', 'look', 'warp_cpu', 'warp_folded']


class FastSyMPIE:
    """An enhancer and the normalisation behind it, without gradients.

    Args:
        enhancer: in evaluation mode.
        arriving_order: channel order of the images that come, 'bgr' or 'rgb'.
        precision: of the network: a floating-point type, by default `network_precision(device)`.
            The warp is always computed in float32.
        cuda_graph: on a GPU, launch what leads from thumbnail to parameters as a whole for single
            images, for which launching takes longer than computing (`Replayed`).

    The network is copied from the enhancer at the first call for a device and precision.
    """

    def __init__(self, enhancer: SyMPIE, arriving_order: str = 'bgr',
                 precision: Optional[torch.dtype] = None, cuda_graph: bool = False):
        self.enhancer, self.arriving_order, self.precision = enhancer, arriving_order, precision
        self.cuda_graph, self.replayed = cuda_graph, Replayed()
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
            (B, 3, H, W), of the type of `leaving`.
        """
        if image.device.type == 'cpu':
            image = image.contiguous()  # once for look and warp
        with torch.autocast(image.device.type, enabled=False):
            for remaining in reversed(range(self.enhancer.iterations)):
                pixels = Pixels(self.arriving_order) if remaining else leaving
                folded = fold(parameters or self.predict(image), self.arriving_order, pixels)
                image, parameters = self.warp(image, folded, pixels.dtype), None
            return image

    @staticmethod
    def warp(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
        """The folded warp by the fastest means that the device has."""
        if image.device.type == 'cuda' and triton_works(image.device):
            from .triton_warp import warp_triton
            return warp_triton(image, folded, dtype)
        return (warp_cpu if image.device.type == 'cpu' else warp_folded)(image, folded).to(dtype)

    def predict(self, image: Tensor) -> WarpParameters:
        """Warp parameters for raw images (B, 3, H, W), as `SyMPIE.predict`.

        With `cuda_graph`, the next call overwrites those of a single image.
        """
        seen = look(image)
        if self.cuda_graph and image.is_cuda and len(image) == 1:
            return self.replayed(self.predict_from, seen)
        return self.predict_from(seen)

    def predict_from(self, seen: Look) -> WarpParameters:
        """Warp parameters for raw images that have been looked at."""
        parameters, levels = self.predict_apart(seen)
        return parameters.after(levels)

    def predict_apart(self, seen: Look) -> Tuple[WarpParameters, Levels]:
        """What the network predicts, and the levels that come first."""
        thumbnail = seen.thumbnail.flip(1) if self.arriving_order == 'bgr' else seen.thumbnail
        levels = Levels.at_least(thumbnail, seen.mean, **self.minima)
        vector = self.network(thumbnail.device)(standardise(thumbnail, levels))
        return WarpParameters.split(vector), levels

    @functools.cached_property
    def minima(self) -> Dict[str, float]:
        """Those of the enhancer as numbers, so that they are copied to no device."""
        return {name: value.item() for name, value in self.enhancer.minima().items()}

    def network(self, device: torch.device) -> NEM:
        """The NEM for inference on a device."""
        key = device, self.precision or network_precision(device)
        if key not in self.networks:
            network = inference_network(self.enhancer.nem, key[1]).to(device)
            self.networks[key] = pack_weights(network) if device.type == 'cpu' else network
        return self.networks[key]


def standardise(thumbnail: Tensor, levels: Levels) -> Tensor:
    """Thumbnails (B, 3, 224, 224), RGB on 0..255, brought to the levels, for the network."""
    mean, std = IMAGENET_RGB_255.like(thumbnail)
    gain, offset = (values[..., None, None] for values in levels)
    return torch.addcmul((offset - mean) / std, thumbnail, gain / std).contiguous(
        memory_format=torch.channels_last)
