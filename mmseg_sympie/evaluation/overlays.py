"""Two predictions of one image without labels: where they differ, drawn side by side."""
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .panels import colourise

OPACITY = 0.55  # of the classes' colours over the image
WINDOW = 5  # The box of most disagreement is a fifth of the image's sides.


class Box(NamedTuple):
    """A rectangle of pixels; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int


def most_changed(changed: np.ndarray) -> Box | None:
    """The window of a fifth of the sides with the most changed pixels; None where none is.

    Args:
        changed: (H, W) bool.
    """
    if not changed.any():
        return None
    height, width = (max(1, side // WINDOW) for side in changed.shape)
    sums = cv2.integral(changed.astype(np.uint8))
    counts = (sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
              + sums[:-height, :-width])
    top, left = (int(place) for place in np.unravel_index(counts.argmax(), counts.shape))
    return Box(left, top, left + width, top + height)


def class_shares(labels: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """The share of the pixels of each class that occurs, in percent, the largest first.

    Args:
        labels: (H, W), uint8.
        classes: names of the classes.
    """
    counts = np.bincount(labels.ravel(), minlength=len(classes))[:len(classes)]
    shares = {classes[index]: round(100 * int(counts[index]) / labels.size, 3)
              for index in np.argsort(-counts, kind='stable') if counts[index]}
    return shares


def overlay(image: np.ndarray, labels: np.ndarray, palette: Sequence[Sequence[int]],
            box: Box | None = None) -> np.ndarray:
    """An image (H, W, 3), RGB, uint8, under the colours of its label map, with a box if given."""
    mixed = cv2.addWeighted(image, 1 - OPACITY, colourise(labels, palette), OPACITY, 0)
    if box is not None:
        thickness = max(2, min(labels.shape) // 200)
        for colour, width in (((0, 0, 0), 2 * thickness), ((255, 255, 255), thickness)):
            cv2.rectangle(mixed, box[:2], (box.right - 1, box.bottom - 1), colour, width)
    return mixed


def side_by_side(pictures: Sequence[Sequence[np.ndarray]], titles: Sequence[str],
                 legend: Sequence[tuple[Sequence[int], str]], caption: str) -> np.ndarray:
    """Rows of pictures of one size, a title above each column, legend and caption below.

    Args:
        pictures: rows of pictures (H, W, 3), RGB, uint8.
        titles: one for each column.
        legend: colour, RGB on 0..255, and name of each class.
        caption: one line.

    Returns:
        (H', W', 3), RGB, uint8, with even sides.
    """
    grid = np.concatenate([np.concatenate(row, axis=1) for row in pictures])
    width, column = grid.shape[1], pictures[0][0].shape[1]
    size = max(11, min(36, width // 60))
    font = ImageFont.load_default(size)
    title = _strip(width, size, [[(None, text, column * place)
                                  for place, text in enumerate(titles)]], font)
    lines = _lines(legend, width, size, font)
    below = _strip(width, size, [[(None, caption, 0)], *lines], font)
    picture = np.concatenate([title, grid, below])
    return np.pad(picture, [(0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)],
                  mode='edge')


def _lines(legend: Sequence[tuple[Sequence[int], str]], width: int, size: int, font) -> list[list]:
    """Places of the legend's entries, in as many lines as they need."""
    lines: list[list] = [[]]
    left = 0
    for colour, name in legend:
        needed = round(font.getlength(name)) + 3 * size
        if left and left + needed > width:
            lines.append([])
            left = 0
        lines[-1].append((tuple(colour), name, left))
        left += needed
    return lines


def _strip(width: int, size: int, lines: Sequence[Sequence], font) -> np.ndarray:
    """Lines of texts on white, each with a square of its colour before it, or none."""
    line_height = round(1.6 * size)
    strip = Image.new('RGB', (width, line_height * len(lines)), 'white')
    draw = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        top = number * line_height + size // 4
        for colour, text, left in line:
            left += size // 3
            if colour is not None:
                draw.rectangle([left, top, left + size, top + size], colour, 'black')
                left += round(1.4 * size)
            draw.text((left, top), text, 'black', font)
    return np.array(strip)
