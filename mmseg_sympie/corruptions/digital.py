"""Digital corruptions of ImageNet-C (Hendrycks and Dietterich, ICLR 2019), all but JPEG.

Every function takes `image` (B, 3, H, W), RGB on [0, 1]; `severity` (B,), integers 1 to 5; and a
`generator` of the image's device. It returns float32 (B, 3, H, W) on [0, 1], the input untouched.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.device_constants import constant
from . import cpu
from .severity import per_image

CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
SATURATION_SCALE = (0.3, 0.1, 2.0, 5.0, 20.0)
SATURATION_SHIFT = (0.0, 0.0, 0.0, 0.1, 0.2)
PIXELATE = (0.6, 0.5, 0.4, 0.3, 0.25)
# In pixels, whatever the size of the image; published as multiples of 244, a slip for 224.
ELASTIC_AMPLITUDE_PX = (488.0, 488.0, 12.2, 17.08, 29.28)
ELASTIC_SIGMA_PX = (170.8, 19.52, 2.44, 2.44, 2.44)
ELASTIC_JITTER_PX = (24.4, 48.8, 4.88, 4.88, 4.88)


def contrast(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """ImageNet-C contrast: `CONTRAST` of each channel's distance to its mean over the image."""
    image = image.float()
    mean = image.mean(dim=(2, 3), keepdim=True)
    return torch.lerp(mean, image, per_image(CONTRAST, severity)).clamp(0, 1)


def saturate(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """ImageNet-C saturate: HSV saturation scaled by `SATURATION_SCALE`, plus `SATURATION_SHIFT`.

    Hue and value stay. Grey has hue 0, so the shift turns it red, as published.
    """
    image = image.float()
    value, lowest = image.amax(1, keepdim=True), image.amin(1, keepdim=True)
    chroma = value - lowest
    saturation = torch.where(chroma > 0, chroma / value, 0)
    saturation = (saturation * per_image(SATURATION_SCALE, severity)
                  + per_image(SATURATION_SHIFT, severity)).clamp(0, 1)
    red = constant((0, 1, 1), image).view(1, 3, 1, 1)
    hue = torch.where(chroma > 0, (value - image) / chroma, red)  # 0 at the largest channel
    return (value - value * saturation * hue).clamp(0, 1)


def pixelate(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """ImageNet-C pixelate: box-filtered to `PIXELATE` of the size, enlarged to nearest pixels.

    Pillow rounds to 8 bits after each of its two passes, this does not: up to a grey level apart.
    A pixel centred on a cell's edge goes to the left or upper cell; in Pillow floats decide that.
    """
    image = image.float()
    result = torch.empty_like(image)
    for level in severity.unique().tolist():
        rows = (severity == level).nonzero()[:, 0]
        (down, row), (across, column) = (_cells(size, PIXELATE[level - 1], image.device)
                                         for size in image.shape[2:])
        cells = down @ (image[rows] @ across.T)
        result[rows] = cells.index_select(3, column).index_select(2, row)
    return result.clamp_(0, 1)


def _cells(size: int, scale: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """The means of cells as a matrix (cells, size), and the cell (size,) of each pixel."""
    count = max(1, int(size * scale))
    # A cell covers whole pixels, those whose centres it holds: integers, to round like Pillow.
    edge = torch.arange(count + 1, device=device)
    edge = (2 * size * edge + count) // (2 * count)
    pixel = torch.arange(size, device=device)
    inside = (pixel >= edge[:-1, None]) & (pixel < edge[1:, None])
    return inside / inside.sum(dim=1, keepdim=True), (2 * pixel + 1) * count // (2 * size)


def elastic_transform(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """ImageNet-C elastic transform: a random affine map, then a smooth random displacement.

    The map moves three corners of the central square of two thirds of the short side by up to
    `ELASTIC_JITTER_PX`. The displacement is uniform noise on [-1, 1], blurred with
    `ELASTIC_SIGMA_PX` and times `ELASTIC_AMPLITUDE_PX`. Both resample bilinearly. Unlike the
    published affine map, which is for square images, this one mirrors the border with its
    outermost pixels repeated, and its square is in the centre whatever the aspect ratio.
    """
    image = image.float()
    sample = cpu.remap if cpu.by_loops(image) else remap_by_grid
    moved = sample(image, *_affine_positions(image, severity, generator))
    return sample(moved, *_displaced_positions(image, severity, generator)).clamp_(0, 1)


def _affine_positions(image: Tensor, severity: Tensor,
                      generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Where the affine map takes each pixel from: x and y in pixels, (B, H, W) each."""
    batch, _, height, width = image.shape
    arm = max(1, min(height, width) // 3)
    jitter = torch.rand(batch, 2, 3, generator=generator, device=image.device) * 2 - 1
    # Columns: (x, y) displacements of the corners (arm, arm), (arm, -arm), (-arm, -arm).
    corner = jitter * per_image(ELASTIC_JITTER_PX, severity)[..., 0]
    slope = (corner[..., :2] - corner[..., 1:]).flip(-1) / (2 * arm)
    # The map goes from input to output, and the image is sampled at its inverse.
    inverse = torch.linalg.inv_ex(torch.eye(2, device=image.device) + slope).inverse
    shift = (corner[..., 0] + corner[..., 2])[..., None, None] / 2
    x = torch.arange(width, device=image.device) - width // 2 - shift[:, 0]
    y = torch.arange(height, device=image.device)[:, None] - height // 2 - shift[:, 1]
    (xx, xy), (yx, yy) = inverse[..., None, None].permute(1, 2, 0, 3, 4)
    return xx * x + xy * y + width // 2, yx * x + yy * y + height // 2


def _displaced_positions(image: Tensor, severity: Tensor,
                         generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each pixel's position plus smooth noise: x and y in pixels, (B, H, W) each."""
    batch, _, height, width = image.shape
    noise = cpu.rand(batch, 2, height, width, generator=generator) * 2 - 1
    sigma, which = per_image(ELASTIC_SIGMA_PX, severity).flatten().unique(return_inverse=True)
    blur = {size: _mirrored_blur(size, sigma)[which, None] for size in {height, width}}
    offset = blur[height] @ noise @ blur[width] * per_image(ELASTIC_AMPLITUDE_PX, severity)
    x = torch.arange(width, device=image.device)
    y = torch.arange(height, device=image.device)[:, None]
    return x + offset[:, 0], y + offset[:, 1]


def _mirrored_blur(size: int, sigma: Tensor) -> Tensor:
    """The elastic transform's Gaussian filters as symmetric matrices.

    Filtering a signal that is mirrored at both ends scales its cosine transform by the filter's
    frequency response, so the matrix of any size is exact although filters may be longer.

    Args:
        size: of the signal, in pixels.
        sigma: (N,), pixels.

    Returns:
        (N, size, size), float32.
    """
    radius, device = (3 * sigma + 0.5).floor(), sigma.device
    tap = torch.arange(int(radius.max()) + 1, device=device)
    weight = torch.exp(-(tap / sigma[:, None]) ** 2 / 2) * (tap <= radius[:, None])
    weight[:, 1:] *= 2  # the taps on both sides
    weight /= weight.sum(dim=1, keepdim=True)
    frequency = torch.arange(size, device=device)[:, None] * (math.pi / size)
    response = weight @ torch.cos(frequency * tap).T  # (N, size)
    transform = torch.cos(frequency * (torch.arange(size, device=device) + 0.5))
    transform /= transform.norm(dim=1, keepdim=True)
    return transform.T @ (response[..., None] * transform)


def remap_by_grid(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """`cpu.remap` by PyTorch."""
    height, width = image.shape[-2:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(image, grid, padding_mode='reflection', align_corners=False)
