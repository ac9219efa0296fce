"""Enhancers one after the other, on raw images as a data loader gives them."""
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..runtime.frozen import Frozen
from .fast import FastSyMPIE, PixelFormat, fast_path
from .smoother import ParameterSmoother

_HINT = "Load images with dict(type='LoadImageFromFile'): 8 bit, three channels."


class EnhancerChain:
    """Frozen enhancers in the order of application, the last one by its fast path.

    A chain without enhancers is false.

    Args:
        enhancers: modules from images (B, 3, H, W), RGB on [0, 1], to the same.
        channel_order: of the incoming images, 'bgr' or 'rgb'.
        precision, cuda_graph: of the fast path, as for `FastSyMPIE`.
    """

    def __init__(self, enhancers: Sequence[nn.Module], channel_order: str,
                 precision: torch.dtype | None = None, cuda_graph: bool = False):
        self.frozen = [Frozen(enhancer) for enhancer in enhancers]
        self.channel_order = channel_order
        self.fast = fast_path(enhancers[-1], channel_order, precision,
                              cuda_graph) if enhancers else None

    def __bool__(self) -> bool:
        return bool(self.frozen)

    @property
    def enhancers(self) -> tuple[nn.Module, ...]:
        """The modules themselves."""
        return tuple(frozen.module for frozen in self.frozen)

    def __call__(self, images: Tensor | Sequence[Tensor], output_format: PixelFormat,
                 smoother: ParameterSmoother | None = None) -> Tensor | Sequence[Tensor]:
        """Enhance images on 0..255, and normalise them.

        Args:
            images: (B, 3, H, W), or B images (3, H, W) that may differ in size.
            output_format: what the segmentor takes.
            smoother: gives the parameters of video frames.

        Returns:
            (B, 3, H, W) where all images are of one size, else a list.

        Raises:
            InputError: other channels, an integer type other than uint8, or values out of 0..255.
        """
        if isinstance(images, Tensor):
            return self._enhance_batch(images, output_format, smoother)
        if not all(isinstance(image, Tensor) for image in images):
            raise InputError('An enhancer needs images (3, H, W), got a '
                             f'{type(images[0]).__name__} for each of them: several views of one '
                             'image are not supported.')
        indices_by_size = defaultdict(list)
        for index, image in enumerate(images):
            indices_by_size[image.shape].append(index)
        enhanced = list(images)
        for indices in indices_by_size.values():
            alike = [images[index] for index in indices]
            stacked = torch.stack(alike) if len(alike) > 1 else alike[0][None]  # without a copy
            batch = self._enhance_batch(stacked, output_format, smoother)
            if len(alike) == len(images):
                return batch
            for index, image in zip(indices, batch):
                enhanced[index] = image
        return enhanced

    @torch.no_grad()
    def _enhance_batch(self, image: Tensor, output_format: PixelFormat,
                       smoother: ParameterSmoother | None) -> Tensor:
        _check_images(image)
        with torch.autocast(image.device.type, enabled=False):
            if self.fast is None or not FastSyMPIE.supports(image):
                return output_format.from_rgb_255(self._to_rgb_255(image, self.frozen))
            if len(self.frozen) > 1:
                before = self._to_rgb_255(image, self.frozen[:-1])
                image = PixelFormat(self.channel_order).from_rgb_255(before)
            parameters = None if smoother is None else smoother(image)
            return self.fast(image, output_format, parameters)

    def _to_rgb_255(self, image: Tensor, enhancers: Sequence[Frozen]) -> Tensor:
        """Raw images (B, 3, H, W) -> enhanced by the reference path, RGB on 0..255, float32."""
        image = image.float() / 255
        if self.channel_order == 'bgr':
            image = image.flip(1)
        for enhancer in enhancers:
            image = enhancer.on(image.device)(image)
        return image * 255


def _check_images(image: Tensor) -> None:
    if image.dim() != 4 or image.shape[1] != 3:
        raise InputError('An enhancer needs colour images (3, H, W), got '
                         f'{tuple(image.shape[1:])}. {_HINT}')
    if image.dtype == torch.uint8:
        return
    if not image.dtype.is_floating_point:
        raise InputError('An enhancer needs images of uint8 or float on 0..255, got '
                         f'{image.dtype}. {_HINT}')
    lowest, highest = (value.item() for value in image.aminmax()) if image.numel() else (0, 0)
    if not (0 <= lowest and highest <= 255):
        raise InputError('An enhancer needs images on 0..255, got values from '
                         f'{lowest:g} to {highest:g}. Is the image normalised already, or of 16 '
                         f'bit? {_HINT}')
