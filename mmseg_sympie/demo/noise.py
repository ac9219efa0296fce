"""Smooth random textures."""
import cv2
import numpy as np


def fractal_noise(rng, shape, cell_px, octaves=3):
    """Smooth noise of the shape (H, W), float32, about -1..1; cell_px is the largest feature."""
    height, width = shape
    noise = np.zeros(shape, np.float32)
    for octave in range(octaves):
        cell = max(cell_px / 2 ** octave, 1.0)
        cells = int(height / cell) + 2, int(width / cell) + 2
        grid = rng.random(cells, dtype=np.float32) * 2 - 1
        noise += cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR) / 2 ** octave
    return noise / 1.4


def sample_noise(noise, x, y):
    """Noise at positions x, y (float32 arrays, in its cells), mirrored at its edges: no seam."""
    height, width = np.array(noise.shape) - 2
    columns = np.abs(np.mod(x + 0.6 * width, 2 * width) - width)
    rows = np.broadcast_to(np.abs(np.mod(y, 2 * height) - height), x.shape)
    return cv2.remap(noise, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
