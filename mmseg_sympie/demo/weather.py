"""Fog, night, rain and snow for a rendered scene, from its depth, its labels and simple optics.

Light adds up linearly, so every condition decodes the image to radiance, changes what light and
air do, and encodes again with sensor noise. How severe a condition is comes from the seed.
"""
import cv2
import numpy as np

from mmseg_sympie.demo import optics
from mmseg_sympie.demo.classes import TRAIN_IDS, per_class
from mmseg_sympie.demo.night import night
from mmseg_sympie.demo.noise import fractal_noise, sample_noise
from mmseg_sympie.demo.optics import blur, desaturate, develop, metres_aside, scatter, uniform
from mmseg_sympie.demo.street import Scene

CONDITIONS = ('fog', 'night', 'rain', 'snow')


def apply_weather(scene: Scene, condition: str, seed: int) -> np.ndarray:
    """The scene's image (H, W, 3) uint8 RGB under one of CONDITIONS; its label stays valid."""
    if condition not in CONDITIONS:
        raise ValueError(f'condition must be one of {", ".join(CONDITIONS)}, got {condition!r}')
    rng = np.random.default_rng((CONDITIONS.index(condition), seed))
    radiance = ((np.arange(256, dtype=np.float32) / 255) ** optics.GAMMA)[scene.image]
    scene = scene._replace(depth_m=np.minimum(scene.depth_m, 1e4))  # the sky's is infinite
    return {'fog': fog, 'night': night, 'rain': rain, 'snow': snow}[condition](
        scene, radiance, rng)


def fog(scene, radiance, rng):
    """Contrast that falls with distance, in the light of a grey sky."""
    height, width = shape = scene.label.shape
    visibility_m = np.exp(rng.uniform(np.log(35), np.log(140)))
    airlight = uniform(rng, 0.42, 0.72) * np.float32([1, 1, 1] + rng.uniform(-0.04, 0.04, 3))
    density = 1 + uniform(rng, 0.05, 0.2) * fractal_noise(rng, shape, width / 3)
    dull = desaturate(radiance, rng.uniform(0.6, 0.9)) * uniform(rng, 0.6, 0.95)
    foggy = scatter(dull, scene.depth_m, airlight, visibility_m, density)
    # Light scattered forwards more than once spreads a little.
    foggy += (blur(foggy, width / 100) - foggy) * uniform(rng, 0.1, 0.35)
    return develop(foggy, rng, rng.uniform(2000, 6000), 6)


def rain(scene, radiance, rng):
    """Dull light, wet ground, falling drops, and drops on the windscreen."""
    dull = diffuse_light(scene, radiance, rng, rng.uniform(0.45, 0.75), rng.uniform(0.35, 0.65))
    wet = wet_ground(scene, dull, rng)
    is_sky = scene.label == TRAIN_IDS['sky']
    air = dull.mean(-1)[is_sky].mean() if is_sky.any() else dull.mean()
    misty = scatter(wet, scene.depth_m, air, rng.uniform(120, 500))
    slant, amount = rng.uniform(-0.35, 0.35), rng.uniform(0.4, 1.6)
    layers = ((260 * amount, 0.6, 0.28), (70 * amount, 1.0, 0.3), (12 * amount, 1.7, 0.22))
    streaks = falling(rng, is_sky.shape, layers, slant, stretch=rng.uniform(8, 16))
    rainy = misty + (1.15 * air - misty) * streaks
    rainy = lens_drops(rainy, rng, rng.integers(0, 14))
    return develop(rainy, rng, rng.uniform(900, 3000), 4)


def snow(scene, radiance, rng):
    """A white cover, falling flakes and a short view."""
    height, width = shape = scene.label.shape
    light = uniform(rng, 0.7, 1.0)
    dull = diffuse_light(scene, radiance, rng, rng.uniform(0.5, 0.8), light)
    # Snow keeps the shading of what it covers, but hardly its albedo.
    texture = 1 + 0.06 * fractal_noise(rng, shape, width / 30)
    shading = 0.45 + 0.55 * np.clip(blur(dull.mean(-1), 1.5) / (0.2 * light), 0, 1)
    white = 0.72 * light * (texture * shading)[..., None] * np.float32([0.96, 0.99, 1.04])
    covered = dull + (white - dull) * blur(snow_cover(scene, rng), 0.5)[..., None] * 0.92
    air = 0.62 * light
    misty = scatter(covered, scene.depth_m, air, np.exp(rng.uniform(np.log(60), np.log(300))))
    amount = rng.uniform(0.3, 1.5)
    layers = ((700 * amount, 0.8, 0.6), (160 * amount, 1.6, 0.75), (30 * amount, 3.2, 0.6),
              (5 * amount, 7.0, 0.35))
    flakes = falling(rng, shape, layers, rng.uniform(-0.8, 0.8), rng.uniform(0.2, 1.2))
    return develop(misty + (0.95 * light - misty) * flakes, rng, rng.uniform(1000, 4000), 5)


def diffuse_light(scene, radiance, rng, saturation, strength):
    """Replaces sunlight by the even light of a closed cloud cover and the sky by clouds."""
    even, shape = desaturate(radiance, saturation), scene.label.shape
    clouds = 1 + 0.12 * fractal_noise(rng, shape, shape[0] / 2, octaves=4)
    clouds = 0.62 * clouds[..., None] * np.float32([0.97, 1.0, 1.04])
    is_sky = blur((scene.label == TRAIN_IDS['sky']).astype(np.float32), 0.6)[..., None]
    return np.float32(strength) * (even + (clouds - even) * is_sky)


def wet_ground(scene, radiance, rng):
    """Darker ground that mirrors what stands behind it, more so at grazing angles (Fresnel)."""
    height, width = shape = scene.label.shape
    ground = per_class(scene.label, road=1, sidewalk=1) > 0
    row = np.arange(height)[:, None]
    # Mirrored about the foot of whatever stands above a ground pixel in its column.
    foot = np.maximum.accumulate(np.where(ground, 0, row), axis=0)
    mirrored = radiance[np.clip(2 * foot - row, 0, height - 1), np.arange(width)]
    sigma_px = height / rng.uniform(30, 70)
    mirrored = cv2.GaussianBlur(mirrored, (0, 0), sigmaX=height / 120, sigmaY=sigma_px)
    grazing = 1 - 1.6 / np.hypot(1.6, scene.depth_m)
    fresnel = 0.03 + 0.97 * grazing ** 5
    puddle = np.clip(0.6 + 0.8 * fractal_noise(rng, shape, width / 6), 0.15, 1)
    reflectance = (uniform(rng, 0.6, 1.0) * np.clip(fresnel + 0.12, 0, 0.75) * puddle)[..., None]
    wet = radiance * uniform(rng, 0.45, 0.7) + (mirrored - 0.5 * radiance) * reflectance
    return np.where(ground[..., None], wet, radiance)


def falling(rng, shape, layers, slant, stretch):
    """Opacity (H, W, 1) of drops or flakes; layers are (count, size_px, opacity)."""
    opacity = np.zeros(shape, np.float32)
    for count, size_px, layer_opacity in layers:
        layer = np.zeros(shape, np.uint8)
        starts = rng.random((int(count), 2)) * shape[::-1]
        for start, scale in zip(starts, rng.uniform(0.6, 1.4, int(count))):
            end = start + stretch * size_px * scale * np.array((slant, 1))
            ends = (np.array((start, end)) * 16).astype(int).tolist()
            cv2.line(layer, *ends, 255, max(1, round(size_px * scale)), cv2.LINE_AA, 4)
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


def snow_cover(scene, rng):
    """Share of each pixel (H, W) that snow hides: ground by use, upper edges by thickness."""
    height, width = shape = scene.label.shape
    label, depth_m = scene.label, scene.depth_m
    amount = uniform(rng, 0.35, 1.0)
    # Wheels keep tracks free: drifts are long along the street and narrow across it.
    drifts = sample_noise(fractal_noise(rng, (128, 256), 24), metres_aside(depth_m) * 7,
                          depth_m * 1.5)
    patches = fractal_noise(rng, shape, width / 24)
    share = per_class(label, road=0.05, sidewalk=0.55, terrain=0.9)
    ground = share > 0
    cover = share + 0.5 * (amount - 0.5)
    cover += np.where(label == TRAIN_IDS['road'], 0.55 * drifts + 0.1, 0.3 * patches)
    cover = np.clip(cover * 1.6, 0, 1) * ground
    cover += (label == TRAIN_IDS['vegetation']) * np.clip(patches * 1.5 * amount, 0, 0.7)

    row = np.arange(height)[:, None]
    edge = np.vstack((depth_m[:1], depth_m[:-1])) > 1.08 * depth_m
    edge_row = np.maximum.accumulate(np.where(edge, row, -1), axis=0)
    same = (edge_row >= 0) & (np.take_along_axis(label, np.maximum(edge_row, 0), 0) == label)
    thickness_m = per_class(
        label, building=0.7, wall=0.15, fence=0.1, traffic_light=0.1, traffic_sign=0.06,
        vegetation=0.35, car=0.22, truck=0.22, bus=0.22, train=0.22)
    thickness_px = thickness_m * amount * np.float32(optics.FOCAL_PER_WIDTH * width) / depth_m
    return np.maximum(cover, same & ~ground & (row - edge_row < thickness_px))
