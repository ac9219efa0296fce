"""What air, lens and sensor do to light; radiance is (H, W, 3) float32, 1 is full exposure."""
import cv2
import numpy as np

GAMMA = 2.2
CONTRAST_THRESHOLD = 0.05  # Koschmieder: contrast is down to this at the visibility
FOCAL_PER_WIDTH = 0.76     # the renderer's mean focal length in image widths


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


def blur(image, sigma_px):
    """Gaussian blur; sigma in pixels."""
    return cv2.GaussianBlur(image, (0, 0), float(sigma_px))


def desaturate(radiance, saturation):
    """Colours drawn towards grey: 1 leaves them, 0 takes them away."""
    grey = radiance.mean(-1, keepdims=True)
    return grey + (radiance - grey) * np.float32(saturation)


def scatter(radiance, depth_m, airlight, visibility_m, density=1.0):
    """Attenuation exp(-beta * depth) towards the airlight (3,)."""
    beta = -np.log(CONTRAST_THRESHOLD) / visibility_m
    transmission = np.exp(-np.float32(beta) * density * depth_m)[..., None]
    return radiance * transmission + airlight * (1 - transmission)


def metres_aside(depth_m):
    """Distance (H, W) of every pixel from the camera's axis, positive to the right."""
    width = depth_m.shape[1]
    column = np.arange(width, dtype=np.float32)
    return (column - width / 2) / np.float32(FOCAL_PER_WIDTH * width) * depth_m
