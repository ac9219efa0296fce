"""ImageNet-C's blurs (Hendrycks and Dietterich, ICLR 2019).

Every function takes image (B, 3, H, W) RGB on [0, 1], severity (B,) integers 1..5 and a generator
of the image's device, and returns a new float32 image of the same shape on [0, 1].
"""
import math
from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .severity import per_image

GAUSSIAN_SIGMA_PX = (1, 2, 3, 4, 6)
BLOCK_PX = 56

DEFOCUS_RADIUS_PX = (3, 4, 6, 8, 10)
DEFOCUS_EDGE_SIGMA_PX = (0.1, 0.5, 0.5, 0.5, 0.5)

GLASS_SIGMA_PX = (0.7, 0.9, 1, 1.1, 1.5)
GLASS_REACH_PX = (1, 2, 2, 3, 4)
GLASS_ROUNDS = (2, 1, 3, 2, 2)

MOTION_TAPS = (21, 31, 31, 31, 41)
MOTION_SIGMA_PX = (3, 5, 8, 12, 15)
MOTION_ANGLE_DEG = 45.0

ZOOM_STEP = (0.01, 0.01, 0.02, 0.02, 0.03)
ZOOM_COUNT = (12, 16, 11, 13, 11)


def gaussian_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian blur cut off at four sigma, edges repeated (ImageNet-C, validation set)."""
    return _gaussian(image.float(), GAUSSIAN_SIGMA_PX, severity).clamp_(0, 1)


def defocus_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Average over a disk with a slightly smoothed edge, edges mirrored (ImageNet-C).

    As in ImageNet-C, the disks of 8 and 10 pixels sum to a little more than one.
    """
    height, width = image.shape[2:]
    disks = torch.stack([_disk(*constants) for constants in
                         zip(DEFOCUS_RADIUS_PX, DEFOCUS_EDGE_SIGMA_PX)]).to(image.device)
    reach = disks.shape[-1] // 2
    padded = image.float()
    for dim, size in ((2, height), (3, width)):
        padded = _mirror(padded, dim, reach, _fast_length(size + 2 * reach) - size - reach)
    spectrum = torch.fft.rfft2(disks[:, None], s=padded.shape[2:])[severity - 1]
    return _correlate(padded, spectrum)[..., :height, :width].clamp(0, 1)


def glass_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Blur, displace every pixel by up to `GLASS_REACH_PX`, blur again (ImageNet-C).

    ImageNet-C walks over the pixels from the last to the first, and each takes the value that a
    random neighbour has at that moment (its swap writes only one way). `_displacement` draws from
    the same distribution for all pixels at once.
    """
    batch, _, height, width = image.shape
    blurred = _gaussian(image.float(), GLASS_SIGMA_PX, severity)
    blurred = blurred.clamp_(0, 1).mul_(255).floor_().div_(255)  # ImageNet-C stores bytes here
    reach, rounds = (per_image(constants, severity)[:, 0, 0].long()
                     for constants in (GLASS_REACH_PX, GLASS_ROUNDS))
    source = torch.arange(height * width, device=image.device).repeat(batch, 1)
    for turn in range(max(GLASS_ROUNDS)):
        rows = (turn < rounds).nonzero()[:, 0]
        step = _displacement(height, width, reach[rows], generator)
        source[rows] = source[rows].gather(1, step)
    displaced = blurred.flatten(2).gather(2, source[:, None].expand(-1, 3, -1)).view_as(blurred)
    return _gaussian(displaced, GLASS_SIGMA_PX, severity).clamp_(0, 1)


def motion_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Average along a line in a random direction within 45 degrees of horizontal (ImageNet-C)."""
    chance = torch.rand(len(image), generator=generator, device=image.device)
    return motion_blur_along(image, severity, (2 * chance - 1) * MOTION_ANGLE_DEG)


def motion_blur_along(image: Tensor, severity: Tensor, angle_deg: Tensor) -> Tensor:
    """Average from each pixel to its right, with one half of a Gaussian as weights.

    The line goes through whole pixels and edges are repeated, as in ImageMagick, which draws it
    for ImageNet-C; the number of taps is twice ImageNet-C's radius plus one.

    Args:
        angle_deg: (B,), downwards positive, from -45 to 45.
    """
    height, width = image.shape[2:]
    taps = max(MOTION_TAPS)
    rise = math.ceil(taps * math.sin(math.radians(MOTION_ANGLE_DEG)))
    position = torch.arange(taps, device=image.device)
    sigma = per_image(MOTION_SIGMA_PX, severity).view(-1, 1)
    weight = (-0.5 * (position / sigma).square()).exp()
    weight = weight * (position < per_image(MOTION_TAPS, severity).view(-1, 1))
    angle = torch.deg2rad(angle_deg.float())[:, None]
    down, right = ((position * part - 0.5).ceil().long() for part in (angle.sin(), angle.cos()))
    kernel = weight.new_zeros(len(image), (2 * rise + 1) * taps).scatter_add_(
        1, (down + rise) * taps + right, weight / weight.sum(dim=1, keepdim=True))
    padded = F.pad(image.float(), (0, _fast_length(width + taps - 1) - width,
                                   rise, _fast_length(height + 2 * rise) - height - rise),
                   mode='replicate')
    spectrum = torch.fft.rfft2(kernel.view(len(image), 1, -1, taps), s=padded.shape[2:])
    return _correlate(padded, spectrum)[..., :height, :width].clamp(0, 1)


def zoom_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Average the image with enlargements of its centre, 1, 1 + step, ... times (ImageNet-C)."""
    result = image.float() * 2  # Itself, and enlarged once.
    for level in severity.unique().tolist():
        rows = (severity == level).nonzero()[:, 0]
        chosen = image[rows].float().contiguous(memory_format=torch.channels_last)
        step, count = ZOOM_STEP[level - 1], ZOOM_COUNT[level - 1]
        total = sum(_enlarge(chosen, 1 + k * step) for k in range(1, count))
        result[rows] = (result[rows] + total) / (count + 1)
    return result.clamp_(0, 1)


def _gaussian(image: Tensor, sigma_px: Sequence[float], severity: Tensor) -> Tensor:
    """Matrix products, faster than convolutions, that need no padding.

    In blocks of `BLOCK_PX` output pixels, to skip most of what is zero in the matrices.
    """
    rows, columns = (_gaussian_matrices(size, sigma_px, image.device)[severity - 1]
                     for size in image.shape[2:])
    blocks = ([(slice(start, start + BLOCK_PX),
                slice(max(0, start - reach), start + BLOCK_PX + reach))
               for start in range(0, size, BLOCK_PX)]
              for size, reach in ((size, _reach(sigma_px)) for size in image.shape[2:]))
    down, across = blocks
    flat = image.flatten(1, 2)
    horizontal = torch.cat([flat[..., source] @ columns[:, target, source].mT
                            for target, source in across], dim=2).view_as(image)
    return torch.cat([rows[:, None, target, source] @ horizontal[:, :, source]
                      for target, source in down], dim=2)


def _reach(sigma_px: Sequence[float]) -> int:
    return int(4 * max(sigma_px) + 0.5)


def _gaussian_matrices(size: int, sigma_px: Sequence[float], device: torch.device) -> Tensor:
    """(5, size, size): products with a column of pixels blur it, its ends repeated."""
    sigma = torch.tensor(sigma_px, device=device)[:, None]
    reach = _reach(sigma_px)
    offset = torch.arange(-reach, reach + 1, device=device)
    weight = (-0.5 * (offset / sigma).square()).exp() * (offset.abs() <= (4 * sigma + 0.5).floor())
    weight = weight / weight.sum(dim=1, keepdim=True)
    source = (torch.arange(size, device=device)[:, None] + offset).clamp(0, size - 1)
    return weight.new_zeros(5, size, size).scatter_add_(
        2, source.expand(5, -1, -1), weight[:, None].expand(-1, size, -1))


def _disk(radius_px: int, edge_sigma_px: float) -> Tensor:
    """(21, 21), a disk blurred by three taps (five from radius 9 on) in a mirrored window."""
    window, edge_reach = (8, 1) if radius_px <= 8 else (radius_px, 2)
    square = torch.arange(-window, window + 1).square()
    disk = (square[:, None] + square <= radius_px ** 2).float()
    edge = (-0.5 * (torch.arange(-edge_reach, edge_reach + 1) / edge_sigma_px).square()).exp()
    edge = torch.outer(edge, edge) / edge.sum().square()
    disk = (disk / disk.sum())[None, None]
    for dim in (2, 3):
        disk = _mirror(disk, dim, edge_reach, edge_reach)
    return F.pad(F.conv2d(disk, edge[None, None])[0, 0], [max(DEFOCUS_RADIUS_PX) - window] * 4)


def _displacement(height: int, width: int, reach: Tensor, generator: torch.Generator) -> Tensor:
    """Where each pixel takes its value from in one round: flat indices (B, H * W).

    Offsets are uniform in -reach..reach - 1. A neighbour that comes later in the image has taken
    a value of its own before and passes that one on. Such chains are followed by doubling: four
    doublings cover 16 links, and of longer chains there are less than one in a million.

    Args:
        reach: (B, 1), pixels; as many pixels along the border stay where they are.
    """
    device, batch, size = reach.device, len(reach), height * width
    cell = torch.arange((2 * max(GLASS_REACH_PX)) ** 2, device=device)
    offsets = (cell // (2 * reach) - reach) * width + cell % (2 * reach) - reach
    chance = torch.rand(batch, size, generator=generator, device=device)
    offset = offsets.gather(1, chance.mul_((2 * reach) ** 2).long()).view(batch, height, width)
    row, column = ((at > reach) & (at <= length - reach) for at, length in
                   ((torch.arange(n, device=device), n) for n in (height, width)))
    offset *= row[:, :, None] & column[:, None]
    # Nodes 0..size - 1 are pixels after this round, the others pixels before it.
    follow = torch.arange(2 * size, device=device).repeat(batch, 1)
    follow[:, :size] += offset.flatten(1) + size * (offset <= 0).flatten(1)
    for _ in range(4):
        follow[:, :size] = follow.gather(1, follow[:, :size])
    return follow[:, :size] % size


def _enlarge(image: Tensor, factor: float) -> Tensor:
    """Enlarge the centre of an image to at least its size, and cut it to its size."""
    height, width = image.shape[2:]
    inner = [math.ceil(size / factor) for size in (height, width)]
    top, left = ((size - part) // 2 for size, part in zip((height, width), inner))
    centre = image[:, :, top:top + inner[0], left:left + inner[1]]
    size = [round(part * factor) for part in inner]
    return F.interpolate(centre, size, mode='bilinear', align_corners=True)[..., :height, :width]


def _mirror(image: Tensor, dim: int, before: int, after: int) -> Tensor:
    """Pad one dimension by mirroring about its end pixels, more than once where it is short."""
    size = image.shape[dim]
    period = max(2 * (size - 1), 1)
    index = torch.arange(-before, size + after, device=image.device) % period
    index = torch.minimum(index, period - index) if size > 1 else index
    return torch.cat([image.index_select(dim, index[:before]), image,
                      image.index_select(dim, index[before + size:])], dim)


def _correlate(padded: Tensor, spectrum: Tensor) -> Tensor:
    """Correlate with kernels given by their spectrum; a kernel's origin is its first entry."""
    product = torch.fft.rfft2(padded).mul_(spectrum.conj())
    return torch.fft.irfft2(product, s=padded.shape[2:])


def _fast_length(length: int) -> int:
    """The next length that is a product of 2, 3 and 5, for which FFTs are fast."""
    while pow(30, 32, length):
        length += 1
    return length
