"""Procedural street scenes seen from a car, with pixel-exact labels and depth.

A scene is drawn back to front as flat polygons into a buffer of polygon ids at twice the final
resolution. Colour, label and depth are then looked up by id, so that all three share one geometry.
"""
from typing import NamedTuple

import cv2
import numpy as np

from mmseg_sympie.demo.canvas import Camera, Canvas
from mmseg_sympie.demo.classes import TRAIN_IDS
from mmseg_sympie.demo.layout import draw_street
from mmseg_sympie.demo.noise import fractal_noise, sample_noise

SUPERSAMPLING = 2


def render_street(seed: int, height: int = 192, width: int = 384) -> 'Scene':
    """Renders the street of this seed, (height, width) pixels; equal arguments, equal scenes."""
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


def shade(canvas, rng, overcast):
    """Looks up each pixel's polygon -> image (float32, 0..255), label, depth_m."""
    height, width = canvas.ids.shape
    camera, ids = canvas.camera, canvas.ids.astype(np.intp)
    table = np.ascontiguousarray(np.asarray(canvas.table, np.float32).T)
    labels, grains, grounds, at_zero, slope, least, most = table[3:]
    row = np.arange(height, dtype=np.float32)[:, None]
    column = np.arange(width, dtype=np.float32)[None]
    is_ground = (grounds > 0).take(ids)
    ground_m = camera.focal_px * camera.height_m / np.maximum(row - camera.horizon_px, 1e-3)

    grain = 0.6 * (rng.random((height, width), dtype=np.float32) * 2 - 1)
    grain += 0.8 * fractal_noise(rng, (height, width), 14, octaves=2)
    top = int(camera.horizon_px) + 1
    z, below = ground_m[top:], is_ground[top:]
    x = (column - np.float32(camera.centre_px)) * (z / np.float32(camera.focal_px))
    # Stains on the ground live in the world, so that perspective foreshortens them.
    grain[top:] += 1.2 * sample_noise(fractal_noise(rng, (256, 256), 32), x * 9, z * 5) * below
    light = 1 + grains.take(ids) * grain
    shadow = cv2.GaussianBlur(canvas.shadow[top:], (0, 0), 2.0)
    light[top:] -= light[top:] * below * shadow * np.float32(0.55 / 255 * canvas.sun_strength)
    joint = (np.mod(z, 1.1) < 0.08) | (np.mod(x, 0.8) < 0.05)
    light[top:] -= 0.14 * (joint & (z < 16) & (labels == TRAIN_IDS['sidewalk'])[ids[top:]])
    # Haze: colour * air + sky * (1 - air). The sky is smooth, so it is added after the reduction.
    range_m = rng.uniform(500, 1500)
    air = np.exp(-1 / (range_m * np.maximum((least + most) / 2, 1e-9))).take(ids)
    air = np.where(is_ground, np.exp(-ground_m / range_m), air)
    image = np.ascontiguousarray(table[:3].T).take(ids, axis=0)
    image *= (light * air)[..., None]
    size = width // SUPERSAMPLING, height // SUPERSAMPLING
    image, air = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (image, air))
    sky = draw_sky(rng, *size[::-1], camera.horizon_px / SUPERSAMPLING, overcast)
    image += sky * (1 - air[..., None])

    middle = slice(SUPERSAMPLING // 2, None, SUPERSAMPLING)
    ids, is_ground = ids[middle, middle], is_ground[middle, middle]
    inverse = np.clip(at_zero[ids] + slope[ids] * column[:, middle], least[ids], most[ids])
    with np.errstate(divide='ignore'):
        depth_m = np.where(is_ground, ground_m[middle], 1 / inverse)
    return image, labels.astype(np.uint8)[ids], depth_m.astype(np.float32)


def draw_sky(rng, height, width, horizon_px, overcast):
    """Sky (height, width, 3) float32: a vertical gradient and clouds."""
    zenith = np.float32([70, 125, 200]) * (1 - overcast) + np.float32([165, 172, 182]) * overcast
    horizon = np.float32([205, 220, 235]) * (1 - overcast) + np.float32([215, 217, 220]) * overcast
    height_above = np.clip(1 - np.arange(height) / horizon_px, 0, 1).astype(np.float32)
    blend = height_above[:, None, None] ** np.float32(0.7)
    sky = horizon + (zenith - horizon) * blend
    # Clouds are wider than high: seen from below, distance foreshortens them.
    clouds = fractal_noise(rng, (height, width // 2), rng.uniform(25, 60), octaves=4)
    clouds = cv2.resize(clouds, (width, height))[..., None]
    offset = np.float32(rng.uniform(-0.7, 0.4))
    cover = np.clip((clouds + offset) * 2.2, 0, 1) * (0.3 + 0.55 * blend)
    return sky + (np.float32([244, 245, 247]) - np.float32(45 * overcast) - sky) * cover


class Scene(NamedTuple):
    """One labelled view.

    image: (H, W, 3) uint8, RGB. label: (H, W) uint8, Cityscapes train ids, 255 = ignore.
    depth_m: (H, W) float32, distance along the optical axis in metres, infinite for the sky.
    """
    image: np.ndarray
    label: np.ndarray
    depth_m: np.ndarray
