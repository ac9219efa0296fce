"""Named per-channel statistics, so that no bare `mean` travels through the code."""
from typing import NamedTuple

from torch import Tensor

from .runtime.device_constants import constant


class ChannelStatistics(NamedTuple):
    """Mean and deviation of three colour channels, in the order that the name of an instance says.

    `mean` and `std` are in the units of the image they normalise.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def standardise(self, image: Tensor) -> Tensor:
        """(image - mean) / std for an image (..., 3, H, W)."""
        mean, std = self.like(image)
        return (image - mean) / std

    def restore(self, image: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        mean, std = self.like(image)
        return image * std + mean

    def like(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation as (3, 1, 1) tensors of the image's type and device: `constant`s."""
        return (constant(self.mean, image).view(3, 1, 1), constant(self.std, image).view(3, 1, 1))

    def of(self, value: float) -> tuple[float, float, float]:
        """Standardise the three channels of a pixel of that value."""
        first, second, third = ((value - mean) / std for mean, std in zip(self.mean, self.std))
        return first, second, third


# RGB images on [0, 1]: what the enhancer and torchvision's classifiers see.
IMAGENET_RGB = ChannelStatistics(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

# The same images on 0..255.
IMAGENET_RGB_255 = ChannelStatistics(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))

# BGR images on 0..255: what the DeepLabV2 baseline sees.
CAFFE_BGR_255 = ChannelStatistics(mean=(104.00698793, 116.66876762, 122.67891434),
                                  std=(1.0, 1.0, 1.0))
