"""Weather: brightness, fog, frost, snow (ImageNet-C) and spatter (its extra set).

Every function takes image (B, 3, H, W), RGB on [0, 1], severity (B,) integers 1..5, and the
generator on the image's device, and returns the corrupted images, (B, 3, H, W) on [0, 1].
Constants are those of Hendrycks and Dietterich, ICLR 2019.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.device_constants import constant
from .filters import filter_each, line_kernel
from .liquid import mud, water
from .severity import per_image
from .textures import frost_texture, plasma_fractal

WATER, MUD = (175, 238, 238), (63, 42, 20)  # on 0..255


def brightness(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Raise the value of HSV by a constant.

    Colours are proportional to the value, so that hue and saturation need not be computed.
    """
    image = image.float().clamp(min=1e-6)  # black has a colour to scale too: grey
    value = image.amax(dim=1, keepdim=True)
    brighter = (value + per_image((0.1, 0.2, 0.3, 0.4, 0.5), severity)).clamp_(max=1)
    return image.mul_(brighter / value).clamp_(max=1)


def fog(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Add a plasma fractal (density; decay of its fine scales), then scale to the old maximum."""
    image = image.float()
    density = per_image((1.5, 2, 2.5, 2.5, 3), severity)
    height, width = image.shape[2:]
    size = 1 << (max(height, width, 3) - 1).bit_length()  # the next power of two
    clouds = plasma_fractal(size, per_image((2, 2, 1.7, 1.5, 1.4), severity), generator)
    brightest = image.amax(dim=(1, 2, 3), keepdim=True)
    scale = brightest / (brightest + density)
    return (image * scale).add_(clouds[..., :height, :width] * (density * scale)).clamp_(0, 1)


def frost(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Weighted sum of the image and frost (the two weights).

    ImageNet-C overlays crops of photographs of frost; here the frost is computed, with the
    photographs' colours, contrast and growth of contrast with distance (see `frost_texture`).
    """
    height, width = image.shape[2:]
    texture = frost_texture(len(image), height, width, generator).clamp_(0, 1)
    texture *= per_image((0.4, 0.6, 0.7, 0.7, 0.75), severity)
    weight = per_image((1, 0.8, 0.7, 0.65, 0.6), severity)
    return texture.addcmul_(image.float(), weight).clamp_(0, 1)


def snow(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Whitened image, plus flakes of motion-blurred, thresholded noise and the same turned by 180.

    Constants: mean and deviation (0.3) of the noise, its zoom, the threshold, deviation of the
    fading streak along 25 pixels, and how much of the image is not whitened. The streak is a
    half Gaussian drawn on whole pixels where ImageNet-C calls ImageMagick.
    """
    image = image.float()
    red, green, blue = image.split(1, dim=1)
    luma = (red * 0.299).add_(green, alpha=0.587).add_(blue, alpha=0.114)
    keep = per_image((0.8, 0.7, 0.7, 0.65, 0.55), severity)
    white = torch.maximum(image, luma * 1.5 + 0.5).lerp_(image, keep)
    height, width = image.shape[2:]
    noise = _zoomed_noise(height, width, per_image((3, 2, 4, 4.5, 2.5), severity), generator)
    layer = noise.mul_(0.3).add_(per_image((0.1, 0.2, 0.55, 0.55, 0.55), severity))
    threshold = per_image((0.5, 0.5, 0.9, 0.85, 0.85), severity)
    layer = (layer * (layer >= threshold)).clamp_(max=1)
    spread = per_image((4, 4, 8, 8, 12), severity).view(-1, 1)
    streak = torch.exp(-torch.arange(25, device=image.device).square() / (2 * spread.square()))
    angle = torch.rand(len(image), generator=generator, device=image.device)
    layer = filter_each(layer, line_kernel(streak, (angle * 90 - 135).deg2rad()))
    return white.add_(layer + layer.flip(2, 3)).clamp_(0, 1)


def spatter(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Drops of water that add light (severities 1 to 3), or opaque mud (4 and 5).

    The colours are a pale turquoise and brown; see `liquid` for what differs from ImageNet-C.
    """
    image = image.float()
    noise = torch.randn(len(image), 1, *image.shape[2:], generator=generator, device=image.device)
    opaque = severity > 3
    amount = torch.empty_like(noise)
    for liquid, rows in ((water, ~opaque), (mud, opaque)):
        rows = rows.nonzero()[:, 0]
        if len(rows):
            amount[rows] = liquid(noise[rows], severity[rows])
    colour = constant((WATER, MUD), image)[opaque.long()].view(-1, 3, 1, 1) / 255
    covered = image * (1 - amount * opaque.view(-1, 1, 1, 1))
    return covered.addcmul_(amount, colour).clamp_(0, 1)


def _zoomed_noise(height: int, width: int, zoom: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise on a coarse grid, enlarged `zoom` (B, 1, 1, 1; at least 2) times."""
    rows, columns = height // 2 + 1, width // 2 + 1
    noise = torch.randn(len(zoom), 1, rows, columns, generator=generator, device=zoom.device)

    def positions(length: int, size: int) -> Tensor:
        # First and last points of the coarse grid lie on the first and last enlarged pixels.
        cells = (length / zoom).ceil()
        step = (cells - 1) / ((cells * zoom).round() - 1).clamp(min=1)
        pixel = torch.arange(length, device=zoom.device) * step.view(-1, 1)
        return 2 * pixel / max(size - 1, 1) - 1

    grid = torch.stack(torch.broadcast_tensors(
        positions(width, columns)[:, None, :], positions(height, rows)[:, :, None]), dim=3)
    return F.grid_sample(noise, grid, align_corners=True)
