"""The things that stand along a street: houses, barriers, plants and street furniture.

Every function takes the canvas, the random generator and a position in metres; `side` is -1 left
and +1 right of the street.
"""
import numpy as np

from mmseg_sympie.demo.canvas import along, disc, front, grid, inward, panel, pick
from mmseg_sympie.demo.traffic import CLOTHES, GLASS, PAINTS

FACADES = ((176, 110, 84), (205, 180, 140), (190, 186, 178), (150, 142, 134), (214, 204, 184),
           (168, 84, 70), (186, 160, 120), (140, 152, 160), (220, 196, 150), (126, 112, 104))
ROOFS = ((132, 62, 48), (96, 84, 80), (74, 76, 82), (112, 72, 56))


def draw_windows(canvas, rng, frames, facing, rgb):
    """Panes in the given frames (n, 4, 3); some of them reflect the sky."""
    canvas.fill(frames, 'building', rgb, facing, grain=0)
    centre = frames.mean(1, keepdims=True)
    panes = centre + (frames - centre) * 0.82
    bright = rng.random(len(frames)) < rng.uniform(0.05, 0.5)
    canvas.fill(panes[~bright], 'building', GLASS, facing, grain=0.03)
    canvas.fill(panes[bright], 'building', (112, 132, 150), facing, grain=0.03)


def draw_building(canvas, rng, side, x, z0, z1):
    """A house from z0 to z1, with windows, and a shop or a door."""
    floor_m, floors = rng.uniform(2.8, 3.6), int(rng.integers(2, 7))
    height, facing = floor_m * floors, inward(side)
    back = x + side * rng.uniform(8, 13)
    rgb, frame = pick(rng, FACADES, 14), pick(rng, ((235, 232, 225), (70, 66, 62)))
    canvas.cast_shadow(along(x, 0, height, z0, z1))
    if rng.random() < 0.55:
        ridge, top, roof = (x + back) / 2, height + rng.uniform(2, 4), pick(rng, ROOFS)
        canvas.fill([(x, height, z0), (x, height, z1), (ridge, top, z1), (ridge, top, z0)],
                    'building', roof, facing, grain=0.1)
        canvas.fill([(x, height, z0), (back, height, z0), (ridge, top, z0)], 'building', rgb)
    canvas.fill(front(x, back, 0, height, z0), 'building', rgb, grain=0.07)
    shop = rng.random() < 0.4
    low, rows = (floor_m, floors - 1) if shop else (0.2, floors)
    if rng.random() < 0.6:
        windows = grid(x, back, 3, rows, low, height - 0.3, 0.4, z0)
        draw_windows(canvas, rng, windows, 'front', frame)

    canvas.fill(along(x, 0, height, z0, z1), 'building', rgb, facing, grain=0.07)
    canvas.fill(along(x, height - 0.35, height, z0, z1), 'building', rgb * 0.8, facing)
    columns = max(2, int((z1 - z0) / rng.uniform(2.2, 3.6)))
    windows = grid(z0, z1, columns, rows, low, height - 0.4, rng.uniform(0.4, 0.65), x)
    draw_windows(canvas, rng, windows[..., ::-1], facing, frame)
    if shop:
        awning = pick(rng, PAINTS, 20)
        canvas.fill(along(x, 0, low, z0, z1), 'building', rgb * 0.65, facing)
        windows = grid(z0, z1, columns, 1, 0, low * 0.92, 0.85, x)
        canvas.fill(windows[..., ::-1], 'building', pick(rng, (GLASS, (150, 140, 110))), facing)
        canvas.fill(along(x, low * 0.82, low, z0, z1), 'building', awning, facing)
    else:
        door = z0 + (z1 - z0) * rng.uniform(0.25, 0.75)
        canvas.fill(along(x, 0, 2.2, door - 0.6, door + 0.6), 'building', pick(rng, ROOFS), facing)


def draw_wall(canvas, rng, side, x, z0, z1):
    """A wall along the pavement."""
    height, facing = rng.uniform(1.4, 3.2), inward(side)
    rgb = pick(rng, ((150, 148, 142), (146, 92, 76), (172, 164, 148)), 10)
    canvas.cast_shadow(along(x, 0, height, z0, z1))
    canvas.fill(front(x, x + side * 0.4, 0, height, z0), 'wall', rgb)
    canvas.fill(along(x, 0, height, z0, z1), 'wall', rgb, facing, grain=0.13)
    joints = [along(x, y, y + 0.03, z0, z1) for y in np.arange(0.5, height - 0.3, 0.5)]
    canvas.fill(joints, 'wall', rgb * 0.84, facing)
    if rng.random() < 0.4:
        start = rng.uniform(z0, (z0 + z1) / 2)
        poster = along(x, 0.4, height * 0.7, start, start + 3)
        canvas.fill(poster, 'wall', pick(rng, CLOTHES), facing)
    canvas.fill(along(x, height - 0.15, height, z0, z1), 'wall', rgb * 1.15, facing)


def draw_fence(canvas, rng, side, x, z0, z1):
    """A fence of slats between rails."""
    height, facing = rng.uniform(1.0, 2.0), inward(side)
    rgb = pick(rng, ((60, 84, 62), (122, 92, 62), (72, 74, 78), (196, 194, 188)), 8)
    canvas.fill(along(x, 0.05, height, z0, z1), 'fence', rgb * 0.62, facing)
    slats = grid(z0, z1, int((z1 - z0) / 0.3), 1, -0.3 * height, 1.35 * height, 0.5, x)
    canvas.fill(slats[..., ::-1], 'fence', rgb, facing)
    rails = [along(x, y, y + 0.1, z0, z1) for y in (0.15, height - 0.12)]
    canvas.fill(rails, 'fence', rgb * 1.1, facing)


def draw_hedge(canvas, rng, side, x, z0, z1):
    """A hedge with an uneven top."""
    rgb = pick(rng, ((58, 92, 46), (76, 106, 52), (90, 100, 44)))
    z = np.linspace(z0, z1, 24)
    top = np.stack((np.full(24, x), 1.2 * rng.uniform(0.8, 1.15, 24), z), -1)
    canvas.fill(front(x, x + side * 2.5, 0, 1.08, z0), 'vegetation', rgb, grain=0.3)
    canvas.fill([*top, (x, 0, z1), (x, 0, z0)], 'vegetation', rgb, inward(side), grain=0.3)


def draw_tree(canvas, rng, x, z, scale):
    """A trunk and a crown of leaves."""
    trunk, radius = rng.uniform(1.6, 3.0) * scale, rng.uniform(1.3, 2.6) * scale
    rgb = pick(rng, ((66, 100, 48), (84, 116, 52), (52, 84, 50), (112, 116, 46), (140, 104, 44)))
    canvas.cast_shadow(disc(x, trunk + radius, z, radius))
    canvas.fill(panel(x, 0.14, 0, trunk + radius, z), 'vegetation', (78, 62, 48))
    # Few large dark clumps at first, then smaller and brighter ones towards the top.
    for brightness, count, spread, size in ((0.62, 5, 0.45, 0.75), (0.9, 7, 0.6, 0.42),
                                            (1.18, 6, 0.5, 0.26)):
        offset = rng.uniform(-spread, spread, (count, 1, 3)) * radius
        offset[..., 1] += (brightness - 0.62) * radius * 0.7
        jag = size * radius * rng.uniform(0.75, 1.2, (count, 14, 1))
        leaves = np.array([x, trunk + radius, z]) + offset + disc(0, 0, 0, 1) * jag
        leaves[..., 2] = z
        canvas.fill(leaves, 'vegetation', rgb * brightness, grain=0.3)


def draw_pole(canvas, rng, x, z, height, width):
    """A pole and its shadow."""
    tone = np.full(3, rng.uniform(0.7, 1.3))
    canvas.cast_shadow(panel(x, width, 0, height, z))
    canvas.fill(panel(x, width / 2, 0, height, z), 'pole', 112 * tone)
    canvas.fill(front(x, x + width / 2, 0, height, z), 'pole', 76 * tone)


def draw_lamp(canvas, rng, side, x, z):
    """A street lamp: a pole with an arm over the road."""
    height, reach = rng.uniform(5, 8), x - side * rng.uniform(1, 2)
    draw_pole(canvas, rng, x, z, height, 0.16)
    canvas.fill(front(x, reach, height, height + 0.12, z), 'pole', (90, 92, 94))
    canvas.fill(panel(reach, 0.35, height - 0.1, height + 0.12, z), 'pole', (170, 172, 170))


def draw_traffic_light(canvas, rng, side, x, z):
    """Traffic lights on a pole and perhaps an arm, with one colour lit."""
    height = rng.uniform(3.2, 4.2)
    draw_pole(canvas, rng, x, z, height, 0.14)
    heads = [(x - side * 0.3, height - 1.1)]
    if rng.random() < 0.5:
        reach = x - side * rng.uniform(2.5, 4.5)
        draw_pole(canvas, rng, x, z, 5.4, 0.14)
        canvas.fill(front(x, reach, 5.3, 5.42, z), 'pole', (90, 92, 94))
        heads.append((reach, 4.5))
    lit = rng.integers(3)
    for x_head, y in heads:
        canvas.fill(panel(x_head, 0.24, y, y + 1.15, z), 'traffic_light', (30, 34, 32))
        for lamp, rgb in enumerate(((60, 240, 130), (255, 190, 40), (255, 50, 40))):
            colour = np.multiply(rgb, 1.0 if lamp == lit else 0.22)
            canvas.fill(disc(x_head, y + 0.22 + 0.36 * lamp, z, 0.14), 'traffic_light', colour,
                        'lamp', grain=0)


def draw_sign(canvas, rng, x, z):
    """A traffic sign on a pole."""
    y, size = rng.uniform(2.2, 2.8), rng.uniform(0.36, 0.5)
    draw_pole(canvas, rng, x, z, y + 0.3, 0.09)
    red, white, blue, yellow = (200, 28, 36), (236, 236, 232), (24, 80, 176), (238, 190, 30)
    outer, inner, vertices, turn = ((red, white, 14, 0), (white, blue, 4, 0.785),
                                    (white, yellow, 4, 0), (red, white, 3, 1.571),
                                    (blue, blue, 14, 0), (red, red, 8, 0.39))[rng.integers(6)]
    angle = turn + np.arange(vertices) * 2 * np.pi / vertices
    plate = np.stack((np.cos(angle), np.sin(angle), np.zeros(vertices)), -1)
    for rgb, scale in ((outer, 1.0), (inner, 0.72)):
        canvas.fill(plate * scale * size + (x, y, z), 'traffic_sign', rgb, grain=0.02)
    canvas.fill(panel(x, size * 0.35, y - 0.06, y + 0.06, z), 'traffic_sign',
                (30, 30, 34) if inner is white else white)


def draw_bin(canvas, rng, x, z):
    """A litter bin: street furniture that no training class covers."""
    canvas.fill(panel(x, 0.25, 0, 0.95, z), 'ignore', pick(rng, PAINTS))
    canvas.fill(panel(x, 0.28, 0.9, 1.0, z), 'ignore', (50, 52, 50))
