"""Every corruption under its published name, in the groups that the papers report."""
from types import MappingProxyType

from .blur import defocus_blur, gaussian_blur, glass_blur, motion_blur, zoom_blur
from .camera import airlight, colour_cast, exposure, low_sun, snow_veil, wet_glare
from .digital import contrast, elastic_transform, pixelate, saturate
from .imagenet_c_bar import IMAGENET_C_BAR
from .jpeg import jpeg_compression
from .low_light import low_light
from .noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise
from .street import darken, horizon, night, white_point
from .weather import brightness, fog, frost, snow, spatter


def _named(*functions):
    return MappingProxyType({function.__name__: function for function in functions})


NOISE = _named(gaussian_noise, shot_noise, impulse_noise)
BLUR = _named(defocus_blur, glass_blur, motion_blur, zoom_blur)
WEATHER = _named(snow, frost, fog, brightness)
DIGITAL = _named(contrast, elastic_transform, pixelate, jpeg_compression)

# Hendrycks and Dietterich, ICLR 2019: the fifteen that are averaged, and four for validation.
IMAGENET_C = MappingProxyType({**NOISE, **BLUR, **WEATHER, **DIGITAL})
IMAGENET_C_EXTRA = _named(speckle_noise, gaussian_blur, spatter, saturate)
# SyMPIE's own four, for what streets look like in bad weather.
STREET = _named(darken, horizon, night, white_point)
# What SyMPIE is pretrained on in the paper: 23 corruptions.
POOL = MappingProxyType({**IMAGENET_C, **IMAGENET_C_EXTRA, **STREET})
# Ours, for what night and weather are to a camera.
CAMERA = _named(low_light, colour_cast, exposure, airlight, low_sun, wet_glare, snow_veil)
# Whatever has a name.
ALL = MappingProxyType({**POOL, **CAMERA, **IMAGENET_C_BAR})
