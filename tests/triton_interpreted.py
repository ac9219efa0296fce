"""Run with TRITON_INTERPRET=1: the kernel's arithmetic on a CPU, held against PyTorch's."""
import torch
from test_fast import folded_and_images

from mmseg_sympie.enhancer.fast import warp_folded
from mmseg_sympie.enhancer.fast.triton_warp import warp_triton

folded, images = folded_and_images()
images = images[:, :, :19]  # not a whole number of blocks, not contiguous
wanted = warp_folded(images, folded)
for kind, given, dtype, bound in (
        ('uint8', images, torch.float32, 1e-5), ('float32', images.float(), torch.float32, 1e-5),
        ('channels_last', images.contiguous(memory_format=torch.channels_last), torch.float32,
         1e-5),
        ('half', images, torch.float16, 2e-3)):
    found = warp_triton(given, folded, dtype)
    assert found.dtype == dtype and (found - wanted).abs().max() < bound, kind
    print(kind)
