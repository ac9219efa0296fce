"""A camera, a canvas for polygons given in metres, and the shapes drawn on it.

World axes: x to the right, y up, z ahead; the camera is at (0, height_m, 0). Shapes are arrays
(n, 3) of corners, or (m, n, 3) for several polygons at once.
"""
from typing import NamedTuple

import cv2
import numpy as np

from mmseg_sympie.demo.classes import TRAIN_IDS

NEAR_M = 1.2     # nothing closer than this is projected
BEND_M = 100.0   # the street bends up to here and runs straight beyond
# Ground is whatever lies at y = 0; tops are above it.
NORMALS = {'left': (-1, 0, 0), 'right': (1, 0, 0), 'front': (0, 0, -1), 'top': (0, 1, 0),
           'ground': (0, 1, 0)}
ANGLES = np.linspace(0, 2 * np.pi, 14, endpoint=False)
CIRCLE = np.stack((np.cos(ANGLES), np.sin(ANGLES), np.zeros(14)), -1)


def front(x0, x1, y0, y1, z):
    """An upright rectangle that faces the camera."""
    return [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]


def panel(x, half, y0, y1, z):
    """`front` from its centre and half its width."""
    return front(x - half, x + half, y0, y1, z)


def outline(x, z, corners, y=0):
    """An upright polygon that faces the camera, from its corners' offsets (x, y)."""
    return [(x + dx, y + dy, z) for dx, dy in corners]


def along(x, y0, y1, z0, z1):
    """An upright rectangle that runs along the street."""
    return [(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)]


def disc(x, y, z, radius, radius_y=None):
    """An ellipse (14, 3) that faces the camera; [:, ::-1] turns it to run along the street."""
    return CIRCLE * (radius, radius_y or radius, 0) + (x, y, z)


def grid(start, stop, columns, rows, y0, y1, fill, z):
    """Evenly spaced rectangles (columns * rows, 4, 3) that face the camera.

    As for a disc, [..., ::-1] turns them: then start and stop are z and z is x.
    """
    x = start + (np.arange(columns) + 0.5) * (stop - start) / columns
    y = y0 + (np.arange(rows) + 0.5) * (y1 - y0) / rows
    centre = np.stack(np.meshgrid(x, y, z), -1).reshape(-1, 1, 3)
    half = 0.5 * np.array([fill * (stop - start) / columns, 0.58 * (y1 - y0) / rows, 0])
    return centre + half * np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)])


def inward(side):
    """Facing of a surface on this side (-1 left, +1 right) that looks at the street."""
    return 'left' if side > 0 else 'right'


def pick(rng, colours, spread=8):
    """One of the colours (R, G, B), moved a little."""
    return np.asarray(colours[rng.integers(len(colours))]) + rng.uniform(-spread, spread, 3)


class Camera(NamedTuple):
    """Pinhole camera; pixel quantities are in the supersampled image."""
    focal_px: float
    height_m: float
    horizon_px: float
    centre_px: float
    curvature_per_m: float

    def project(self, xyz):
        """(..., 3) metres -> (..., 2) pixels (column, row)."""
        z = xyz[..., 2]
        scale, bend = self.focal_px / z, np.minimum(z, BEND_M)
        x = xyz[..., 0] + self.curvature_per_m * bend * (z - bend / 2)
        pixels = np.empty((*z.shape, 2))
        pixels[..., 0] = self.centre_px + scale * x
        pixels[..., 1] = self.horizon_px + scale * (self.height_m - xyz[..., 1])
        return pixels


class Canvas:
    """Polygon ids (height, width), with a row of `table` for each id, and shadows 0 or 255.

    A row of the table: R, G, B (0..255), label, grain (strength of the noise), whether it is
    ground, 1/depth_m at column 0, its slope per column, its minimum and its maximum.
    """

    def __init__(self, camera, height, width, sun, sun_strength):
        self.camera = camera
        self.ids = np.zeros((height, width), np.uint16)
        self.shadow = np.zeros((height, width), np.uint8)
        self.sun = sun
        self.sun_strength = sun_strength
        self.light = {name: 1 + sun_strength * (max(0.0, float(np.dot(normal, sun))) - 0.5)
                      for name, normal in NORMALS.items()}
        self.light['lamp'] = 1.0  # shines by itself
        self.table = [(0, 0, 0, TRAIN_IDS['sky'], 0, 0, 0, 0, 0, 0)]

    def fill(self, xyz, label, rgb, facing='front', grain=0.05):
        """Fills one polygon or several with one row; facing is a key of `light`."""
        xyz = np.array(xyz, np.float64)
        if not xyz.size:
            return
        xyz[..., 2] = np.maximum(xyz[..., 2], NEAR_M)
        points = self.camera.project(xyz)
        columns, inverse_depth = points[..., 0].ravel(), 1 / xyz[..., 2].ravel()
        first, last = columns.argmin(), columns.argmax()
        extent = columns[last] - columns[first]
        if columns[last] < 0 or columns[first] > self.ids.shape[1]:
            return
        # On an upright plane 1/depth is exactly linear in the column.
        if extent > 1e-6 and facing not in ('top', 'ground'):
            slope = (inverse_depth[last] - inverse_depth[first]) / extent
            at_zero = inverse_depth[first] - slope * columns[first]
        else:
            slope, at_zero = 0.0, inverse_depth.mean()
        light = self.light[facing]
        self.table.append((*(light * channel for channel in rgb), TRAIN_IDS[label], grain,
                           facing == 'ground', at_zero, slope, inverse_depth.min(),
                           inverse_depth.max()))
        # One by one: filled together, polygons that overlap would leave holes.
        for polygon in (points * 16).astype(np.int32).reshape(-1, *points.shape[-2:]):
            cv2.fillPoly(self.ids, [polygon], len(self.table) - 1, shift=4)

    def cast_shadow(self, xyz):
        """Projects an upright polygon (n, 3) along the sun's rays onto the ground."""
        xyz = np.array(xyz, np.float64)
        ground = xyz - xyz[:, 1:2] / self.sun[1] * np.asarray(self.sun)
        ground[:, 2] = np.maximum(ground[:, 2], NEAR_M)
        points = (self.camera.project(ground) * 16).astype(np.int32)
        cv2.fillPoly(self.shadow, [points], 255, shift=4)
