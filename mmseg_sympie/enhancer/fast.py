"""Enhancers for inference: raw images in, the segmentor's normalised input out.

The same result as the reference (`SyMPIE.forward` and the preprocessor behind it) within rounding,
in two passes over the image: one that measures it, one that writes the result.
"""
import functools

import torch
from torch import Tensor, nn

from ..normalization import IMAGENET_RGB_255
from ..runtime.device_constants import is_traced
from .adjustment import Adjustment
from .backends import warp
from .closed_form import ClosedFormEnhancer
from .colour_map import ColourMap
from .cuda_graph import Replayed
from .dwm import WarpParameters
from .folding import PixelFormat, fold
from .image_statistics import ImageSample
from .inference_network import inference_network, network_precision, pack_weights
from .nem import NEM
from .sympie import SyMPIE, faded
from .thumbnail import ThumbnailAndMean

__all__ = ['FastClosedForm', 'FastSyMPIE', 'PixelFormat', 'fast_path', 'network_precision']


class FastSyMPIE:
    """An enhancer and the normalisation behind it, without gradients.

    Args:
        enhancer: in evaluation mode.
        input_order: channel order of the input images, 'bgr' or 'rgb'.
        precision: of the network: a floating-point type, by default `network_precision(device)`.
            The warp is always computed in float32.
        cuda_graph: on a GPU, launch what leads from thumbnail to parameters as a whole for single
            images, for which launching takes longer than computing (`Replayed`); not with a source,
            for which what is measured has other shapes for each size of image.

    The network is copied from the enhancer at the first call for a device and precision.
    """

    def __init__(self, enhancer: SyMPIE, input_order: str = 'bgr',
                 precision: torch.dtype | None = None, cuda_graph: bool = False):
        self.enhancer, self.input_order, self.precision = enhancer, input_order, precision
        self.cuda_graph, self.replayed = cuda_graph, Replayed()
        self.networks: dict[tuple[torch.device, torch.dtype], NEM] = {}

    def __getstate__(self) -> dict:
        return {**vars(self), 'networks': {}}  # Packed weights cannot be copied.

    @staticmethod
    def supports(image: Tensor) -> bool:
        """Whether the fast path takes images of this type; others take the reference.

        So do those that a program is traced with: what is compiled would leave a constant in it.
        """
        return (not is_traced(image) and image.dtype in (torch.uint8, torch.float32)
                and image.numel() > 0)

    @torch.no_grad()
    def __call__(self, image: Tensor, output_format: PixelFormat,
                 parameters: WarpParameters | None = None) -> Tensor:
        """Enhance and normalise.

        Args:
            image: (B, 3, H, W), uint8 or float32 on 0..255.
            output_format: what the segmentor takes.
            parameters: of the first application, where they are known already.

        Returns:
            (B, 3, H, W), in `output_format`.
        """
        if image.device.type == 'cpu':
            image = image.contiguous()  # once for both passes
        with torch.autocast(image.device.type, enabled=False):
            for remaining in reversed(range(self.enhancer.iterations)):
                pixels = PixelFormat(self.input_order) if remaining else output_format
                folded = fold(parameters or self.predict(image), self.input_order, pixels)
                image, parameters = warp(image, folded, pixels.dtype), None
            return image

    def predict(self, image: Tensor) -> WarpParameters:
        """Predict warp parameters for raw images (B, 3, H, W), as `SyMPIE.predict`.

        With `cuda_graph`, the next call overwrites those of a single image.
        """
        measured = self.measure(image)
        if (self.cuda_graph and image.is_cuda and len(image) == 1
                and isinstance(measured, ThumbnailAndMean)):
            return self.replayed(self.predict_from, measured)
        return self.predict_from(measured)

    def measure(self, image: Tensor) -> ThumbnailAndMean | ImageSample:
        """What the parameters of raw images (B, 3, H, W) depend on, as RGB."""
        sample = ImageSample(image, self.input_order)
        return sample.thumbnail_and_mean if self.enhancer.source is None else sample

    def predict_from(self, measured: ThumbnailAndMean | ImageSample) -> WarpParameters:
        """Predict warp parameters from what `measure` returns."""
        parameters, adjustment = self.predict_apart(measured)
        return parameters.after(adjustment)

    def predict_apart(self, measured: ThumbnailAndMean | ImageSample
                      ) -> tuple[WarpParameters, Adjustment]:
        """Predict the network's parameters and the adjustment before them, apart."""
        if isinstance(measured, ThumbnailAndMean):
            sample, (thumbnail, mean) = None, measured
        else:
            sample, (thumbnail, mean) = measured, measured.thumbnail_and_mean
        adjustment = self.enhancer.before_network(thumbnail, mean, sample, self.minima)
        vector = self.network(thumbnail.device)(standardise(thumbnail, adjustment))
        return WarpParameters.split(faded(vector, adjustment.foreignness)), adjustment

    @functools.cached_property
    def minima(self) -> dict[str, float]:
        """Those of the enhancer as numbers, so that they are copied to no device."""
        return {name: value.item() for name, value in self.enhancer.minima().items()}

    def network(self, device: torch.device) -> NEM:
        """Return the NEM for inference on a device."""
        key = device, self.precision or network_precision(device)
        if key not in self.networks:
            network = inference_network(self.enhancer.nem, key[1]).to(device)
            self.networks[key] = pack_weights(network) if device.type == 'cpu' else network
        return self.networks[key]


class FastClosedForm:
    """A `ClosedFormEnhancer` and the normalisation behind it, in one pass over the image.

    Args:
        enhancer: in evaluation mode.
        input_order: channel order of the input images, 'bgr' or 'rgb'.
    """

    def __init__(self, enhancer: ClosedFormEnhancer, input_order: str = 'bgr'):
        self.enhancer, self.input_order = enhancer, input_order

    supports = staticmethod(FastSyMPIE.supports)

    @torch.no_grad()
    def __call__(self, image: Tensor, output_format: PixelFormat,
                 parameters: WarpParameters | None = None) -> Tensor:
        """As `FastSyMPIE`."""
        folded = fold(parameters or self.predict(image), self.input_order, output_format,
                      self.enhancer.clamps)
        return warp(image, folded, output_format.dtype)

    def predict(self, image: Tensor) -> WarpParameters:
        """Return the warp parameters of raw images (B, 3, H, W)."""
        return self.enhancer.warp_parameters(ImageSample(image, self.input_order))


def fast_path(enhancer: nn.Module, input_order: str, precision: torch.dtype | None = None,
              cuda_graph: bool = False) -> FastSyMPIE | FastClosedForm | None:
    """Build the fast path of an enhancer.

    Args:
        enhancer: in evaluation mode.
        input_order: channel order of the input images, 'bgr' or 'rgb'.
        precision: of SyMPIE's network; see `FastSyMPIE`.
        cuda_graph: see `FastSyMPIE`.

    Returns:
        None for an enhancer that has none, such as a subclass of SyMPIE, because its own forward
        may do something else.
    """
    if type(enhancer) is SyMPIE:
        return FastSyMPIE(enhancer, input_order, precision, cuda_graph)
    if (isinstance(enhancer, ClosedFormEnhancer)
            and type(enhancer).forward is ClosedFormEnhancer.forward):
        return FastClosedForm(enhancer, input_order)
    return None


def standardise(thumbnail: Tensor, adjustment: Adjustment) -> Tensor:
    """Apply an adjustment's colours to thumbnails and standardise them for the network.

    Args:
        thumbnail: (B, 3, 224, 224), RGB on 0..255.
        adjustment: for B images.
    """
    mean, std = IMAGENET_RGB_255.like(thumbnail)
    matrix, offset = adjustment.colour_map
    colour_map = ColourMap(matrix / std.view(3), (offset - mean.view(3)) / std.view(3))
    return adjustment._replace(colour_map=colour_map).apply_colours(thumbnail).contiguous(
        memory_format=torch.channels_last)
