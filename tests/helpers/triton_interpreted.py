"""Run with TRITON_INTERPRET=1: the kernels' arithmetic on a CPU, held against the other paths.

Interpreted, a block takes as long whatever its size, so that blocks and images are small here.
"""
import sys

import torch
from warps import folded_and_images

from mmseg_sympie.enhancer import thumbnail
from mmseg_sympie.enhancer.backends import reference, triton_kernels


def check_warp():
    triton_kernels.ROWS, triton_kernels.COLUMNS = 4, 32
    folded, images = folded_and_images()
    images = images[:, :, :6, :35]  # not whole blocks, not contiguous
    wanted = reference.warp(images, folded)
    last = images.contiguous(memory_format=torch.channels_last)
    for kind, given, dtype, bound in (
            ('uint8', images, torch.float32, 1e-5),
            ('float32', images.float(), torch.float32, 1e-5),
            ('channels_last', last, torch.float32, 1e-5), ('half', images, torch.float16, 2e-3)):
        found = triton_kernels.warp(given, folded, dtype)
        assert found.dtype == dtype and (found - wanted).abs().max() < bound, kind
        print(kind)
    toned = folded_and_images(exponents=[[0.5, 0.7, 0.6], [1.5, 1.2, 1.0]])[0]
    found, wanted = (module.warp(images, toned) for module in (triton_kernels, reference))
    assert (found - wanted).abs().max() < 1e-5
    assert (wanted - reference.warp(images, folded)).abs().max() > 0.1
    print('toned')


def check_thumbnail():
    thumbnail.VIEW_SHORT_SIDE_PX, thumbnail.VIEW_SIDE_PX = 26, 24
    triton_kernels.VIEW_SIDE_PX, triton_kernels.BLOCK = 24, 32
    images = torch.randint(0, 256, (2, 33, 3, 40), dtype=torch.uint8).transpose(1, 2)
    for kind, given in (('larger', images), ('itself', images[..., :24, :24].float()),
                        ('smaller', images[..., :9, :13]), ('strip', images[..., :4, :])):
        found, wanted = (module.thumbnail_and_mean(given) for module in (triton_kernels, reference))
        assert found.thumbnail.shape == (2, 3, 24, 24), kind
        assert (found.thumbnail - wanted.thumbnail).abs().max() < 1e-3, kind
        assert (found.mean - wanted.mean).abs().max() < 1e-3, kind
        print(kind)


for name in sys.argv[1:]:
    dict(warp=check_warp, thumbnail=check_thumbnail)[name]()
