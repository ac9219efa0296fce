"""Fog, night, rain and snow for a rendered scene, from its depth, its labels and simple optics.

Light adds up linearly, so every condition decodes the image to radiance, changes what light and
air do, and encodes again with sensor noise. How severe a condition is comes from the seed.
"""
import cv2
import numpy as np

from mmseg_sympie.demo.street import Scene, fractal_noise, sample_noise

CONDITIONS = ('fog', 'night', 'rain', 'snow')
GAMMA = 2.2
CONTRAST_THRESHOLD = 0.05  # Koschmieder: contrast is down to this at the visibility
FOCAL_PER_WIDTH = 0.76     # the renderer's mean focal length in image widths
ROAD, SIDEWALK, BUILDING, POLE, LIGHT, VEGETATION, TERRAIN, SKY = 0, 1, 2, 5, 6, 8, 9, 10
VEHICLES = (13, 14, 15, 16)
SODIUM, LED = np.float32([1.0, 0.65, 0.3]), np.float32([1.0, 0.96, 0.88])
MOONLIGHT, WINDOW = np.float32([0.55, 0.62, 0.9]), np.float32([1.0, 0.78, 0.45])


def apply_weather(scene: Scene, condition: str, seed: int) -> np.ndarray:
    """The scene's image (H, W, 3) uint8 RGB under one of CONDITIONS; its label stays valid."""
    if condition not in CONDITIONS:
        raise ValueError(f'condition must be one of {", ".join(CONDITIONS)}, got {condition!r}')
    rng = np.random.default_rng((CONDITIONS.index(condition), seed))
    radiance = ((np.arange(256, dtype=np.float32) / 255) ** GAMMA)[scene.image]
    return {'fog': fog, 'night': night, 'rain': rain, 'snow': snow}[condition](
        scene, radiance, rng)


def uniform(rng, low, high):
    """A float32, so that images do not turn into float64."""
    return np.float32(rng.uniform(low, high))


def develop(radiance, rng, electrons, read_noise):
    """Photon counting, read noise, rounding to whole counts and gamma: radiance 0..1 -> uint8."""
    counts = np.clip(radiance, 0, 1) * np.float32(electrons)
    deviation = np.sqrt(counts + np.float32(read_noise) ** 2)
    counts += deviation * rng.standard_normal(counts.shape, dtype=np.float32)
    full = int(electrons)
    encoded = np.rint(255 * (np.arange(full + 1) / full) ** (1 / GAMMA)).astype(np.uint8)
    return encoded[np.clip(np.rint(counts), 0, full).astype(np.intp)]


def grey(radiance):
    return radiance.mean(-1, keepdims=True)


def blur(image, sigma_px):
    return cv2.GaussianBlur(image, (0, 0), float(sigma_px))


def scatter(radiance, depth_m, airlight, visibility_m, density=1.0):
    """Attenuation exp(-beta * depth) towards the airlight (3,)."""
    beta = -np.log(CONTRAST_THRESHOLD) / visibility_m
    transmission = np.exp(-np.float32(beta) * density * np.minimum(depth_m, 1e4))[..., None]
    return radiance * transmission + airlight * (1 - transmission)


def diffuse_light(scene, radiance, rng, saturation, strength):
    """Replaces sunlight by the even light of a closed cloud cover and the sky by clouds."""
    height, width = scene.label.shape
    even = grey(radiance) + (radiance - grey(radiance)) * np.float32(saturation)
    clouds = 1 + 0.12 * fractal_noise(rng, height, width, height / 2, octaves=4)
    is_sky = blur((scene.label == SKY).astype(np.float32), 0.6)[..., None]
    tint = np.float32([0.97, 1.0, 1.04])
    return np.float32(strength) * (even + (0.62 * clouds[..., None] * tint - even) * is_sky)


def fog(scene, radiance, rng):
    height, width = scene.label.shape
    visibility_m = np.exp(rng.uniform(np.log(35), np.log(140)))
    airlight = uniform(rng, 0.42, 0.72) * np.float32([1, 1, 1] + rng.uniform(-0.04, 0.04, 3))
    density = 1 + uniform(rng, 0.05, 0.2) * fractal_noise(rng, height, width, width / 3)
    dull = grey(radiance) + (radiance - grey(radiance)) * uniform(rng, 0.6, 0.9)
    foggy = scatter(dull * uniform(rng, 0.6, 0.95), scene.depth_m, airlight, visibility_m, density)
    # Light scattered forwards more than once spreads a little.
    foggy += (blur(foggy, width / 100) - foggy) * uniform(rng, 0.1, 0.35)
    return develop(foggy, rng, rng.uniform(2000, 6000), 6)


def lamp_positions(scene):
    """(column, row, depth_m) of the tops of the poles, where street lamps hang."""
    is_pole = scene.label == POLE
    boxes = cv2.connectedComponentsWithStats(is_pole.astype(np.uint8), connectivity=8)[2]
    for left, top, extent, tall, _ in boxes[1:]:
        # A pole that leaves the image at the top has its lamp outside.
        if top > 2 and tall > 0.12 * is_pole.shape[0]:
            rows, columns = np.nonzero(is_pole[top:top + 2, left:left + extent])
            depth_m = scene.depth_m[top + rows[0], left + columns[0]]
            yield left + columns.mean(), top + 1, depth_m


def is_oncoming(vehicle):
    """Whether a crop (h, w, 3) of a vehicle's lower half has white lamps rather than red ones."""
    red = (vehicle[..., 0] > 0.15) & (vehicle[..., 0] > 3 * vehicle[..., 1])
    quarter = vehicle.shape[1] // 4 + 1
    sides = np.concatenate((vehicle[:, :quarter], vehicle[:, -quarter:]), axis=1)
    # Red over a large share is the paint, not the lamps.
    return not 0.005 < red.mean() < 0.25 and bool((sides.min(-1) > 0.5).any())


def emitted_light(scene, radiance, rng):
    """Radiance (H, W, 3) of lamps, windows, vehicle lights and signals, seen directly."""
    height, width = scene.label.shape
    light = np.zeros_like(radiance)
    lamp = (SODIUM if rng.random() < 0.6 else LED).tolist()
    white, red = LED.tolist(), (1.0, 0.06, 0.04)
    for column, row, depth_m in lamp_positions(scene):
        radius = int(np.clip(0.3 * FOCAL_PER_WIDTH * width / depth_m, 1, 4))
        cv2.circle(light, (int(column), int(row)), radius, lamp, -1)
    for label in VEHICLES:
        boxes = cv2.connectedComponentsWithStats((scene.label == label).astype(np.uint8))[2]
        for left, top, extent, tall, area in boxes[1:]:
            if area < 12 or left == 0 or left + extent == width:
                continue
            middle = radiance[top + int(0.4 * tall):top + int(0.9 * tall), left:left + extent]
            colour = white if middle.size and is_oncoming(middle) else red
            radius = max(1, int(min(extent, tall) * 0.05))
            for at in (0.14, 0.86):
                centre = int(left + at * extent), int(top + 0.66 * tall)
                cv2.circle(light, centre, radius, colour, -1)
    # Rooms are lit in blocks; panes are the dark and bluish parts of a facade.
    blocks = rng.random((height // 8 + 1, width // 8 + 1)) < rng.uniform(0.08, 0.4)
    room = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
    grey_level = radiance.mean(-1)
    dim = grey_level < 0.8 * blur(grey_level, height / 24)
    pane = dim & (radiance[..., 2] > 1.02 * radiance[..., 0]) & (scene.depth_m < 120)
    light[(scene.label == BUILDING) & room & pane] = WINDOW * uniform(rng, 0.15, 0.5)
    signal = (scene.label == LIGHT) & (radiance.max(-1) > 0.35)
    light[signal] = radiance[signal] * 1.2
    return light


def illumination_at_night(scene, rng):
    """Irradiance (H, W, 3) of the town's sky glow, street lamps and the own headlights."""
    height, width = scene.label.shape
    row, column = np.mgrid[:height, :width].astype(np.float32)
    focal_px = np.float32(FOCAL_PER_WIDTH * width)
    depth_m = np.minimum(scene.depth_m, 1e4)
    road_rows = np.nonzero((scene.label == ROAD).any(1))[0]
    horizon = road_rows[0] if road_rows.size else height * 0.45
    x = (column - width / 2) / focal_px * depth_m
    y = np.float32(horizon - row) / focal_px * depth_m
    glow = (MOONLIGHT if rng.random() < 0.5 else SODIUM) * uniform(rng, 0.004, 0.03)
    # A street has lamps on both sides, also where none is in view; y is from the camera up.
    lamps, side = np.zeros_like(x), 1
    for z in np.arange(rng.uniform(4, 18), 90, rng.uniform(11, 24)):
        side = -side
        square = (x - side * 6) ** 2 + (y - 4.5) ** 2 + (depth_m - np.float32(z)) ** 2 + 4
        lamps += 1 / (square * np.sqrt(square))
    lamps *= uniform(rng, 8, 40)
    beam = np.exp(-(x / (0.22 * depth_m + 1)) ** 2 - (np.maximum(y + 0.3, 0) / 1.5) ** 2)
    headlights = uniform(rng, 15, 70) * beam / (depth_m + 4) ** 2
    lamp = SODIUM if rng.random() < 0.6 else LED
    return glow + lamps[..., None] * lamp + headlights[..., None] * LED, glow


def night(scene, radiance, rng):
    height = scene.label.shape[0]
    illumination, glow = illumination_at_night(scene, rng)
    sky = uniform(rng, 0.3, 0.9) * glow
    lit = np.where((scene.label == SKY)[..., None], sky, radiance * illumination)
    emitted = emitted_light(scene, radiance, rng)
    # Exposure is set on the lit street, as a camera does; the lamps then saturate.
    target, gain = rng.uniform(17, 34) / 255, np.float32(0.5)
    for _ in range(12):
        mean = np.mean(np.clip(lit[::5, ::5] * gain, 1e-6, 1) ** np.float32(1 / GAMMA))
        gain *= np.float32(target / mean) ** 1.5
    glare = 0.8 * blur(emitted, height / 80) + 0.9 * blur(emitted, height / 20)
    exposed = lit * gain + 1.4 * emitted + uniform(rng, 0.5, 1.4) * glare
    exposed = blur(exposed, rng.uniform(0.3, 0.7))
    return develop(exposed, rng, rng.uniform(500, 2500), rng.uniform(0.8, 2.5))


def wet_ground(scene, radiance, rng):
    """Darker ground that mirrors what stands behind it, more so at grazing angles (Fresnel)."""
    height, width = scene.label.shape
    ground = np.isin(scene.label, (ROAD, SIDEWALK))
    row = np.arange(height)[:, None]
    # Mirrored about the foot of whatever stands above a ground pixel in its column.
    foot = np.maximum.accumulate(np.where(ground, 0, row), axis=0)
    mirrored = radiance[np.clip(2 * foot - row, 0, height - 1), np.arange(width)[None]]
    sigma_px = height / rng.uniform(30, 70)
    mirrored = cv2.GaussianBlur(mirrored, (0, 0), sigmaX=height / 120, sigmaY=sigma_px)
    grazing = 1 - 1.6 / np.hypot(1.6, np.minimum(scene.depth_m, 1e4))
    fresnel = 0.03 + 0.97 * grazing ** 5
    puddle = np.clip(0.6 + 0.8 * fractal_noise(rng, height, width, width / 6), 0.15, 1)
    reflectance = (uniform(rng, 0.6, 1.0) * np.clip(fresnel + 0.12, 0, 0.75) * puddle)[..., None]
    wet = radiance * uniform(rng, 0.45, 0.7) + (mirrored - 0.5 * radiance) * reflectance
    return np.where(ground[..., None], wet, radiance)


def falling(rng, height, width, layers, slant, stretch):
    """Opacity (height, width) of drops or flakes; layers are (count, size_px, opacity)."""
    opacity = np.zeros((height, width), np.float32)
    for count, size_px, layer_opacity in layers:
        layer = np.zeros((height, width), np.uint8)
        starts = rng.random((int(count), 2)) * (width, height)
        for (column, row), scale in zip(starts, rng.uniform(0.6, 1.4, int(count))):
            length = stretch * size_px * scale
            end = column + slant * length, row + length
            cv2.line(layer, (int(column * 16), int(row * 16)),
                     (int(end[0] * 16), int(end[1] * 16)), 255,
                     max(1, round(size_px * scale)), cv2.LINE_AA, 4)
        soft = blur(layer, max(0.35, size_px * 0.3)).astype(np.float32) / 255
        opacity = np.maximum(opacity, soft * np.float32(layer_opacity))
    return opacity[..., None]


def lens_drops(radiance, rng, count):
    """Drops on the windscreen show a wide, upturned and blurred picture of the scene."""
    height, width = radiance.shape[:2]
    row, column = np.mgrid[:height, :width].astype(np.float32)
    from_column, from_row, weight = column.copy(), row.copy(), np.zeros_like(row)
    for _ in range(count):
        x, y, radius = uniform(rng, 0, width), uniform(rng, 0, height), uniform(rng, 2, height / 20)
        inside = (column - x) ** 2 + (row - y) ** 2 * 0.7 < radius ** 2
        from_column[inside] = x - 4 * (column[inside] - x)
        from_row[inside] = y - 4 * (row[inside] - y)
        weight[inside] = 0.85
    seen = cv2.remap(blur(radiance, 1.2), from_column, from_row, cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_REFLECT_101)
    return radiance + (seen - radiance) * blur(weight, 1.0)[..., None]


def rain(scene, radiance, rng):
    height, width = scene.label.shape
    dull = diffuse_light(scene, radiance, rng, rng.uniform(0.45, 0.75), rng.uniform(0.35, 0.65))
    wet = wet_ground(scene, dull, rng)
    air = grey(dull)[scene.label == SKY].mean() if (scene.label == SKY).any() else dull.mean()
    misty = scatter(wet, scene.depth_m, np.float32(air), rng.uniform(120, 500))
    slant, amount = rng.uniform(-0.35, 0.35), rng.uniform(0.4, 1.6)
    layers = ((260 * amount, 0.6, 0.28), (70 * amount, 1.0, 0.3), (12 * amount, 1.7, 0.22))
    streaks = falling(rng, height, width, layers, slant, stretch=rng.uniform(8, 16))
    rainy = misty + (1.15 * air - misty) * streaks
    rainy = lens_drops(rainy, rng, rng.integers(0, 14))
    return develop(rainy, rng, rng.uniform(900, 3000), 4)


def snow_cover(scene, rng):
    """Share of each pixel (H, W) that snow hides: ground by use, upper edges by thickness."""
    height, width = scene.label.shape
    label, depth_m = scene.label, np.minimum(scene.depth_m, 1e4)
    row, column = np.mgrid[:height, :width].astype(np.float32)
    focal_px = np.float32(FOCAL_PER_WIDTH * width)
    amount = uniform(rng, 0.35, 1.0)
    x = (column - width / 2) / focal_px * depth_m
    # Wheels keep tracks free: drifts are long along the street and narrow across it.
    drifts = sample_noise(fractal_noise(rng, 128, 256, 24), x * 7, depth_m * 1.5)
    patches = fractal_noise(rng, height, width, width / 24)
    share = np.zeros(256, np.float32)
    share[[ROAD, SIDEWALK, TERRAIN]] = 0.05, 0.55, 0.9
    cover = share[label] + 0.5 * (amount - 0.5)
    cover += np.where(label == ROAD, 0.55 * drifts + 0.1, 0.3 * patches)
    ground = np.isin(label, (ROAD, SIDEWALK, TERRAIN))
    cover = np.clip(cover * 1.6, 0, 1) * ground
    cover += (label == VEGETATION) * np.clip(patches * 1.5 * amount, 0, 0.7)

    above = np.vstack((depth_m[:1], depth_m[:-1]))
    edge = above > 1.08 * depth_m
    edge_row = np.maximum.accumulate(np.where(edge, row, -1), axis=0).astype(np.intp)
    same = (edge_row >= 0) & (label[np.maximum(edge_row, 0), column.astype(np.intp)] == label)
    thickness_m = np.zeros(256, np.float32)
    thickness_m[[BUILDING, 3, 4, LIGHT, 7, VEGETATION]] = 0.7, 0.15, 0.1, 0.1, 0.06, 0.35
    thickness_m[list(VEHICLES)] = 0.22
    thickness_px = thickness_m[label] * amount * focal_px / depth_m
    return np.maximum(cover, same & ~ground & (row - edge_row < thickness_px))


def snow(scene, radiance, rng):
    height, width = scene.label.shape
    light = uniform(rng, 0.7, 1.0)
    dull = diffuse_light(scene, radiance, rng, rng.uniform(0.5, 0.8), light)
    # Snow keeps the shading of what it covers, but hardly its albedo.
    texture = 1 + 0.06 * fractal_noise(rng, height, width, width / 30)
    shading = 0.45 + 0.55 * np.clip(blur(grey(dull), 1.5) / (0.2 * light), 0, 1)
    white = 0.72 * light * (texture * shading)[..., None] * np.float32([0.96, 0.99, 1.04])
    covered = dull + (white - dull) * blur(snow_cover(scene, rng), 0.5)[..., None] * 0.92
    air = 0.62 * light
    misty = scatter(covered, scene.depth_m, air, np.exp(rng.uniform(np.log(60), np.log(300))))
    amount = rng.uniform(0.3, 1.5)
    layers = ((700 * amount, 0.8, 0.6), (160 * amount, 1.6, 0.75), (30 * amount, 3.2, 0.6),
              (5 * amount, 7.0, 0.35))
    flakes = falling(rng, height, width, layers, rng.uniform(-0.8, 0.8), rng.uniform(0.2, 1.2))
    return develop(misty + (0.95 * light - misty) * flakes, rng, rng.uniform(1000, 4000), 5)
