"""The ten corruptions of ImageNet-C-bar (Mintun, Kirillov and Xie, NeurIPS 2021).

They were chosen to look unlike those of ImageNet-C, so an enhancer that was pretrained on
ImageNet-C has not seen their like. Definitions and the five levels of each are those of the
published benchmark (facebookresearch/augmentation-corruption, imagenet_c_bar.csv), which is defined
on 224x224: here its fractions of the image side are fractions of the short side, and positions are
drawn over the whole image. The images that were published are also saved as JPEG and rounded down
to whole grey levels; these are neither.

Every function takes image (B, 3, H, W) RGB on [0, 1], severity (B,) integers 1..5 and a generator,
both on the image's device, and returns a new float32 image (B, 3, H, W) on [0, 1].
"""
from types import MappingProxyType

from .masks import blue_noise_sample, checkerboard_cutout
from .noise import brownish_noise, perlin_noise, plasma_noise
from .sparkles import inverse_sparkles, sparkles
from .waves import caustic_refraction, cocentric_sine_waves, single_frequency_greyscale

__all__ = ['IMAGENET_C_BAR']

IMAGENET_C_BAR = MappingProxyType({function.__name__: function for function in (
    blue_noise_sample, brownish_noise, caustic_refraction, checkerboard_cutout,
    cocentric_sine_waves, inverse_sparkles, perlin_noise, plasma_noise,
    single_frequency_greyscale, sparkles)})
