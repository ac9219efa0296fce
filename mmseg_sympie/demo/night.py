"""Night: the scene lit by street lamps and headlights, with its own lamps and windows shining."""
import cv2
import numpy as np

from mmseg_sympie.demo.classes import TRAIN_IDS
from mmseg_sympie.demo.optics import FOCAL_PER_WIDTH, GAMMA, blur, develop, metres_aside, uniform

SODIUM, LED = np.array([[1.0, 0.65, 0.3], [1.0, 0.96, 0.88]], np.float32)
MOONLIGHT, WINDOW = np.array([[0.55, 0.62, 0.9], [1.0, 0.78, 0.45]], np.float32)
RED = (1.0, 0.06, 0.04)


def night(scene, radiance, rng):
    """Image (H, W, 3) uint8 of the scene at night, from its radiance by day."""
    height = scene.label.shape[0]
    illumination, glow = illuminate(scene, rng)
    sky = uniform(rng, 0.3, 0.9) * glow
    lit = np.where((scene.label == TRAIN_IDS['sky'])[..., None], sky, radiance * illumination)
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


def illuminate(scene, rng):
    """Irradiance (H, W, 3) of sky glow, street lamps and the own headlights, and the glow (3,)."""
    height, width = scene.label.shape
    depth_m, x = scene.depth_m, metres_aside(scene.depth_m)
    road_rows = np.nonzero((scene.label == TRAIN_IDS['road']).any(1))[0]
    horizon = road_rows[0] if road_rows.size else height * 0.45
    row = np.arange(height, dtype=np.float32)[:, None]
    y = (horizon - row).astype(np.float32) / np.float32(FOCAL_PER_WIDTH * width) * depth_m
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


def emitted_light(scene, radiance, rng):
    """Radiance (H, W, 3) of lamps, windows, vehicle lights and signals, seen directly."""
    height, width = scene.label.shape
    light = np.zeros_like(radiance)
    lamp = (SODIUM if rng.random() < 0.6 else LED).tolist()
    is_pole = scene.label == TRAIN_IDS['pole']
    for left, top, extent, tall, _ in regions(is_pole):
        # A pole that leaves the image at the top has its lamp outside.
        if top > 2 and tall > 0.12 * height:
            rows, columns = np.nonzero(is_pole[top:top + 2, left:left + extent])
            depth_m = scene.depth_m[top + rows[0], left + columns[0]]
            radius = int(np.clip(0.3 * FOCAL_PER_WIDTH * width / depth_m, 1, 4))
            cv2.circle(light, (int(left + columns.mean()), int(top + 1)), radius, lamp, -1)
    for name in ('car', 'truck', 'bus', 'train'):
        for left, top, extent, tall, area in regions(scene.label == TRAIN_IDS[name]):
            if area < 12 or left == 0 or left + extent == width:
                continue
            middle = radiance[top + int(0.4 * tall):top + int(0.9 * tall), left:left + extent]
            colour = LED.tolist() if middle.size and is_oncoming(middle) else RED
            radius = max(1, int(min(extent, tall) * 0.05))
            for share in (0.14, 0.86):
                centre = int(left + share * extent), int(top + 0.66 * tall)
                cv2.circle(light, centre, radius, colour, -1)
    # Rooms are lit in blocks; panes are the dark and bluish parts of a facade.
    blocks = rng.random((height // 8 + 1, width // 8 + 1)) < rng.uniform(0.08, 0.4)
    room = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
    grey = radiance.mean(-1)
    pane = (grey < 0.8 * blur(grey, height / 24)) & (radiance[..., 2] > 1.02 * radiance[..., 0])
    window = (scene.label == TRAIN_IDS['building']) & room & pane & (scene.depth_m < 120)
    light[window] = WINDOW * uniform(rng, 0.15, 0.5)
    signal = (scene.label == TRAIN_IDS['traffic_light']) & (radiance.max(-1) > 0.35)
    light[signal] = radiance[signal] * 1.2
    return light


def regions(mask):
    """(left, top, width, height, area) in pixels of each connected region."""
    return cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:]


def is_oncoming(vehicle):
    """Whether a crop (h, w, 3) of a vehicle's lower half has white lamps rather than red ones."""
    red = (vehicle[..., 0] > 0.15) & (vehicle[..., 0] > 3 * vehicle[..., 1])
    quarter = vehicle.shape[1] // 4 + 1
    sides = np.concatenate((vehicle[:, :quarter], vehicle[:, -quarter:]), axis=1)
    # Red over a large share is the paint, not the lamps.
    return not 0.005 < red.mean() < 0.25 and bool((sides.min(-1) > 0.5).any())
