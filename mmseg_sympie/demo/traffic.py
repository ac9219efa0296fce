"""Vehicles and people, and where they are on the road.

Every `draw_*` takes the canvas, the random generator and the near end's position in metres;
`away` tells whether a vehicle shows its rear.
"""
import numpy as np

from mmseg_sympie.demo.canvas import along, disc, front, grid, inward, outline, panel, pick

PAINTS = ((28, 30, 34), (225, 226, 228), (120, 124, 128), (150, 24, 28), (28, 56, 120),
          (180, 182, 186), (60, 64, 70), (40, 84, 70), (200, 150, 40), (90, 60, 50))
CLOTHES = ((34, 38, 54), (150, 40, 44), (60, 84, 130), (200, 196, 190), (40, 44, 44),
           (170, 130, 60), (70, 100, 70), (120, 70, 110), (220, 120, 50))
LIVERIES = {'truck': ((210, 210, 206), (60, 90, 140), (170, 60, 50), (200, 160, 60)),
            'bus': ((214, 176, 40), (230, 228, 220), (40, 96, 150), (226, 120, 50)),
            'train': ((190, 40, 40), (150, 40, 60), (40, 116, 90))}
SKIN, TYRE, GLASS, DARK = (196, 150, 124), (26, 26, 28), (52, 64, 76), (60, 60, 62)
CREAM, LAMP = (226, 220, 200), (250, 246, 225)
LENGTHS_M = {'car': 5, 'truck': 10, 'bus': 13, 'train': 30}


def place_traffic(rng, plan):
    """Moving vehicles and riders on the lanes and people on the crossing, as (z, draw, args)."""
    taken = [(plan.crossing_m - 6, plan.crossing_m + 8)]
    edges = plan.lane_edges_m
    centres = [edge - plan.lane_m / 2 for edge in edges] + [edges[-1] + plan.lane_m / 2]
    kinds = ['car'] * int(rng.integers(2, 6)) + [
        kind for kind, chance in (('train', 0.8 * plan.tram), ('bus', 0.45), ('truck', 0.5))
        if rng.random() < chance]
    # The rare long ones first: one stretch of street holds one vehicle, so nothing overlaps.
    for kind in reversed(kinds):
        x = -plan.lane_m if kind == 'train' else rng.choice(centres)
        z = rng.uniform(8, 60) if kind == 'car' else rng.uniform(9, 30)
        end = z + LENGTHS_M[kind]
        if any(z < stop and end > start for start, stop in taken):
            continue
        taken.append((z, end + 1))
        away = x > -0.5 * plan.lane_m
        x += rng.uniform(-0.25, 0.25) * (kind != 'train')
        if kind == 'car':
            yield z, draw_car, (x, z, away)
        else:
            yield z, draw_box_vehicle, (x, z, kind, away)
    right = plan.kerbsides[1]
    gutter = right.kerb_m - 0.6 - 2.1 * right.parking
    for z in rng.uniform(7, 26, rng.integers(0, 3)):
        yield z, draw_two_wheeler, (gutter, z, rng.random() < 0.4, True)
    if plan.crossing_m < np.inf:
        for x in rng.uniform(-5, 4, rng.integers(0, 4)):
            yield plan.crossing_m - 2, draw_person, (x, plan.crossing_m - 2)


def draw_person(canvas, rng, x, z, label='person', seat=0.0):
    """A standing or walking person; `seat` is the height of a rider's hip, whose legs are bent."""
    size = rng.uniform(0.9, 1.06)
    top, trousers = pick(rng, CLOTHES), pick(rng, CLOTHES) * 0.6
    hip, low, stride = (seat, 0.3, 0.1) if seat else (0.85 * size, 0.0, rng.uniform(0, 0.32))
    shoulder = hip + 0.58 * size
    canvas.cast_shadow(panel(x, 0.2, 0, shoulder, z))
    for step, tone in ((-stride, 0.85), (stride, 1.0)):
        leg = ((step * 0.3 - 0.13, hip), (step * 0.3 + 0.13, hip), (step + 0.09, low),
               (step - 0.09, low))
        canvas.fill(outline(x, z, leg), label, trousers * tone)
        canvas.fill(front(x + step - 0.09, x + step + 0.13, low, low + 0.09, z), label,
                    (40, 34, 30))
    body = (-0.17, hip - 0.06), (0.17, hip - 0.06), (0.23, shoulder), (-0.23, shoulder)
    canvas.fill(outline(x, z, body), label, top)
    for side in (-1, 1):
        hand = side * (0.3 + stride * 0.3)
        arm = ((side * 0.2, shoulder), (side * 0.3, shoulder - 0.05), (hand + 0.05, hip),
               (hand - 0.05, hip))
        canvas.fill(outline(x, z, arm), label, top * 0.8)
    canvas.fill(disc(x, shoulder + 0.17 * size, z, 0.11, 0.15), label, SKIN)
    hair = CLOTHES if label == 'rider' else ((40, 30, 26), (110, 80, 50))
    canvas.fill(disc(x, shoulder + 0.23 * size, z, 0.125, 0.1), label, pick(rng, hair))


def draw_two_wheeler(canvas, rng, x, z, motor, ridden):
    """A bicycle or motorcycle, seen from the side or from behind, with or without its rider."""
    label, colour = ('motorcycle' if motor else 'bicycle'), pick(rng, PAINTS, 20)
    radius, tyre, half, seat = (0.31, 0.09, 0.2, 0.8) if motor else (0.34, 0.045, 0.05, 0.95)
    sideways, flip = rng.random() < 0.6, rng.choice((-1, 1))
    canvas.cast_shadow(panel(x, 0.6, 0, 0.8, z))
    if ridden:
        draw_person(canvas, rng, x, z, 'rider', seat)
    if sideways:
        for hub in (x - 0.55, x + 0.55):
            canvas.fill(disc(hub, radius, z, radius), label, TYRE)
            canvas.fill(disc(hub, radius, z, radius - tyre - 0.03), label, (118, 118, 118))
        for x0, y0, x1, y1 in ((-0.55, .34, -0.2, .82), (-0.55, .34, 0.0, .34),
                               (0.0, .34, -0.25, .92), (0.0, .34, 0.4, .85),
                               (-0.2, .8, 0.4, .85), (0.55, .34, 0.38, 1.02)):
            bar = ((flip * x0 - 0.03, y0), (flip * x0 + 0.03, y0 + 0.05),
                   (flip * x1 + 0.03, y1 + 0.05), (flip * x1 - 0.03, y1))
            canvas.fill(outline(x, z, bar), label, colour)
        if motor:
            body = ((-.6, .55), (-.1, .35), (.35, .4), (.5, .95), (.2, .9), (-.1, .72), (-.65, .8))
            canvas.fill(outline(x, z, np.multiply(body, (flip, 1))), label, colour)
    else:
        canvas.fill(panel(x, tyre, 0, 2 * radius, z), label, TYRE)
        canvas.fill(panel(x, half, 0.45, 0.92, z), label, colour)
        canvas.fill(panel(x, 0.32, 0.98, 1.05, z), label, (60, 60, 64))
        if motor:
            canvas.fill(panel(x, 0.08, 0.66, 0.76, z), label, (220, 40, 30), 'lamp')


def draw_underside(canvas, x, half, z0, z1):
    """The dark road below a vehicle."""
    area = [(x - half, 0, z0), (x + half, 0, z0), (x + half, 0, z1), (x - half, 0, z1)]
    canvas.fill(area, 'road', (34, 34, 37), 'ground')


def draw_lights(canvas, x, z, half, y, label, away):
    """The two lamps of a vehicle: red if it drives away."""
    for centre in (x - half + 0.22, x + half - 0.22):
        canvas.fill(panel(centre, 0.16, y, y + 0.18, z), label, (190, 24, 24) if away else LAMP,
                    'lamp', grain=0)


def draw_car(canvas, rng, x, z, away):
    """A car, from behind or from the front."""
    length, half, roof = rng.uniform(3.9, 4.7), rng.uniform(0.85, 0.95), rng.uniform(1.4, 1.65)
    rgb, belt = pick(rng, PAINTS, 10), 0.9
    near = rng.choice((0.05, 0.45)) if away else 1.1  # length of the boot or bonnet
    far = length - (1.1 if away else 0.3)
    # (z, y) from the near bumper over the roof to the far bumper
    profile = [(0, .28), (0, .78), (near, belt), (near + 0.6, roof), (far - 0.7, roof),
               (far, belt), (length, .75), (length, .28)]
    glass = [(near + 0.1, belt), (near + 0.65, roof - 0.1), (far - 0.75, roof - 0.1),
             (far - 0.1, belt)]

    def half_at(y):
        return half - 0.2 * max(0.0, y - belt) / (roof - belt)

    draw_underside(canvas, x, half + 0.1, z - 0.15, z + length)
    canvas.cast_shadow(along(x, 0.2, 1.2, z, z + length))
    side = np.sign(x)
    facing = inward(side)
    if abs(x) > half:
        for corners, colour, grain in ((profile, rgb, 0.02), (glass, GLASS, 0.05)):
            canvas.fill([(x - side * half_at(y), y, z + dz) for dz, y in corners], 'car', colour,
                        facing, grain)
        for axle in (z + 0.75, z + length - 0.8):
            for radius, colour in ((0.33, TYRE), (0.17, (140, 142, 146))):
                wheel = disc(axle, 0.31, x - side * half, radius)[:, ::-1]
                canvas.fill(wheel, 'car', colour, facing, grain=0)
    for centre in (x - half + 0.22, x + half - 0.22):
        canvas.fill(panel(centre, 0.1, 0, 0.4, z + 0.1), 'car', TYRE, grain=0)
    for start, share, colour, name in ((3, 1, rgb, 'top'), (2, 1, rgb, 'front'),
                                       (2, 0.86, GLASS, 'front'), (1, 1, rgb, 'top'),
                                       (0, 1, rgb, 'front')):
        (z0, y0), (z1, y1) = profile[start:start + 2]
        low, high = half_at(y0) * share, half_at(y1) * share
        canvas.fill([(x - low, y0, z + z0), (x + low, y0, z + z0), (x + high, y1, z + z1),
                     (x - high, y1, z + z1)], 'car', colour, name, grain=0.02)
    canvas.fill(panel(x, half, 0.26, 0.4, z), 'car', rgb * 0.5)
    canvas.fill(panel(x, 0.26, 0.44, 0.56, z), 'car', (225, 225, 215), grain=0)
    draw_lights(canvas, x, z, half, 0.6, 'car', away)


def draw_box_vehicle(canvas, rng, x, z, label, away):
    """A truck, bus or tram."""
    sizes = rng.uniform([(2.9, 6), (2.9, 10), (3.3, 20)], [(3.6, 10), (3.2, 13), (3.6, 30)])
    index = ('truck', 'bus', 'train').index(label)
    half, (height, length) = (1.2, 1.25, 1.3)[index], sizes[index]
    rgb, side = pick(rng, LIVERIES[label]), np.sign(x) or 1
    facing, x_side, end = inward(side), x - side * half, z + length
    truck, near_cab = label == 'truck', label == 'truck' and not away
    body = z + 2 * near_cab

    def face(share, y0, y1, rgb, z=z, grain=0.05):
        canvas.fill(panel(x, half * share, y0, y1, z), label, rgb, grain=grain)

    draw_underside(canvas, x, half, z - 0.2, end)
    canvas.cast_shadow(along(x, 0, height, z, end))
    if abs(x) > half:
        flank = along(x_side, 0.5, height, body, end - 2 * (truck and away))
        canvas.fill(flank, label, rgb, facing, grain=0.03)
        if not truck:
            windows = grid(z + 0.4, end - 0.4, int(length / 1.5), 1, 0.55, height + 0.6, 0.86,
                           x_side)
            canvas.fill(windows[..., ::-1], label, GLASS, facing)
            skirt = rgb * 0.6 if label == 'bus' else CREAM
            canvas.fill(along(x_side, 0.5, 0.9, z, end), label, skirt, facing)
        for dz in (1.5, 2.6 if truck else length / 2, length - 1.3):
            canvas.fill(disc(z + dz, 0.48, x_side, 0.48)[:, ::-1], label, TYRE, facing, grain=0)
    if near_cab:
        face(1, 0.9, height, rgb, z=body)
        canvas.fill(along(x_side, 0.5, 2.5, z, body), label, pick(rng, PAINTS), facing)
    top = 2.5 if near_cab else height
    for left in (x - half + 0.1, x + half - 0.45):
        canvas.fill(front(left, left + 0.35, 0, 0.6, z), label, TYRE, grain=0)
    face(1, 0.4, top, rgb, grain=0.03)
    if truck and away:
        face(0.02 / half, 0.9, height - 0.1, rgb * 0.5)
        face(1, 0.4, 0.8, DARK)
    else:
        face(0.88, 1.5 if truck else 1.3, top - 0.5, GLASS)
        face(0.6, top - 0.4, top - 0.12, rgb * 0.8 if truck else (24, 24, 26))
        face(1, 0.4, 0.55, rgb * 0.5)
    if label == 'train':
        face(1, 0.7, 1.15, CREAM)
        canvas.fill(disc(x, height - 0.26, z, 0.14), label, LAMP, 'lamp')
        for tilt in (-0.5, 0.5):  # the pantograph
            arm = ((tilt - 0.04, 0), (tilt + 0.04, 0), (0.04, 0.9), (-0.04, 0.9))
            canvas.fill(outline(x, z + 2, arm, height), label, DARK)
        face(0.8 / half, height + 0.86, height + 0.94, DARK, z=z + 2)
    draw_lights(canvas, x, z, half, 0.8, label, away)
