"""Run with TRITON_INTERPRET=1: a kernel's arithmetic on a CPU, held against the other paths."""
import sys

import torch
from test_fast import folded_and_images

from mmseg_sympie.enhancer.fast import look, warp_folded
from mmseg_sympie.enhancer.fast.triton_look import BLOCK, look_triton
from mmseg_sympie.enhancer.fast.triton_warp import COLUMNS, warp_triton


def check_warp():
    folded, images = folded_and_images()
    images = images[:, :, :19, :COLUMNS + 9]  # not whole blocks of rows and columns, not contiguous
    wanted = warp_folded(images, folded)
    for kind, given, dtype, bound in (
            ('uint8', images, torch.float32, 1e-5),
            ('float32', images.float(), torch.float32, 1e-5),
            ('channels_last', images.contiguous(memory_format=torch.channels_last), torch.float32,
             1e-5),
            ('half', images, torch.float16, 2e-3)):
        found = warp_triton(given, folded, dtype)
        assert found.dtype == dtype and (found - wanted).abs().max() < bound, kind
        print(kind)


def check_look():
    images = torch.randint(0, 256, (2, 240, 3, BLOCK + 9), dtype=torch.uint8).transpose(1, 2)
    for kind, given in (('larger', images[:1]), ('itself', images[..., :224, :224].float()),
                        ('smaller', images[:1, :, :30, :40])):
        found, wanted = look_triton(given), look(given)
        assert (found.thumbnail - wanted.thumbnail).abs().max() < 1e-3, kind
        assert (found.mean - wanted.mean).abs().max() < 1e-3, kind
        print(kind)


dict(warp=check_warp, look=check_look)[sys.argv[1]]()
