"""Results of every enhancer and corruption, to compare with and without Numba."""
import torch

from mmseg_sympie.corruptions import POOL
from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.normalization import IMAGENET_RGB_255

ENHANCERS = dict(sympie=dict(), matched=dict(source='cityscapes'),
                 levels=dict(enhancer=dict(type='Levels')))


def outputs():
    """Every enhancer's and every corruption's result for the same images."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 120, (2, 3, 97, 131), dtype=torch.uint8, generator=generator)
    found = {}
    for name, options in ENHANCERS.items():
        preprocessor = SyMPIEDataPreprocessor(**options, **IMAGENET_RGB_255._asdict())
        found[name] = preprocessor(dict(inputs=images, data_samples=None))['inputs']
    for name, corruption in POOL.items():
        found[name] = corruption(images / 255, torch.tensor([2, 5]), generator.manual_seed(1))
    return found
