"""SyMPIE for inference: raw images in, the segmentor's normalised input out.

The same result as the reference (`SyMPIE.forward` and the preprocessor behind it) within rounding:
one look at the image for its thumbnail and mean, and one pass that writes the result.
"""
import functools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...normalization import IMAGENET_RGB_255
from ..affine import AffineEnhancer, ImageSample
from ..colour_map import ColourMap
from ..dwm import WarpParameters
from ..image_statistics import ImageStatistics
from ..nem import NEM
from ..sympie import SyMPIE
from .cpu_warp import warp_cpu
from .cuda_graph import Replayed
from .folding import FoldedWarp, PixelFormat, fold, warp_folded
from .gpu import triton_works
from .look import Look, look
from .network import inference_network, network_precision, pack_weights

__all__ = ['FastAffine', 'FastSyMPIE', 'FoldedWarp', 'Look', 'PixelFormat', 'fast_path', 'fold',
           'look', 'warp_cpu', 'warp_folded', 'warp_raw']


class SourceLook(NamedTuple):
    """A `Look` and `ImageStatistics`, RGB, for an enhancer that knows its source."""

    thumbnail: Tensor
    mean: Tensor
    black: Tensor
    channel_mean: Tensor
    covariance: Tensor


class FastSyMPIE:
    """An enhancer and the normalisation behind it, without gradients.

    Args:
        enhancer: in evaluation mode.
        input_order: channel order of the images that come, 'bgr' or 'rgb'.
        precision: of the network: a floating-point type, by default `network_precision(device)`.
            The warp is always computed in float32.
        cuda_graph: on a GPU, launch what leads from thumbnail to parameters as a whole for single
            images, for which launching takes longer than computing (`Replayed`).

    The network is copied from the enhancer at the first call for a device and precision.
    """

    def __init__(self, enhancer: SyMPIE, input_order: str = 'bgr',
                 precision: torch.dtype | None = None, cuda_graph: bool = False):
        self.enhancer, self.input_order, self.precision = enhancer, input_order, precision
        self.cuda_graph, self.replayed = cuda_graph, Replayed()
        self.networks = {}

    def __getstate__(self) -> dict:
        return {**vars(self), 'networks': {}}  # Packed weights cannot be copied.

    @staticmethod
    def supports(image: Tensor) -> bool:
        """Whether images are of a kind that the fast path knows; others take the reference."""
        return image.dtype in (torch.uint8, torch.float32) and image.numel() > 0

    @torch.no_grad()
    def __call__(self, image: Tensor, output_format: PixelFormat,
                 parameters: WarpParameters | None = None) -> Tensor:
        """Enhance and normalise.

        Args:
            image: (B, 3, H, W), uint8 or float32 on 0..255.
            output_format: what the segmentor takes.
            parameters: of the first application, where they are known already.

        Returns:
            (B, 3, H, W), of the type of `output_format`.
        """
        if image.device.type == 'cpu':
            image = image.contiguous()  # once for look and warp
        with torch.autocast(image.device.type, enabled=False):
            for remaining in reversed(range(self.enhancer.iterations)):
                pixels = PixelFormat(self.input_order) if remaining else output_format
                folded = fold(parameters or self.predict(image), self.input_order, pixels)
                image, parameters = warp_raw(image, folded, pixels.dtype), None
            return image

    def predict(self, image: Tensor) -> WarpParameters:
        """Warp parameters for raw images (B, 3, H, W), as `SyMPIE.predict`.

        With `cuda_graph`, the next call overwrites those of a single image.
        """
        seen = self.look(image)
        if self.cuda_graph and image.is_cuda and len(image) == 1:
            return self.replayed(self.predict_from, seen)
        return self.predict_from(seen)

    def look(self, image: Tensor) -> Look | SourceLook:
        """All that the parameters of raw images (B, 3, H, W) depend on."""
        seen = look(image)
        if self.enhancer.source is None:
            return seen
        return SourceLook(*seen, *ImageSample(image, self.input_order).statistics)

    def predict_from(self, seen: Look | SourceLook) -> WarpParameters:
        """Warp parameters for raw images that have been looked at."""
        parameters, colour_map = self.predict_apart(seen)
        return parameters.after(colour_map)

    def predict_apart(self, seen: Look | SourceLook) -> tuple[WarpParameters, ColourMap]:
        """What the network predicts, and the colour map that comes first."""
        thumbnail = seen.thumbnail.flip(1) if self.input_order == 'bgr' else seen.thumbnail
        colour_map = self.enhancer.first_map(
            thumbnail, lambda: ImageStatistics(*seen[2:]), lambda: seen.mean, self.minima)
        vector = self.network(thumbnail.device)(standardise(thumbnail, colour_map))
        if isinstance(seen, SourceLook):
            vector = self.enhancer.faded(vector, ImageStatistics(*seen[2:]))
        return WarpParameters.split(vector), colour_map

    @functools.cached_property
    def minima(self) -> dict[str, float]:
        """Those of the enhancer as numbers, so that they are copied to no device."""
        return {name: value.item() for name, value in self.enhancer.minima().items()}

    def network(self, device: torch.device) -> NEM:
        """The NEM for inference on a device."""
        key = device, self.precision or network_precision(device)
        if key not in self.networks:
            network = inference_network(self.enhancer.nem, key[1]).to(device)
            self.networks[key] = pack_weights(network) if device.type == 'cpu' else network
        return self.networks[key]


class FastAffine:
    """An `AffineEnhancer` and the normalisation behind it, in one pass over the image."""

    def __init__(self, enhancer: AffineEnhancer, input_order: str = 'bgr'):
        self.enhancer, self.input_order = enhancer, input_order

    supports = staticmethod(FastSyMPIE.supports)

    @torch.no_grad()
    def __call__(self, image: Tensor, output_format: PixelFormat,
                 parameters: WarpParameters | None = None) -> Tensor:
        """As `FastSyMPIE`."""
        folded = fold(parameters or self.predict(image), self.input_order, output_format,
                      self.enhancer.clamps)
        return warp_raw(image, folded, output_format.dtype)

    def predict(self, image: Tensor) -> WarpParameters:
        """The enhancer's colour map of raw images (B, 3, H, W), as warp parameters."""
        colour_map = self.enhancer.colour_map(ImageSample(image, self.input_order))
        return WarpParameters.identity(len(image), colour_map.offset).after(colour_map)


def fast_path(enhancer: nn.Module, input_order: str, precision: torch.dtype | None = None,
              cuda_graph: bool = False) -> FastSyMPIE | FastAffine | None:
    """The fast path of an enhancer; None if it has none.

    A subclass of SyMPIE has none, because its own forward may do something else.
    """
    if type(enhancer) is SyMPIE:
        return FastSyMPIE(enhancer, input_order, precision, cuda_graph)
    if isinstance(enhancer, AffineEnhancer) and type(enhancer).forward is AffineEnhancer.forward:
        return FastAffine(enhancer, input_order)
    return None


def warp_raw(image: Tensor, folded: FoldedWarp, dtype: torch.dtype = torch.float32) -> Tensor:
    """The folded warp by the fastest means that the device has."""
    if image.device.type == 'cuda' and triton_works(image.device):
        from .triton_warp import warp_triton
        return warp_triton(image, folded, dtype)
    return (warp_cpu if image.device.type == 'cpu' else warp_folded)(image, folded).to(dtype)


def standardise(thumbnail: Tensor, colour_map: ColourMap) -> Tensor:
    """Thumbnails (B, 3, 224, 224), RGB on 0..255, after a colour map, for the network."""
    mean, std = IMAGENET_RGB_255.like(thumbnail)
    matrix = colour_map.matrix / std.view(3)
    offset = (colour_map.offset - mean.view(3)) / std.view(3)
    return ColourMap(matrix, offset).apply(thumbnail).contiguous(
        memory_format=torch.channels_last)
