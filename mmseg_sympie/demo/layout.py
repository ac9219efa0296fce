"""The layout of a street: what is where, on the ground and along the kerbs.

The `place_*` functions yield (z, function, arguments); what is farthest is drawn first.
"""
from typing import NamedTuple

import numpy as np

from mmseg_sympie.demo import roadside, traffic
from mmseg_sympie.demo.canvas import NEAR_M, pick


def draw_street(canvas, rng):
    """Plans a street and draws it from the horizon to the bonnet."""
    plan = plan_street(rng)
    draw_backdrop(canvas, rng, plan.green)
    draw_ground(canvas, rng, plan)
    items = list(traffic.place_traffic(rng, plan))
    for kerbside in plan.kerbsides:
        items += place_lots(rng, plan, kerbside.side, kerbside.edge_m)
        items += place_furniture(rng, plan, kerbside)
    for _, draw, arguments in sorted(items, key=lambda item: -item[0]):
        draw(canvas, rng, *arguments)
    if rng.random() < 0.15:
        across = np.linspace(-1, 1, 15)
        top = canvas.camera.height_m - 0.62 * (1 + 0.12 * across ** 2)
        bonnet = np.stack((across * 1.1, top, np.full(15, 1.3)), -1)
        canvas.fill([*bonnet, (1.1, -1, 1.3), (-1.1, -1, 1.3)], 'ignore',
                    pick(rng, traffic.PAINTS), 'top')


def plan_street(rng):
    """Draws lanes, kerbs and crossings; the camera drives on the right at x = 0."""
    lane = rng.uniform(2.9, 3.6)
    lanes_left, lanes_right = int(rng.integers(1, 3)), int(rng.random() < 0.3)
    green = rng.random() < 0.4
    kerbsides = []
    for side, lanes in ((-1, lanes_left), (1, lanes_right)):
        parking = rng.random() < 0.5
        verge = rng.uniform(1.5, 4) if rng.random() < (0.8 if green else 0.3) else 0.0
        kerb = side * (lane * (lanes + 0.5) + (2.2 if parking else 0.3))
        edge = kerb + side * (verge + rng.uniform(1.8, 4.5))
        kerbsides.append(Kerbside(side, kerb, kerb + side * verge, edge, parking))
    edges = tuple(lane * (index + 0.5) for index in range(-lanes_left, lanes_right))
    tram = rng.random() < 0.35
    crossing = rng.uniform(13, 40) if rng.random() < 0.5 and not tram else np.inf
    return Plan(lane, tuple(kerbsides), edges, green, rng.random() < 0.4, crossing, tram)


def draw_backdrop(canvas, rng, green):
    """Distant roofs and tree tops that close the street at the horizon."""
    for z, label, rgb in ((420, 'building', (168, 166, 168)), (330, 'vegetation', (110, 128, 100))):
        x = np.sort(rng.uniform(-400, 400, 60))
        height = rng.uniform(8, 38 if label == 'building' else 22, 60) * (0.6 if green else 1)
        if label == 'building':
            x, height = np.repeat(x, 2)[1:], np.repeat(height, 2)[:-1]
        corners = [(a, b, z) for a, b in zip(x, height)] + [(x[-1], -1, z), (x[0], -1, z)]
        canvas.fill(corners, label, rgb, grain=0.1)


def draw_ground(canvas, rng, plan):
    """Terrain, pavements, road and markings of the plan."""
    def paint(left_m, right_m, label, rgb, grain=0.06, start_m=NEAR_M, stop_m=600.0):
        """A band of the ground that follows the street's bend."""
        z = np.geomspace(start_m, stop_m, 24)
        x = np.repeat((left_m, right_m), 24)
        band = np.stack((x, np.zeros(48), np.concatenate((z, z[::-1]))), -1)
        canvas.fill(band, label, rgb, 'ground', grain)

    grass = pick(rng, ((96, 122, 58), (120, 128, 66), (82, 108, 52), (140, 126, 84)))
    paving = pick(rng, ((158, 152, 146), (140, 136, 132), (168, 150, 136)), 10)
    asphalt = np.full(3, rng.uniform(70, 112)) + rng.uniform(-4, 4, 3)
    white = np.full(3, rng.uniform(185, 235))
    for side, kerb, pavement, edge, _ in plan.kerbsides:
        paint(kerb, side * 300, 'terrain', grass, 0.16)
        paint(kerb, edge + side * (0 if plan.green else 9), 'sidewalk', paving)
        if pavement != kerb:
            paint(kerb, pavement, 'terrain', grass, 0.16)
        paint(kerb, kerb + side * 0.18, 'sidewalk', paving * 1.18)
    left, right = (kerbside.kerb_m for kerbside in plan.kerbsides)
    paint(left, right, 'road', asphalt, 0.09)
    for _ in range(rng.integers(5)):  # repairs
        x, z = rng.uniform(left, right), rng.uniform(4, 30)
        paint(max(x - 1.2, left), min(x + 1.2, right), 'road', asphalt * rng.uniform(0.82, 1.1),
              start_m=z, stop_m=z + rng.uniform(1, 6))
    crossing = plan.crossing_m
    if crossing < np.inf:
        paint(-300, 300, 'road', asphalt, 0.09, crossing, crossing + 7)
    if plan.tram:
        for rail in (-0.72, 0.72):
            x = rail - plan.lane_m
            paint(x - 0.05, x + 0.05, 'road', asphalt * 0.6)
    dash, gap = rng.uniform(2, 4), rng.uniform(3, 6)
    for edge in plan.lane_edges_m:
        solid = rng.random() < 0.25
        for z in (NEAR_M,) if solid else np.arange(rng.uniform(1, 4), 90, dash + gap):
            stop = 400 if solid else z + dash
            if stop < crossing or z > crossing + 7:
                paint(edge - 0.08, edge + 0.08, 'road', white, 0.12, z, stop)
    if plan.edge_lines:
        for x in (left + 0.3, right - 0.3):
            paint(x - 0.07, x + 0.07, 'road', white, 0.12, stop_m=min(crossing, 400))
    if crossing < np.inf:
        for x in np.arange(left + 0.5, right - 0.4, 1.0):
            paint(x, x + 0.5, 'road', white, 0.12, crossing - 3.6, crossing - 0.8)
        paint(-plan.lane_m / 2, right, 'road', white, 0.12, crossing - 4.9, crossing - 4.5)


def place_lots(rng, plan, side, edge):
    """Buildings, walls, fences and greenery behind the pavement that ends at x = edge."""
    shares = (0.3, 0.17, 0.23, 0.3) if plan.green else (0.66, 0.14, 0.12, 0.08)
    barriers = (None, roadside.draw_wall, roadside.draw_fence, roadside.draw_hedge)
    z = rng.uniform(-8, 2)
    while z < 120:
        far = z + rng.uniform(7, 22)
        if z < plan.crossing_m + 8 and far > plan.crossing_m - 1:
            if plan.crossing_m - z <= 4:
                z = plan.crossing_m + 8
                continue
            far = plan.crossing_m - 1
        near = max(z, NEAR_M)
        barrier = barriers[rng.choice(4, p=shares)]
        if far > NEAR_M + 1:
            if not barrier:
                yield far, roadside.draw_building, (side, edge, near, far)
            else:
                yield far, barrier, (side, edge, near, far)
                if not plan.green or rng.random() < 0.4:
                    setback = edge + side * rng.uniform(4, 9)
                    yield far + 0.2, roadside.draw_building, (side, setback, near + 1, far)
                for tree in rng.uniform(near, far, rng.integers(1, 5)):
                    if tree > 5:
                        x = edge + side * rng.uniform(1.5, 4)
                        yield far + 0.1, roadside.draw_tree, (x, tree, rng.uniform(0.9, 1.6))
        z = far + (rng.uniform(1, 6) if rng.random() < 0.3 else 0.0)


def place_furniture(rng, plan, kerbside):
    """Poles, signs, trees, parked cars and people around one kerb."""
    side, kerb, pavement, edge, parking = kerbside
    verge, walk = abs(pavement - kerb), abs(edge - pavement)
    spacing, start = rng.uniform(16, 30), rng.uniform(6, 16)
    post = kerb + side * 0.5
    for z in np.arange(start, 80, spacing):
        yield z, roadside.draw_lamp, (side, post, z)
    for z in rng.uniform(7, 40, rng.integers(1, 4)):
        yield z, roadside.draw_sign, (post + side * rng.uniform(-0.1, 0.4), z)
    for z in rng.uniform(8, 40, rng.integers(0, 3)):
        yield z, roadside.draw_pole, (post, z, rng.uniform(3, 8), rng.uniform(0.1, 0.24))
    if plan.crossing_m < np.inf:
        yield plan.crossing_m, roadside.draw_traffic_light, (side, post, plan.crossing_m - 0.5)
    elif rng.random() < 0.25:
        z = rng.uniform(10, 28)
        yield z, roadside.draw_traffic_light, (side, post, z)
    if rng.random() < 0.3 + 0.4 * (verge > 0):
        for z in np.arange(rng.uniform(7, 14), 70, rng.uniform(9, 16)):
            x = kerb + side * max(0.8, verge / 2)
            yield z, roadside.draw_tree, (x, z, rng.uniform(0.7, 1.2))
    for z in rng.uniform(6, 30, rng.integers(1, 6)):
        yield z, traffic.draw_person, (pavement + side * rng.uniform(0.7, walk - 0.3), z)
    for z in rng.uniform(7, 26, rng.integers(0, 3)):
        x = pavement + side * rng.uniform(0.8, 1.4)
        yield z, traffic.draw_two_wheeler, (x, z, rng.random() < 0.5, False)
    if rng.random() < 0.4:
        z = rng.uniform(7, 25)
        yield z, roadside.draw_bin, (post + side * 0.4, z)
    if parking:
        z = rng.uniform(5, 14)
        while z < 55:
            if not plan.crossing_m - 10 < z < plan.crossing_m + 8:
                yield z, traffic.draw_car, (kerb - side * 1.05, z, side > 0)
            z += rng.uniform(5.2, 6.5) if rng.random() < 0.7 else rng.uniform(10, 25)


class Kerbside(NamedTuple):
    """One side of the street, from the kerb outwards; side is -1 left, +1 right."""
    side: int
    kerb_m: float      # x, as are the next two
    pavement_m: float  # beyond the green verge, if any
    edge_m: float
    parking: bool


class Plan(NamedTuple):
    """What `plan_street` decides; lengths in metres."""
    lane_m: float
    kerbsides: tuple
    lane_edges_m: tuple
    green: bool
    edge_lines: bool
    crossing_m: float  # z where a side road crosses, infinite = nowhere
    tram: bool         # a track on the first lane to the left
