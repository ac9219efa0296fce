"""Images and a folded warp for the tests of the fast path."""
import torch

from mmseg_sympie.enhancer import WarpParameters
from mmseg_sympie.enhancer.fast import PixelFormat, fold
from mmseg_sympie.normalization import IMAGENET_RGB_255


def noise_255(height, width, count=1, brightest=256):
    generator = torch.Generator().manual_seed(height + width)
    return torch.randint(brightest, (count, 3, height, width), dtype=torch.uint8,
                         generator=generator)


def folded_and_images(order='bgr', exponents=None):
    vector = WarpParameters.identity(2).join()
    vector += 0.2 * torch.randn(vector.shape, generator=torch.Generator().manual_seed(0))
    parameters = WarpParameters.split(vector)
    if exponents is not None:
        parameters = parameters._replace(exponent=torch.tensor(exponents))
    folded = fold(parameters, order, PixelFormat('rgb', IMAGENET_RGB_255))
    return folded, noise_255(140, 270, count=2)
