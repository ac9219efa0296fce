"""The things that stand along a street, drawn as polygons of metres onto a `street.Canvas`.

Every function takes the canvas, the random generator and a position: x to the right and z ahead.
`side` is -1 left and +1 right of the street; labels are Cityscapes train ids.
"""
import numpy as np

ROAD, BUILDING, WALL, FENCE, POLE, LIGHT, SIGN, VEGETATION = 0, *range(2, 9)
PERSON, RIDER, CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE, IGNORE = *range(11, 19), 255

FACADES = ((176, 110, 84), (205, 180, 140), (190, 186, 178), (150, 142, 134), (214, 204, 184),
           (168, 84, 70), (186, 160, 120), (140, 152, 160), (220, 196, 150), (126, 112, 104))
ROOFS = ((132, 62, 48), (96, 84, 80), (74, 76, 82), (112, 72, 56))
PAINTS = ((28, 30, 34), (225, 226, 228), (120, 124, 128), (150, 24, 28), (28, 56, 120),
          (180, 182, 186), (60, 64, 70), (40, 84, 70), (200, 150, 40), (90, 60, 50))
CLOTHES = ((34, 38, 54), (150, 40, 44), (60, 84, 130), (200, 196, 190), (40, 44, 44),
           (170, 130, 60), (70, 100, 70), (120, 70, 110), (220, 120, 50))
ANGLES = np.linspace(0, 2 * np.pi, 14, endpoint=False)
CIRCLE = np.stack((np.cos(ANGLES), np.sin(ANGLES), np.zeros(14)), -1)
SKIN, TYRE, GLASS = (196, 150, 124), (26, 26, 28), (52, 64, 76)


def pick(rng, colours, spread=8):
    """One of the colours, moved a little."""
    return np.asarray(colours[rng.integers(len(colours))]) + rng.uniform(-spread, spread, 3)


def front(x0, x1, y0, y1, z):
    """Corners of an upright rectangle that faces the camera."""
    return [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]


def along(x, y0, y1, z0, z1):
    """Corners of an upright rectangle that runs along the street."""
    return [(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)]


def disc(x, y, z, radius, radius_y=None):
    """Corners of an ellipse that faces the camera."""
    return CIRCLE * (radius, radius_y or radius, 0) + (x, y, z)


def ground(x0, x1, z0, z1):
    """Corners of a rectangle on the ground."""
    return [(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)]


def inward(side):
    """Name of the facing of a surface on this side that looks at the street."""
    return 'left' if side > 0 else 'right'


def grid(start, stop, columns, rows, y0, y1, fill):
    """Evenly spaced rectangles (columns * rows, 4, 2) of (position, height)."""
    a = start + (np.arange(columns) + 0.5) * (stop - start) / columns
    y = y0 + (np.arange(rows) + 0.5) * (y1 - y0) / rows
    centre = np.stack(np.meshgrid(a, y), -1).reshape(-1, 1, 2)
    half = 0.5 * np.array([fill * (stop - start) / columns, 0.58 * (y1 - y0) / rows])
    return centre + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


def draw_windows(canvas, rng, cells, to_world, facing, frame):
    """Panes with a frame in the given (position, height) cells; some panes reflect the sky."""
    canvas.fill(to_world(cells), BUILDING, frame, facing, grain=0)
    centre = cells.mean(1, keepdims=True)
    panes = centre + (cells - centre) * 0.82
    bright = rng.random(len(cells)) < rng.uniform(0.05, 0.5)
    canvas.fill(to_world(panes[~bright]), BUILDING, GLASS, facing, grain=0.03)
    canvas.fill(to_world(panes[bright]), BUILDING, (112, 132, 150), facing, grain=0.03)


def draw_building(canvas, rng, side, x, z0, z1):
    floor_m, floors = rng.uniform(2.8, 3.6), int(rng.integers(2, 7))
    height, facing = floor_m * floors, inward(side)
    back = x + side * rng.uniform(8, 13)
    rgb, frame = pick(rng, FACADES, 14), pick(rng, ((235, 232, 225), (70, 66, 62)))
    canvas.cast_shadow(along(x, 0, height, z0, z1))
    if rng.random() < 0.55:
        ridge, top, roof = (x + back) / 2, height + rng.uniform(2, 4), pick(rng, ROOFS)
        canvas.fill([(x, height, z0), (x, height, z1), (ridge, top, z1), (ridge, top, z0)],
                    BUILDING, roof, facing, grain=0.1)
        canvas.fill([(x, height, z0), (back, height, z0), (ridge, top, z0)], BUILDING, rgb)
    canvas.fill(front(x, back, 0, height, z0), BUILDING, rgb, grain=0.07)
    shop = rng.random() < 0.4
    low = floor_m if shop else 0.2
    rows = floors - shop
    if rng.random() < 0.6:
        cells = grid(x, back, 3, rows, low, height - 0.3, 0.4)
        draw_windows(canvas, rng, cells, lambda c: np.concatenate(
            (c, np.full((*c.shape[:2], 1), z0)), -1), 'front', frame)

    def to_facade(cells):
        position, y = cells[..., 0], cells[..., 1]
        return np.stack((np.full_like(position, x), y, position), -1)

    canvas.fill(along(x, 0, height, z0, z1), BUILDING, rgb, facing, grain=0.07)
    canvas.fill(along(x, height - 0.35, height, z0, z1), BUILDING, rgb * 0.8, facing)
    columns = max(2, int((z1 - z0) / rng.uniform(2.2, 3.6)))
    cells = grid(z0, z1, columns, rows, low, height - 0.4, rng.uniform(0.4, 0.65))
    draw_windows(canvas, rng, cells, to_facade, facing, frame)
    if shop:
        colour = pick(rng, PAINTS, 20)
        canvas.fill(along(x, 0, low, z0, z1), BUILDING, rgb * 0.65, facing)
        cells = grid(z0, z1, columns, 1, 0, low * 0.92, 0.85)
        canvas.fill(to_facade(cells), BUILDING, pick(rng, (GLASS, (150, 140, 110))), facing)
        canvas.fill(along(x, low * 0.82, low, z0, z1), BUILDING, colour, facing)
    else:
        door = z0 + (z1 - z0) * rng.uniform(0.25, 0.75)
        canvas.fill(along(x, 0, 2.2, door - 0.6, door + 0.6), BUILDING, pick(rng, ROOFS), facing)


def draw_wall(canvas, rng, side, x, z0, z1):
    height, facing = rng.uniform(1.4, 3.2), inward(side)
    rgb = pick(rng, ((150, 148, 142), (146, 92, 76), (172, 164, 148)), 10)
    canvas.cast_shadow(along(x, 0, height, z0, z1))
    canvas.fill(front(x, x + side * 0.4, 0, height, z0), WALL, rgb)
    canvas.fill(along(x, 0, height, z0, z1), WALL, rgb, facing, grain=0.13)
    for y in np.arange(0.5, height - 0.3, 0.5):
        canvas.fill(along(x, y, y + 0.03, z0, z1), WALL, rgb * 0.84, facing)
    if rng.random() < 0.4:
        start = rng.uniform(z0, (z0 + z1) / 2)
        canvas.fill(along(x, 0.4, height * 0.7, start, start + 3), WALL, pick(rng, CLOTHES), facing)
    canvas.fill(along(x, height - 0.15, height, z0, z1), WALL, rgb * 1.15, facing)


def draw_fence(canvas, rng, side, x, z0, z1):
    height, facing = rng.uniform(1.0, 2.0), inward(side)
    rgb = pick(rng, ((60, 84, 62), (122, 92, 62), (72, 74, 78), (196, 194, 188)), 8)
    canvas.fill(along(x, 0.05, height, z0, z1), FENCE, rgb * 0.62, facing)
    count = int((z1 - z0) / 0.3)
    slats = grid(z0, z1, count, 1, -0.3 * height, 1.35 * height, 0.5)
    slats = np.stack((np.full(slats.shape[:2], x), slats[..., 1], slats[..., 0]), -1)
    canvas.fill(slats, FENCE, rgb, facing)
    for y in (0.15, height - 0.12):
        canvas.fill(along(x, y, y + 0.1, z0, z1), FENCE, rgb * 1.1, facing)


def draw_tree(canvas, rng, x, z, scale=1.0):
    trunk, radius = rng.uniform(1.6, 3.0) * scale, rng.uniform(1.3, 2.6) * scale
    rgb = pick(rng, ((66, 100, 48), (84, 116, 52), (52, 84, 50), (112, 116, 46), (140, 104, 44)))
    canvas.cast_shadow(disc(x, trunk + radius, z, radius))
    canvas.fill(front(x - 0.14, x + 0.14, 0, trunk + radius, z), VEGETATION, (78, 62, 48))
    for brightness, count, spread, size in ((0.62, 5, 0.45, 0.75), (0.9, 7, 0.6, 0.42),
                                            (1.18, 6, 0.5, 0.26)):
        offset = rng.uniform(-spread, spread, (count, 1, 3)) * radius
        offset[..., 1] += (brightness - 0.62) * radius * 0.7
        jag = size * radius * rng.uniform(0.75, 1.2, (count, 14, 1))
        leaves = np.array([x, trunk + radius, z]) + offset + disc(0, 0, 0, 1) * jag
        leaves[..., 2] = z
        canvas.fill(leaves, VEGETATION, rgb * brightness, grain=0.3, overlap=True)


def draw_hedge(canvas, rng, side, x, z0, z1, height=1.2):
    rgb = pick(rng, ((58, 92, 46), (76, 106, 52), (90, 100, 44)))
    z = np.linspace(z0, z1, 24)
    top = np.stack((np.full(24, x), height * rng.uniform(0.8, 1.15, 24), z), -1)
    canvas.fill(front(x, x + side * 2.5, 0, height * 0.9, z0), VEGETATION, rgb, grain=0.3)
    canvas.fill([*top, (x, 0, z1), (x, 0, z0)], VEGETATION, rgb, inward(side), grain=0.3)


def draw_pole(canvas, rng, x, z, height, width=0.14):
    tone = rng.uniform(0.7, 1.3)
    canvas.cast_shadow(front(x - width, x + width, 0, height, z))
    canvas.fill(front(x - width / 2, x + width / 2, 0, height, z), POLE, np.full(3, 112) * tone)
    canvas.fill(front(x, x + width / 2, 0, height, z), POLE, np.full(3, 76) * tone)


def draw_lamp(canvas, rng, side, x, z):
    height, reach = rng.uniform(5, 8), x - side * rng.uniform(1, 2)
    draw_pole(canvas, rng, x, z, height, 0.16)
    canvas.fill(front(x, reach, height, height + 0.12, z), POLE, (90, 92, 94))
    canvas.fill(front(reach - 0.35, reach + 0.35, height - 0.1, height + 0.12, z), POLE,
                (170, 172, 170))


def draw_traffic_light(canvas, rng, side, x, z):
    height, x_box = rng.uniform(3.2, 4.2), x - side * 0.3
    draw_pole(canvas, rng, x, z, height)
    heads = [(x_box, height - 1.1)]
    if rng.random() < 0.5:
        reach = x - side * rng.uniform(2.5, 4.5)
        draw_pole(canvas, rng, x, z, 5.4)
        canvas.fill(front(x, reach, 5.3, 5.42, z), POLE, (90, 92, 94))
        heads.append((reach, 4.5))
    lit = rng.integers(3)
    for x_head, y in heads:
        canvas.fill(front(x_head - 0.24, x_head + 0.24, y, y + 1.15, z), LIGHT, (30, 34, 32))
        for lamp, rgb in enumerate(((60, 240, 130), (255, 190, 40), (255, 50, 40))):
            colour = np.multiply(rgb, 1.0 if lamp == lit else 0.22)
            canvas.fill(disc(x_head, y + 0.22 + 0.36 * lamp, z, 0.14), LIGHT, colour, lit=False,
                        grain=0)


def draw_sign(canvas, rng, x, z):
    y, size = rng.uniform(2.2, 2.8), rng.uniform(0.36, 0.5)
    draw_pole(canvas, rng, x, z, y + 0.3, 0.09)
    red, white, blue, yellow = (200, 28, 36), (236, 236, 232), (24, 80, 176), (238, 190, 30)
    outer, inner, vertices, turn = ((red, white, 14, 0), (white, blue, 4, 0.785),
                                    (white, yellow, 4, 0), (red, white, 3, 1.571),
                                    (blue, blue, 14, 0), (red, red, 8, 0.39))[rng.integers(6)]
    for rgb, scale in ((outer, 1.0), (inner, 0.72)):
        angle = turn + np.arange(vertices) * 2 * np.pi / vertices
        corners = np.stack((x + scale * size * np.cos(angle), y + scale * size * np.sin(angle),
                            np.full(vertices, z)), -1)
        canvas.fill(corners, SIGN, rgb, grain=0.02)
    canvas.fill(front(x - size * 0.35, x + size * 0.35, y - 0.06, y + 0.06, z), SIGN,
                (30, 30, 34) if inner is white else white)


def draw_person(canvas, rng, x, z, label=PERSON, seat=0.0, stride=None):
    """A standing or walking person; `seat` lifts the hip for riders, whose legs are bent."""
    size = rng.uniform(0.9, 1.06)
    top, trousers = pick(rng, CLOTHES), pick(rng, CLOTHES) * 0.6
    stride = rng.uniform(0, 0.32) if stride is None else stride
    hip, low = seat or 0.85 * size, 0.3 if seat else 0.0
    shoulder = hip + 0.58 * size
    canvas.cast_shadow(front(x - 0.2, x + 0.2, 0, shoulder, z))
    for step, tone in ((-stride, 0.85), (stride, 1.0)):
        canvas.fill([(x - 0.13 + step * 0.3, hip, z), (x + 0.13 + step * 0.3, hip, z),
                     (x + 0.09 + step, low, z), (x - 0.09 + step, low, z)], label, trousers * tone)
        canvas.fill(front(x + step - 0.09, x + step + 0.13, low, low + 0.09, z), label,
                    (40, 34, 30))
    canvas.fill([(x - 0.17, hip - 0.06, z), (x + 0.17, hip - 0.06, z), (x + 0.23, shoulder, z),
                 (x - 0.23, shoulder, z)], label, top)
    for arm in (-1, 1):
        hand = x + arm * (0.3 + stride * 0.3)
        canvas.fill([(x + arm * 0.2, shoulder, z), (x + arm * 0.3, shoulder - 0.05, z),
                     (hand + 0.05, hip, z), (hand - 0.05, hip, z)], label, top * 0.8)
    canvas.fill(disc(x, shoulder + 0.17 * size, z, 0.11, 0.15), label, SKIN)
    hair = pick(rng, CLOTHES) if label == RIDER else pick(rng, ((40, 30, 26), (110, 80, 50)))
    canvas.fill(disc(x, shoulder + 0.23 * size, z, 0.125, 0.1), label, hair)


def draw_two_wheeler(canvas, rng, x, z, motor, ridden):
    """A bicycle or motorcycle, seen from the side or from behind, with or without its rider."""
    label, colour = (MOTORCYCLE if motor else BICYCLE), pick(rng, PAINTS, 20)
    radius, tyre = (0.31, 0.09) if motor else (0.34, 0.045)
    sideways, flip = rng.random() < 0.6, rng.choice((-1, 1))
    canvas.cast_shadow(front(x - 0.6, x + 0.6, 0, 0.8, z))
    if ridden:
        draw_person(canvas, rng, x, z, RIDER, seat=0.8 if motor else 0.95, stride=0.1)
    if sideways:
        for dx in (-0.55, 0.55):
            canvas.fill(disc(x + dx, radius, z, radius), label, TYRE)
            canvas.fill(disc(x + dx, radius, z, radius - tyre - 0.03), label, (118, 118, 118))
        bars = [(-0.55, .34, -0.2, .82), (-0.55, .34, 0.0, .34), (0.0, .34, -0.25, .92),
                (0.0, .34, 0.4, .85), (-0.2, .8, 0.4, .85), (0.55, .34, 0.38, 1.02)]
        for x0, y0, x1, y1 in bars:
            canvas.fill([(x + flip * x0 - 0.03, y0, z), (x + flip * x0 + 0.03, y0 + 0.05, z),
                         (x + flip * x1 + 0.03, y1 + 0.05, z), (x + flip * x1 - 0.03, y1, z)],
                        label, colour)
        if motor:
            body = ((-.6, .55), (-.1, .35), (.35, .4), (.5, .95), (.2, .9), (-.1, .72), (-.65, .8))
            canvas.fill([(x + flip * dx, y, z) for dx, y in body], label, colour)
    else:
        half = 0.2 if motor else 0.05
        canvas.fill(front(x - tyre, x + tyre, 0, 2 * radius, z), label, TYRE)
        canvas.fill(front(x - half, x + half, 0.45, 0.92, z), label, colour)
        canvas.fill(front(x - 0.32, x + 0.32, 0.98, 1.05, z), label, (60, 60, 64))
        if motor:
            canvas.fill(front(x - 0.08, x + 0.08, 0.66, 0.76, z), label, (220, 40, 30), lit=False)


def draw_lights(canvas, x, z, half_width, y, label, away):
    rgb = (190, 24, 24) if away else (250, 246, 225)
    for outer in (-1, 1):
        inner = x + outer * (half_width - 0.38)
        canvas.fill(front(inner, x + outer * (half_width - 0.06), y, y + 0.18, z), label, rgb,
                    lit=False, grain=0)


def draw_car(canvas, rng, x, z, away=True):
    """A car with its near end at z, seen from behind (away) or from the front."""
    length, half, roof = rng.uniform(3.9, 4.7), rng.uniform(0.85, 0.95), rng.uniform(1.4, 1.65)
    rgb, belt = pick(rng, PAINTS, 10), 0.9
    hood = 1.1 if not away else rng.choice((0.05, 0.45))
    tail = 1.1 if away else 0.3
    profile = [(0, .28), (0, .78), (hood, belt), (hood + 0.6, roof), (length - tail - 0.7, roof),
               (length - tail, belt), (length, .75), (length, .28)]

    def half_at(y):
        return half - 0.2 * max(0.0, y - belt) / (roof - belt)

    canvas.fill(ground(x - half - 0.1, x + half + 0.1, z - 0.15, z + length), ROAD, (34, 34, 37),
                'top', ground=True)
    canvas.cast_shadow(along(x, 0.2, 1.2, z, z + length))
    side = np.sign(x)
    facing = inward(side)
    if abs(x) > half:
        canvas.fill([(x - side * half_at(y), y, z + dz) for dz, y in profile], CAR, rgb, facing,
                    grain=0.02)
        glass = [(hood + 0.1, belt), (hood + 0.65, roof - 0.1), (length - tail - 0.75, roof - 0.1),
                 (length - tail - 0.1, belt)]
        canvas.fill([(x - side * half_at(y), y, z + dz) for dz, y in glass], CAR, GLASS, facing)
        for dz in (0.75, length - 0.8):
            wheel = disc(z + dz, 0.31, 0, 0.33)[:, [2, 1, 0]] + [x - side * half, 0, 0]
            canvas.fill(wheel, CAR, TYRE, facing, grain=0)
            hub = disc(z + dz, 0.31, 0, 0.17)[:, [2, 1, 0]] + [x - side * half, 0, 0]
            canvas.fill(hub, CAR, (140, 142, 146), facing, grain=0)
    for dx in (-half + 0.12, half - 0.32):
        canvas.fill(front(x + dx, x + dx + 0.2, 0, 0.4, z + 0.1), CAR, TYRE, grain=0)
    for (z0, y0), (z1, y1), name in ((profile[3], profile[4], 'top'),
                                     (profile[2], profile[3], 'front'),
                                     (profile[1], profile[2], 'top'),
                                     (profile[0], profile[1], 'front')):
        for shrink, colour in ((1.0, rgb), (0.86, GLASS)):
            if shrink < 1 and y1 != roof or shrink < 1 and y0 == roof:
                continue
            low, high = half_at(y0) * shrink, half_at(y1) * shrink
            canvas.fill([(x - low, y0, z + z0), (x + low, y0, z + z0), (x + high, y1, z + z1),
                         (x - high, y1, z + z1)], CAR, colour, name, grain=0.02)
    canvas.fill(front(x - half, x + half, 0.26, 0.4, z), CAR, rgb * 0.5)
    canvas.fill(front(x - 0.26, x + 0.26, 0.44, 0.56, z), CAR, (225, 225, 215), grain=0)
    draw_lights(canvas, x, z, half, 0.6, CAR, away)


def draw_box_vehicle(canvas, rng, x, z, label, away=True):
    """A truck, bus or tram with its near end at z."""
    half, height, length = {TRUCK: (1.2, rng.uniform(2.9, 3.6), rng.uniform(6, 10)),
                            BUS: (1.25, rng.uniform(2.9, 3.2), rng.uniform(10, 13)),
                            TRAIN: (1.3, rng.uniform(3.3, 3.6), rng.uniform(20, 30))}[label]
    palette = {TRUCK: ((210, 210, 206), (60, 90, 140), (170, 60, 50), (200, 160, 60)),
               BUS: ((214, 176, 40), (230, 228, 220), (40, 96, 150), (226, 120, 50)),
               TRAIN: ((190, 40, 40), (150, 40, 60), (40, 116, 90))}[label]
    rgb, side = pick(rng, palette), np.sign(x) or 1
    facing, x_side = inward(side), x - side * half
    cab = 2.0 if label == TRUCK else 0.0
    canvas.fill(ground(x - half, x + half, z - 0.2, z + length), ROAD, (34, 34, 37), 'top',
                ground=True)
    canvas.cast_shadow(along(x, 0, height, z, z + length))
    near_cab = cab and not away
    body = z + (cab if near_cab else 0)
    if abs(x) > half:
        canvas.fill(along(x_side, 0.5, height, body, z + length - (0 if near_cab else cab)), label,
                    rgb, facing, grain=0.03)
        if label != TRUCK:
            cells = grid(z + 0.4, z + length - 0.4, int(length / 1.5), 1, 0.55, height + 0.6, 0.86)
            canvas.fill(np.stack((np.full(cells.shape[:2], x_side), cells[..., 1],
                                  cells[..., 0]), -1), label, GLASS, facing)
            skirt = rgb * 0.6 if label == BUS else (226, 220, 200)
            canvas.fill(along(x_side, 0.5, 0.9, z, z + length), label, skirt, facing)
        for dz in (1.5, 2.6 if label == TRUCK else length / 2, length - 1.3):
            wheel = disc(z + dz, 0.48, 0, 0.48)[:, [2, 1, 0]] + [x_side, 0, 0]
            canvas.fill(wheel, label, TYRE, facing, grain=0)
    if near_cab:
        canvas.fill(front(x - half, x + half, 0.9, height, body), label, rgb)
        canvas.fill(along(x_side, 0.5, 2.5, z, body), label, pick(rng, PAINTS), facing)
    top = 2.5 if near_cab else height
    for dx in (-half + 0.1, half - 0.45):
        canvas.fill(front(x + dx, x + dx + 0.35, 0, 0.6, z), label, TYRE, grain=0)
    canvas.fill(front(x - half, x + half, 0.4, top, z), label, rgb, grain=0.03)
    if label == TRUCK and away:
        canvas.fill(front(x - 0.02, x + 0.02, 0.9, height - 0.1, z), label, rgb * 0.5)
        canvas.fill(front(x - half, x + half, 0.4, 0.8, z), label, (60, 60, 62))
    else:
        low = 1.3 if label != TRUCK else 1.5
        canvas.fill(front(x - half * 0.88, x + half * 0.88, low, top - 0.5, z), label, GLASS)
        canvas.fill(front(x - half * 0.6, x + half * 0.6, top - 0.4, top - 0.12, z), label,
                    (24, 24, 26) if label != TRUCK else rgb * 0.8)
        canvas.fill(front(x - half, x + half, 0.4, 0.55, z), label, rgb * 0.5)
    if label == TRAIN:
        canvas.fill(front(x - half, x + half, 0.7, 1.15, z), label, (226, 220, 200))
        canvas.fill(disc(x, height - 0.26, z, 0.14), label, (250, 246, 225), lit=False)
        for tilt in (-0.5, 0.5):
            canvas.fill([(x + tilt - 0.04, height, z + 2), (x + tilt + 0.04, height, z + 2),
                         (x + 0.04, height + 0.9, z + 2), (x - 0.04, height + 0.9, z + 2)], label,
                        (60, 60, 62))
        canvas.fill(front(x - 0.8, x + 0.8, height + 0.86, height + 0.94, z + 2), label,
                    (60, 60, 62))
    draw_lights(canvas, x, z, half, 0.8, label, away)


def draw_bin(canvas, rng, x, z):
    """A litter bin: street furniture that no training class covers."""
    canvas.fill(front(x - 0.25, x + 0.25, 0, 0.95, z), IGNORE, pick(rng, PAINTS))
    canvas.fill(front(x - 0.28, x + 0.28, 0.9, 1.0, z), IGNORE, (50, 52, 50))
