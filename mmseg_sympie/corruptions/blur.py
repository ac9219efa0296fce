"""ImageNet-C's blurs (Hendrycks and Dietterich, ICLR 2019).

Every function takes image (B, 3, H, W) RGB on [0, 1], severity (B,) integers 1..5 and a generator
of the image's device, and returns a new float32 image of the same shape on [0, 1].
"""
import functools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.device_constants import constant
from . import cpu
from .filters import blur_each, correlate
from .severity import per_image

GAUSSIAN_SIGMA_PX = (1, 2, 3, 4, 6)

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
    disks = constant(_disks(), severity, torch.float32)
    reach = disks.shape[-1] // 2
    padded = _mirror(_mirror(image.float(), 2, reach), 3, reach)
    return correlate(padded, disks[severity - 1, None]).clamp_(0, 1)


def glass_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Blur, displace every pixel by up to `GLASS_REACH_PX`, blur again (ImageNet-C).

    ImageNet-C walks over the pixels from the last to the first, and each takes the value that a
    random neighbour has at that moment (its swap writes only one way).
    """
    blurred = _gaussian(image.float(), GLASS_SIGMA_PX, severity)
    # ImageNet-C stores bytes here; what rounding takes from a whole grey level is added first.
    blurred = blurred.clamp_(0, 1).mul_(255).add_(1e-3).floor_().div_(255)
    reach, rounds = (per_image(constants, severity).flatten().long()
                     for constants in (GLASS_REACH_PX, GLASS_ROUNDS))
    displace = cpu.shuffle_pixels if cpu.by_loops(image) else shuffle_at_once
    for turn in range(max(GLASS_ROUNDS)):
        rows = (turn < rounds).nonzero()[:, 0]
        chance = cpu.rand(len(rows), *image.shape[2:], generator=generator)
        blurred[rows] = displace(blurred[rows], chance, reach[rows])
    return _gaussian(blurred, GLASS_SIGMA_PX, severity).clamp_(0, 1)


def motion_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Average along a line in a random direction within 45 degrees of horizontal (ImageNet-C)."""
    chance = torch.rand(len(image), generator=generator, device=image.device)
    return motion_blur_along(image, severity, (2 * chance - 1) * MOTION_ANGLE_DEG)


def motion_blur_along(image: Tensor, severity: Tensor, angle_deg: Tensor) -> Tensor:
    """Average from each pixel to its right, with one half of a Gaussian as weights.

    The line goes through whole pixels and edges are repeated, as in ImageMagick, which draws it
    for ImageNet-C; the number of taps is twice ImageNet-C's radius plus one.

    Args:
        image: (B, 3, H, W), RGB on [0, 1].
        severity: (B,), integers 1 to 5.
        angle_deg: (B,), downwards positive, from -45 to 45.
    """
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
    padded = F.pad(image.float(), (0, taps - 1, rise, rise), mode='replicate')
    return correlate(padded, kernel.view(len(image), 1, -1, taps)).clamp_(0, 1)


def zoom_blur(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Average the image with enlargements of its centre, 1, 1 + step, ... times (ImageNet-C)."""
    result = torch.empty_like(image, dtype=torch.float32)
    enlarge = enlarge_by_loops if cpu.by_loops(image) else enlarge_in_turn
    for level in severity.unique().tolist():
        rows = (severity == level).nonzero()[:, 0]
        step, count = ZOOM_STEP[level - 1], ZOOM_COUNT[level - 1]
        chosen = image[rows].float()
        total = enlarge(chosen, [1 + k * step for k in range(1, count)])
        # And twice itself: as it is, and enlarged once.
        result[rows] = total.add_(chosen, alpha=2).div_(count + 1)
    return result.clamp_(0, 1)


def enlarge_in_turn(image: Tensor, factors: Sequence[float]) -> Tensor:
    """Sum of enlargements of the centre of images, each to at least their size and cut to it."""
    height, width = image.shape[2:]
    total = torch.zeros_like(image)
    for factor in factors:
        (top, rows, tall), (left, columns, wide) = (_centre(size, factor)
                                                    for size in (height, width))
        centre = image[:, :, top:top + rows, left:left + columns]
        total += F.interpolate(centre, (tall, wide), mode='bilinear',
                               align_corners=True)[..., :height, :width]
    return total


def enlarge_by_loops(image: Tensor, factors: Sequence[float]) -> Tensor:
    """The same on a CPU."""
    return cpu.resample(image, *(torch.stack([
        first + torch.arange(size) * ((part - 1) / max(enlarged - 1, 1))
        for first, part, enlarged in (_centre(size, factor) for factor in factors)])
        for size in image.shape[2:]))


def _centre(size: int, factor: float) -> tuple[int, int, int]:
    """Where the part starts that is enlarged, how long it is, and how long it gets."""
    part = math.ceil(size / factor)
    return (size - part) // 2, part, round(part * factor)


def _gaussian(image: Tensor, sigma_px: Sequence[float], severity: Tensor) -> Tensor:
    return blur_each(image, per_image(sigma_px, severity), int(4 * max(sigma_px) + 0.5),
                     deviations=4)


@functools.cache
def _disks() -> tuple:
    """For severities 1 to 5, (5, 21, 21)."""
    return tuple(tuple(map(tuple, _disk(*constants).tolist()))
                 for constants in zip(DEFOCUS_RADIUS_PX, DEFOCUS_EDGE_SIGMA_PX))


def _disk(radius_px: int, edge_sigma_px: float) -> Tensor:
    """(21, 21), a disk blurred by three taps (five from radius 9 on) in a mirrored window."""
    window, edge_reach = (8, 1) if radius_px <= 8 else (radius_px, 2)
    square = torch.arange(-window, window + 1).square()
    disk = (square[:, None] + square <= radius_px ** 2).float()
    edge = (-0.5 * (torch.arange(-edge_reach, edge_reach + 1) / edge_sigma_px).square()).exp()
    edge = torch.outer(edge, edge) / edge.sum().square()
    disk = (disk / disk.sum())[None, None]
    for dim in (2, 3):
        disk = _mirror(disk, dim, edge_reach)
    return F.pad(F.conv2d(disk, edge[None, None])[0, 0], [max(DEFOCUS_RADIUS_PX) - window] * 4)


def shuffle_at_once(image: Tensor, chance: Tensor, reach: Tensor) -> Tensor:
    """`cpu.shuffle_pixels` for all pixels at once.

    A neighbour that comes later in the image has taken a value of its own before and passes that
    one on. Such chains are followed by doubling: four doublings cover 16 links, and of longer
    chains there are less than one in a million.
    """
    batch, height, width = chance.shape
    device, size, reach = image.device, height * width, reach.view(-1, 1)
    cell = torch.arange((2 * max(GLASS_REACH_PX)) ** 2, device=device)
    offsets = (cell // (2 * reach) - reach) * width + cell % (2 * reach) - reach
    cell = (chance.flatten(1) * (2 * reach) ** 2).long()
    offset = offsets.gather(1, cell).view(batch, height, width)
    row, column = ((at > reach) & (at <= length - reach) for at, length in
                   ((torch.arange(n, device=device), n) for n in (height, width)))
    offset *= row[:, :, None] & column[:, None]
    # Nodes 0..size - 1 are pixels after this walk, the others pixels before it.
    follow = torch.arange(2 * size, device=device).repeat(batch, 1)
    follow[:, :size] += offset.flatten(1) + size * (offset <= 0).flatten(1)
    for _ in range(4):
        follow[:, :size] = follow.gather(1, follow[:, :size])
    source = follow[:, None, :size] % size
    return image.flatten(2).gather(2, source.expand(-1, 3, -1)).view_as(image)


def _mirror(image: Tensor, dim: int, margin: int) -> Tensor:
    """Pad one dimension by mirroring about its end pixels, more than once where it is short."""
    size = image.shape[dim]
    period = max(2 * (size - 1), 1)
    index = torch.arange(-margin, size + margin, device=image.device) % period
    index = torch.minimum(index, period - index) if size > 1 else index
    return torch.cat([image.index_select(dim, index[:margin]), image,
                      image.index_select(dim, index[margin + size:])], dim)
