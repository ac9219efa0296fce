"""Run with TRITON_INTERPRET=1: the kernels' arithmetic on a CPU, held against the other paths.

Interpreted, a block takes as long whatever its size, so that blocks and images are small here.
"""
import importlib
import sys

import torch
from warps import folded_and_images

from mmseg_sympie.enhancer.fast import look, triton_look, triton_warp, warp_folded


def check_warp():
    triton_warp.ROWS, triton_warp.COLUMNS = 4, 32
    folded, images = folded_and_images()
    images = images[:, :, :6, :35]  # not whole blocks, not contiguous
    wanted = warp_folded(images, folded)
    last = images.contiguous(memory_format=torch.channels_last)
    for kind, given, dtype, bound in (
            ('uint8', images, torch.float32, 1e-5),
            ('float32', images.float(), torch.float32, 1e-5),
            ('channels_last', last, torch.float32, 1e-5), ('half', images, torch.float16, 2e-3)):
        found = triton_warp.warp_triton(given, folded, dtype)
        assert found.dtype == dtype and (found - wanted).abs().max() < bound, kind
        print(kind)


def check_look():
    paths = importlib.import_module('mmseg_sympie.enhancer.fast.look')
    paths.VIEW_SHORT_SIDE_PX, paths.VIEW_SIDE_PX = 26, 24
    triton_look.VIEW_SIDE_PX, triton_look.BLOCK = 24, 32
    images = torch.randint(0, 256, (2, 33, 3, 40), dtype=torch.uint8).transpose(1, 2)
    for kind, given in (('larger', images), ('itself', images[..., :24, :24].float()),
                        ('smaller', images[..., :9, :13])):
        found, wanted = triton_look.look_triton(given), look(given)
        assert found.thumbnail.shape == (2, 3, 24, 24), kind
        assert (found.thumbnail - wanted.thumbnail).abs().max() < 1e-3, kind
        assert (found.mean - wanted.mean).abs().max() < 1e-3, kind
        print(kind)


for name in sys.argv[1:]:
    dict(warp=check_warp, look=check_look)[name]()
