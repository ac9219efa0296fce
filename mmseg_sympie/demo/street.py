"""Procedural street scenes seen from a car, with pixel-exact labels and depth.

A scene is drawn back to front as flat polygons into a buffer of polygon ids at twice the final
resolution. Colour, label and depth are then looked up by id, so that all three share one geometry.

World axes in metres: x to the right, y up, z ahead; the camera is at (0, height_m, 0).
"""
from typing import NamedTuple, Optional

import cv2
import numpy as np

from mmseg_sympie.demo import street_objects as objects

SUPERSAMPLING = 2
NEAR_M = 1.2     # nothing closer than this is projected
BEND_M = 100.0   # the street bends up to here and runs straight beyond
FACINGS = {'left': (-1, 0, 0), 'right': (1, 0, 0), 'front': (0, 0, -1), 'top': (0, 1, 0)}


class Scene(NamedTuple):
    """One labelled view.

    image: (H, W, 3) uint8, RGB. label: (H, W) uint8, Cityscapes train ids, 255 = ignore.
    depth_m: (H, W) float32, distance along the optical axis in metres, infinite for the sky.
    """
    image: np.ndarray
    label: np.ndarray
    depth_m: np.ndarray


class Camera(NamedTuple):
    """Pinhole camera; pixel quantities are in the supersampled image."""
    focal_px: float
    height_m: float
    horizon_px: float
    centre_px: float
    curvature_per_m: float


class Canvas:
    """Polygon id buffer with one table row (colour, label, depth, texture) for each id."""

    def __init__(self, camera, height, width, sun, sun_strength):
        self.camera = camera
        self.ids = np.zeros((height, width), np.uint16)
        self.shadow = np.zeros((height, width), np.uint8)
        self.sun = sun
        self.light = {name: 1 + sun_strength * (max(0.0, float(np.dot(normal, sun))) - 0.5)
                      for name, normal in FACINGS.items()}
        self.sun_strength = sun_strength
        # Id 0 is the sky. A row: R, G, B, label, grain, is ground, then 1/depth at column 0, its
        # slope per column, its minimum and its maximum.
        self.table = [(0, 0, 0, 10, 0, 0, 0, 0, 0, 0)]

    def project(self, xyz):
        """(..., 3) metres -> (..., 2) pixels (column, row)."""
        camera, z = self.camera, xyz[..., 2]
        bend = np.minimum(z, BEND_M)
        scale = camera.focal_px / z
        pixels = np.empty((*z.shape, 2))
        shift = camera.curvature_per_m * bend * (z - bend / 2)
        pixels[..., 0] = camera.centre_px + scale * (xyz[..., 0] + shift)
        pixels[..., 1] = camera.horizon_px + scale * (camera.height_m - xyz[..., 1])
        return pixels

    def fill(self, xyz, label, rgb, facing='front', grain=0.05, ground=False, lit=True,
             overlap=False):
        """Fills one polygon (n, 3) or several (m, n, 3), given in metres, with one table row.

        Where several polygons overlap, `overlap` fills their union instead of leaving a hole.
        """
        xyz = np.array(xyz, np.float64)
        xyz = xyz[None] if xyz.ndim == 2 else xyz
        if not xyz.size:
            return
        xyz[..., 2] = np.maximum(xyz[..., 2], NEAR_M)
        points = self.project(xyz)
        columns, inverse_depth = points[..., 0].ravel(), 1 / xyz[..., 2].ravel()
        first, last = columns.argmin(), columns.argmax()
        if columns[last] < 0 or columns[first] > self.ids.shape[1]:
            return
        # On an upright plane 1/depth is exactly linear in the column.
        extent = columns[last] - columns[first]
        upright = facing != 'top' and extent > 1e-6
        slope = (inverse_depth[last] - inverse_depth[first]) / extent if upright else 0.0
        at_zero = inverse_depth[first] - slope * columns[first] if upright else inverse_depth.mean()
        shade = self.light[facing] if lit else 1.0
        self.table.append((*(shade * channel for channel in rgb), label, grain, ground,
                           at_zero, slope, inverse_depth.min(), inverse_depth.max()))
        for part in (points[:, None] if overlap else (points,)):
            self._polygons(self.ids, part, len(self.table) - 1)

    def cast_shadow(self, xyz):
        """Projects an upright polygon (n, 3) along the sun's rays onto the ground."""
        xyz = np.array(xyz, np.float64)
        ground = xyz - xyz[:, 1:2] / self.sun[1] * np.asarray(self.sun)
        ground[:, 2] = np.maximum(ground[:, 2], NEAR_M)
        self._polygons(self.shadow, self.project(ground)[None], 255)

    @staticmethod
    def _polygons(buffer, points, value):
        cv2.fillPoly(buffer, list((points * 16).astype(np.int32)), value, shift=4)


class Roadside(NamedTuple):
    """One side of the street, from the kerb outwards; side is -1 left, +1 right."""
    side: int
    kerb_m: float
    verge_m: float
    walk_m: float
    parking: bool


class Plan(NamedTuple):
    """What `plan_street` decides; lengths in metres."""
    lane_m: float
    roadsides: tuple
    lane_edges_m: tuple
    green: bool
    edge_lines: bool
    crossing_m: float        # where a side road crosses, 0 = nowhere
    tram_m: Optional[float]  # centre of the tram track


def plan_street(rng):
    """Draws lanes, kerbs and crossings; the camera drives on the right at x = 0."""
    lane = rng.uniform(2.9, 3.6)
    lanes_left, lanes_right = int(rng.integers(1, 3)), int(rng.random() < 0.3)
    green = rng.random() < 0.4
    roadsides = []
    for side, lanes in ((-1, lanes_left), (1, lanes_right)):
        parking = rng.random() < 0.5
        verge = rng.uniform(1.5, 4) if rng.random() < (0.8 if green else 0.3) else 0.0
        kerb = side * (lane * (lanes + 0.5) + (2.2 if parking else 0.3))
        roadsides.append(Roadside(side, kerb, verge, rng.uniform(1.8, 4.5), parking))
    edges = tuple(lane * (index + 0.5) for index in range(-lanes_left, lanes_right))
    tram = rng.random() < 0.35
    crossing = rng.uniform(13, 40) if rng.random() < 0.5 and not tram else 0.0
    return Plan(lane, tuple(roadsides), edges, green, rng.random() < 0.4, crossing,
                -lane if tram else None)


def strip(left_m, right_m, start_m=NEAR_M, stop_m=600.0):
    """Corners of a band of the ground that follows the street's bend."""
    z = np.geomspace(start_m, stop_m, 24)
    left = np.stack((np.full(24, left_m), np.zeros(24), z), -1)
    return np.concatenate((left, (left + [right_m - left_m, 0, 0])[::-1]))


def draw_ground(canvas, rng, plan):
    """Terrain, pavements, road and markings of the plan."""
    def paint(left_m, right_m, label, rgb, grain=0.06, start_m=NEAR_M, stop_m=600.0):
        canvas.fill(strip(min(left_m, right_m), max(left_m, right_m), start_m, stop_m), label, rgb,
                    'top', grain, ground=True)

    grass = objects.pick(rng, ((96, 122, 58), (120, 128, 66), (82, 108, 52), (140, 126, 84)))
    paving = objects.pick(rng, ((158, 152, 146), (140, 136, 132), (168, 150, 136)), 10)
    asphalt = np.full(3, rng.uniform(70, 112)) + rng.uniform(-4, 4, 3)
    white = np.full(3, rng.uniform(185, 235))
    for side, kerb, verge, walk, _ in plan.roadsides:
        paint(kerb, side * 300, 9, grass, 0.16)
        if not plan.green:
            paint(kerb, kerb + side * (walk + verge + 9), 1, paving)
        paint(kerb, kerb + side * (walk + verge), 1, paving)
        if verge:
            paint(kerb, kerb + side * verge, 9, grass, 0.16)
        paint(kerb, kerb + side * 0.18, 1, paving * 1.18)
    left, right = (roadside.kerb_m for roadside in plan.roadsides)
    paint(left, right, 0, asphalt, 0.09)
    for _ in range(rng.integers(5)):
        x, z = rng.uniform(left, right), rng.uniform(4, 30)
        paint(max(x - 1.2, left), min(x + 1.2, right), 0, asphalt * rng.uniform(0.82, 1.1),
              start_m=z, stop_m=z + rng.uniform(1, 6))
    if plan.crossing_m:
        paint(-300, 300, 0, asphalt, 0.09, plan.crossing_m, plan.crossing_m + 7)
    if plan.tram_m is not None:
        for rail in (-0.72, 0.72):
            paint(plan.tram_m + rail - 0.05, plan.tram_m + rail + 0.05, 0, asphalt * 0.6)
    dash, gap = rng.uniform(2, 4), rng.uniform(3, 6)
    for edge in plan.lane_edges_m:
        solid = rng.random() < 0.25
        for z in (NEAR_M,) if solid else np.arange(rng.uniform(1, 4), 90, dash + gap):
            stop = 400 if solid else z + dash
            if not plan.crossing_m or stop < plan.crossing_m or z > plan.crossing_m + 7:
                paint(edge - 0.08, edge + 0.08, 0, white, 0.12, z, stop)
    if plan.edge_lines:
        for edge, inset in ((left, 0.3), (right, -0.3)):
            paint(edge + inset - 0.07, edge + inset + 0.07, 0, white, 0.12,
                  stop_m=plan.crossing_m or 400)
    if plan.crossing_m:
        for x in np.arange(left + 0.5, right - 0.4, 1.0):
            paint(x, x + 0.5, 0, white, 0.12, plan.crossing_m - 3.6, plan.crossing_m - 0.8)
        paint(-plan.lane_m / 2, right, 0, white, 0.12, plan.crossing_m - 4.9,
              plan.crossing_m - 4.5)


def draw_backdrop(canvas, rng, green):
    """Distant roofs and tree tops that close the street at the horizon."""
    for z, label, rgb in ((420, 2, (168, 166, 168)), (330, 8, (110, 128, 100))):
        x = np.sort(rng.uniform(-400, 400, 60))
        height = rng.uniform(8, 38 if label == 2 else 22, 60) * (0.6 if green else 1)
        if label == 2:
            x, height = np.repeat(x, 2)[1:], np.repeat(height, 2)[:-1]
        outline = [(a, b, z) for a, b in zip(x, height)] + [(x[-1], -1, z), (x[0], -1, z)]
        canvas.fill(outline, label, rgb, grain=0.1)


def place_lots(rng, plan, side, edge):
    """Buildings, walls, fences and greenery behind one pavement, as (sort key, function, args)."""
    z = rng.uniform(-8, 2)
    while z < 120:
        stop = z + rng.uniform(7, 22)
        if plan.crossing_m and z < plan.crossing_m + 8 and stop > plan.crossing_m - 1:
            if plan.crossing_m - z > 4:
                stop = plan.crossing_m - 1
            else:
                z = plan.crossing_m + 8
                continue
        near, far = max(z, NEAR_M), stop
        kinds = (0.3, 0.17, 0.23, 0.3) if plan.green else (0.66, 0.14, 0.12, 0.08)
        kind = rng.choice(4, p=kinds)
        if far > NEAR_M + 1:
            if kind == 0:
                yield far, objects.draw_building, (side, edge, near, far)
            else:
                barrier = (None, objects.draw_wall, objects.draw_fence, objects.draw_hedge)[kind]
                yield far, barrier, (side, edge, near, far)
                if not plan.green or rng.random() < 0.4:
                    yield (far + 0.2, objects.draw_building,
                           (side, edge + side * rng.uniform(4, 9), near + 1, far))
                for tree in rng.uniform(near, far, rng.integers(1, 5)):
                    if tree > 5:
                        yield (far + 0.1, objects.draw_tree,
                               (edge + side * rng.uniform(1.5, 4), tree, rng.uniform(0.9, 1.6)))
        z = stop + (rng.uniform(1, 6) if rng.random() < 0.3 else 0.0)


def place_furniture(rng, plan, roadside):
    """Poles, signs, trees, parked cars and people around one kerb, as in `place_lots`."""
    side, kerb, verge, walk, parking = roadside
    spacing, start = rng.uniform(16, 30), rng.uniform(6, 16)
    post = kerb + side * 0.5
    for z in np.arange(start, 80, spacing):
        yield z, objects.draw_lamp, (side, post, z)
    for z in rng.uniform(7, 40, rng.integers(1, 4)):
        yield z, objects.draw_sign, (post + side * rng.uniform(-0.1, 0.4), z)
    for z in rng.uniform(8, 40, rng.integers(0, 3)):
        yield z, objects.draw_pole, (post, z, rng.uniform(3, 8), rng.uniform(0.1, 0.24))
    if plan.crossing_m:
        yield plan.crossing_m, objects.draw_traffic_light, (side, post, plan.crossing_m - 0.5)
    elif rng.random() < 0.25:
        z = rng.uniform(10, 28)
        yield z, objects.draw_traffic_light, (side, post, z)
    if rng.random() < 0.3 + 0.4 * (verge > 0):
        for z in np.arange(rng.uniform(7, 14), 70, rng.uniform(9, 16)):
            x = kerb + side * max(0.8, verge / 2)
            yield z, objects.draw_tree, (x, z, rng.uniform(0.7, 1.2))
    pavement = kerb + side * verge
    for z in rng.uniform(6, 30, rng.integers(1, 6)):
        yield z, objects.draw_person, (pavement + side * rng.uniform(0.7, walk - 0.3), z)
    for z in rng.uniform(7, 26, rng.integers(0, 3)):
        yield (z, objects.draw_two_wheeler,
               (pavement + side * rng.uniform(0.8, 1.4), z, rng.random() < 0.5, False))
    if rng.random() < 0.4:
        z = rng.uniform(7, 25)
        yield z, objects.draw_bin, (post + side * 0.4, z)
    if parking:
        z = rng.uniform(5, 14)
        while z < 55:
            if not plan.crossing_m or not plan.crossing_m - 10 < z < plan.crossing_m + 8:
                yield z, objects.draw_car, (kerb - side * 1.05, z, side > 0)
            z += rng.uniform(5.2, 6.5) if rng.random() < 0.7 else rng.uniform(10, 25)


def place_traffic(rng, plan):
    """Moving vehicles and riders on the lanes and people on the crossing."""
    taken = [(plan.crossing_m - 6, plan.crossing_m + 8)] if plan.crossing_m else []
    centres = [edge - plan.lane_m / 2 for edge in plan.lane_edges_m] + [
        plan.lane_edges_m[-1] + plan.lane_m / 2]
    kinds = ['car'] * int(rng.integers(2, 6)) + [
        kind for kind, chance in (('train', 0.8 * (plan.tram_m is not None)), ('bus', 0.45),
                                  ('truck', 0.5)) if rng.random() < chance]
    # The rare long ones first: one stretch of street holds one vehicle, so nothing overlaps.
    for kind in reversed(kinds):
        x = plan.tram_m if kind == 'train' else rng.choice(centres)
        z = rng.uniform(9, 30) if kind != 'car' else rng.uniform(8, 60)
        length = {'car': 5, 'truck': 10, 'bus': 13, 'train': 30}[kind]
        if any(z < stop and z + length > start for start, stop in taken):
            continue
        taken.append((z, z + length + 1))
        away = x > -0.5 * plan.lane_m
        x += rng.uniform(-0.25, 0.25) * (kind != 'train')
        if kind == 'car':
            yield z, objects.draw_car, (x, z, away)
        else:
            label = {'truck': objects.TRUCK, 'bus': objects.BUS, 'train': objects.TRAIN}[kind]
            yield z, objects.draw_box_vehicle, (x, z, label, away)
    right = plan.roadsides[1]
    gutter = right.kerb_m - 0.6 - 2.1 * right.parking
    for z in rng.uniform(7, 26, rng.integers(0, 3)):
        yield z, objects.draw_two_wheeler, (gutter, z, rng.random() < 0.4, True)
    if plan.crossing_m:
        for x in rng.uniform(-5, 4, rng.integers(0, 4)):
            yield plan.crossing_m - 2, objects.draw_person, (x, plan.crossing_m - 2)


def draw_street(canvas, rng):
    """Plans a street and draws it from the horizon to the bonnet."""
    plan = plan_street(rng)
    draw_backdrop(canvas, rng, plan.green)
    draw_ground(canvas, rng, plan)
    items = list(place_traffic(rng, plan))
    for roadside in plan.roadsides:
        edge = roadside.kerb_m + roadside.side * (roadside.verge_m + roadside.walk_m)
        items += place_lots(rng, plan, roadside.side, edge)
        items += place_furniture(rng, plan, roadside)
    for _, draw, arguments in sorted(items, key=lambda item: -item[0]):
        draw(canvas, rng, *arguments)
    if rng.random() < 0.15:
        across = np.linspace(-1, 1, 15)
        top = canvas.camera.height_m - 0.62 * (1 + 0.12 * across ** 2)
        bonnet = np.stack((across * 1.1, top, np.full(15, 1.3)), -1)
        canvas.fill([*bonnet, (1.1, -1, 1.3), (-1.1, -1, 1.3)], objects.IGNORE,
                    objects.pick(rng, objects.PAINTS), 'top')


def fractal_noise(rng, height, width, cell_px, octaves=3):
    """Smooth noise (height, width) float32, about -1..1; cell_px is the largest feature size."""
    noise = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cell = max(cell_px / 2 ** octave, 1.0)
        shape = int(height / cell) + 2, int(width / cell) + 2
        grid = rng.random(shape, dtype=np.float32) * 2 - 1
        noise += cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR) / 2 ** octave
    return noise / 1.4


def sample_noise(noise, x, y):
    """Noise at positions x, y (float32 arrays, in its cells), mirrored at its edges: no seam."""
    height, width = np.array(noise.shape) - 2
    columns = np.abs(np.mod(x + 0.6 * width, 2 * width) - width)
    rows = np.broadcast_to(np.abs(np.mod(y, 2 * height) - height), x.shape)
    return cv2.remap(noise, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)


def draw_sky(rng, height, width, horizon_px, overcast):
    """Sky (height, width, 3) float32: a vertical gradient and clouds."""
    zenith = np.float32([70, 125, 200]) * (1 - overcast) + np.float32([165, 172, 182]) * overcast
    horizon = np.float32([205, 220, 235]) * (1 - overcast) + np.float32([215, 217, 220]) * overcast
    height_above = np.clip(1 - np.arange(height) / max(horizon_px, 1), 0, 1).astype(np.float32)
    blend = height_above[:, None, None] ** np.float32(0.7)
    sky = horizon + (zenith - horizon) * blend
    # Clouds are wider than high: seen from below, distance foreshortens them.
    clouds = fractal_noise(rng, height, width // 2, rng.uniform(25, 60), octaves=4)
    clouds = cv2.resize(clouds, (width, height))[..., None]
    offset = np.float32(rng.uniform(-0.7, 0.4))
    cover = np.clip((clouds + offset) * 2.2, 0, 1) * (0.3 + 0.55 * blend)
    return sky + (np.float32([244, 245, 247]) - np.float32(45 * overcast) - sky) * cover


def shade(canvas, rng, overcast):
    """Looks up each pixel's polygon -> image (float32, 0..255), label, depth_m."""
    height, width = canvas.ids.shape
    camera, ids = canvas.camera, canvas.ids.astype(np.intp)
    table = np.ascontiguousarray(np.asarray(canvas.table, np.float32).T)
    row = np.arange(height, dtype=np.float32)[:, None]
    column = np.arange(width, dtype=np.float32)[None]
    is_ground = (table[5] > 0).take(ids)
    ground_m = camera.focal_px * camera.height_m / np.maximum(row - camera.horizon_px, 1e-3)

    grain = 0.6 * (rng.random((height, width), dtype=np.float32) * 2 - 1)
    grain += 0.8 * fractal_noise(rng, height, width, 14, octaves=2)
    top = min(max(int(camera.horizon_px) + 1, 0), height - 1)
    z, below = ground_m[top:], is_ground[top:]
    x = (column - np.float32(camera.centre_px)) * (z / np.float32(camera.focal_px))
    # Stains on the ground live in the world, so that perspective foreshortens them.
    stains = sample_noise(fractal_noise(rng, 256, 256, 32), x * 9, z * 5)
    grain[top:] += 1.2 * stains * below
    light = 1 + table[4].take(ids) * grain
    shadow = cv2.GaussianBlur(canvas.shadow[top:], (0, 0), 2.0)
    light[top:] -= light[top:] * below * shadow * np.float32(0.55 / 255 * canvas.sun_strength)
    joint = (np.mod(z, 1.1) < 0.08) | (np.mod(x, 0.8) < 0.05)
    light[top:] -= 0.14 * (joint & (z < 16) & (table[3] == 1)[ids[top:]])
    # Haze: colour * air + sky * (1 - air). The sky is smooth, so it is added after the reduction.
    range_m = rng.uniform(500, 1500)
    air = np.exp(-1 / (range_m * np.maximum(table[8:].mean(0), 1e-9))).take(ids)
    air = np.where(is_ground, np.exp(-ground_m / range_m), air)
    image = np.ascontiguousarray(table[:3].T).take(ids, axis=0)
    image *= (light * air)[..., None]
    size = width // SUPERSAMPLING, height // SUPERSAMPLING
    image, air = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (image, air))
    sky = draw_sky(rng, *size[::-1], camera.horizon_px / SUPERSAMPLING, overcast)
    image += sky * (1 - air[..., None])

    pick = slice(SUPERSAMPLING // 2, None, SUPERSAMPLING)
    ids, is_ground = ids[pick, pick], is_ground[pick, pick]
    inverse = np.clip(table[6][ids] + table[7][ids] * column[:, pick], table[8][ids], table[9][ids])
    with np.errstate(divide='ignore'):
        depth_m = np.where(is_ground, ground_m[pick], 1 / inverse)
    return image, table[3].astype(np.uint8)[ids], depth_m.astype(np.float32)


def render_street(seed: int, height: int = 192, width: int = 384) -> Scene:
    """Renders the street of this seed; equal arguments give equal scenes."""
    rng = np.random.default_rng(seed)
    rows, columns = height * SUPERSAMPLING, width * SUPERSAMPLING
    camera = Camera(
        focal_px=rng.uniform(0.62, 0.9) * columns, height_m=rng.uniform(1.3, 2.1),
        horizon_px=rng.uniform(0.38, 0.52) * rows, centre_px=rng.uniform(0.38, 0.62) * columns,
        curvature_per_m=rng.uniform(-0.003, 0.003) * (rng.random() < 0.7))
    overcast = rng.uniform(0, 1) ** 1.5
    azimuth, elevation = rng.uniform(-np.pi, np.pi), rng.uniform(0.5, 1.1)
    sun = (np.sin(azimuth) * np.cos(elevation), np.sin(elevation),
           np.cos(azimuth) * np.cos(elevation))
    canvas = Canvas(camera, rows, columns, sun, sun_strength=0.75 * (1 - 0.8 * overcast))
    draw_street(canvas, rng)
    image, label, depth_m = shade(canvas, rng, overcast)

    exposure = (rng.uniform(0.9, 1.25) * rng.uniform(0.96, 1.04, 3)).astype(np.float32)
    image = 255 * np.clip(image * exposure / 255, 0, 1) ** np.float32(rng.uniform(0.88, 1.1))
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image = np.rint(np.clip(image + noise * np.float32(rng.uniform(0.5, 2.5)), 0, 255))
    return Scene(image.astype(np.uint8), label, depth_m)
