"""The pixel grid: as many pixels, spread over the image, as its statistics need."""
import math

from torch import Tensor

GRID = 128  # pixels along each side are enough: the mean is known to half a grey level
BLACK_QUANTILE = 0.01


def pixel_grid(image: Tensor) -> Tensor:
    """Take every n-th pixel of every n-th row of images (B, 3, H, W), as float32.

    There are at least 128 along each side, if there are so many. The grid covers the whole image,
    and is read in a fraction of the time of all pixels.
    """
    rows, columns = grid_steps(image, GRID)
    return image[..., ::rows, ::columns].float()


def grid_steps(image: Tensor, side: int) -> tuple[int, int]:
    """Of how many rows, and of how many columns, one is in a grid of at least `side` points each.

    Args:
        image: (B, 3, H, W).
        side: of the grid, in points.
    """
    height, width = image.shape[-2:]
    return max(1, height // side), max(1, width // side)


def darkest(count: int) -> int:
    """How many of the pixels of a grid are its darkest hundredth, one at least."""
    return max(1, math.ceil(BLACK_QUANTILE * count))
