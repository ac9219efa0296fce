"""The fast path against the reference, on every kind of image, and when it is taken."""
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
from commands import ROOT
from mmengine.dataset import pseudo_collate
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from warps import folded_and_images, noise_255

from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.datasets import CamVidDataset
from mmseg_sympie.enhancer import NEM, SyMPIE, WarpParameters, view
from mmseg_sympie.enhancer.backends import backend, compiled, reference, thumbnail_and_mean
from mmseg_sympie.enhancer.backends.result_memory import empty_result, forget_results
from mmseg_sympie.enhancer.fast import FastSyMPIE
from mmseg_sympie.enhancer.folding import FoldedWarp, PixelFormat, fold
from mmseg_sympie.enhancer.inference_network import PackedConv2d, inference_network, pack_weights
from mmseg_sympie.enhancer.pretrained import convert_published_enhancer
from mmseg_sympie.enhancer.thumbnail import VIEW_SIDE_PX
from mmseg_sympie.io.checkpoints import load_weights
from mmseg_sympie.io.config import load_config
from mmseg_sympie.normalization import IMAGENET_RGB, IMAGENET_RGB_255, ChannelStatistics
from mmseg_sympie.runtime.parallel import num_threads

VECTORS = np.load(golden.DATA / 'enhancer.npz')
GOLDEN = convert_published_enhancer(golden.published_enhancer(), 'golden')
NORMALISATION = IMAGENET_RGB_255._asdict()
RANGE_OF_NORMALISED = 255 / 57.12
SIZES = [(1, 1), (3, 7), (97, 131), (224, 224), (270, 481), (333, 250), (60, 500)]


def build(precision='float32', **kwargs):
    return SyMPIEDataPreprocessor(**{'checkpoint': GOLDEN, 'precision': precision, **NORMALISATION,
                                     **kwargs})


def result(preprocessor, images):
    return preprocessor(dict(inputs=images, data_samples=None))['inputs']


def by_reference(preprocessor, images):
    """Images of float64 take the reference path."""
    assert not FastSyMPIE.supports(torch.zeros(1, dtype=torch.float64))
    return result(preprocessor, images.double())


# The result is the reference's.

@pytest.mark.slow
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('order', [dict(bgr_to_rgb=True), dict(rgb_to_bgr=True), dict(),
                                   dict(channel_order='rgb')])
def test_equals_the_reference(size, order):
    preprocessor = build(**order)
    images = noise_255(*size, count=2)
    found, wanted = result(preprocessor, images), by_reference(preprocessor, images)
    assert found.dtype == torch.float32 and found.shape == images.shape
    assert (found - wanted).abs().max() < 2e-5 * RANGE_OF_NORMALISED


@pytest.mark.slow
@pytest.mark.parametrize('size', SIZES)
def test_parameters_equal_the_reference(size):
    sympie = SyMPIE(GOLDEN, min_mean_255=110, min_contrast_255=100).eval()
    images = noise_255(*size, count=2, brightest=128)
    with torch.no_grad():
        wanted = sympie.predict(IMAGENET_RGB.standardise(images.flip(1).float() / 255)).join()
        for precision, bound in ((torch.float32, 1e-4), (torch.bfloat16, 1e-2)):
            found = FastSyMPIE(sympie, 'bgr', precision).predict(images).join()
            assert ((found - wanted).abs() / wanted.abs().clamp(min=1)).max() < bound


@pytest.mark.parametrize('name', ['land', 'port', 'small'])
def test_equals_the_published_implementation(name):
    height, width = dict(land=(270, 481), port=(333, 250), small=(97, 131))[name]
    fast = FastSyMPIE(SyMPIE(GOLDEN).eval(), 'rgb', torch.float32)
    image = golden.image_255(height, width)[None]
    assert np.abs(fast.predict(image).join().numpy() - VECTORS[f'{name}_params']).max() < 1e-4
    found = fast(image, PixelFormat('rgb', IMAGENET_RGB_255))[0, :, ::7, ::7].numpy()
    assert np.abs(found - VECTORS[f'{name}_clamped_s7'].squeeze()).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize('minima', [{}, dict(min_mean_255=110, min_contrast_255=90)])
@pytest.mark.parametrize('iterations', [1, 3])
def test_shipped_weights_in_half_precision(minima, iterations):
    """The bound of the output is what a user may rely on: 2e-3 of its range."""
    preprocessor = build('bfloat16', checkpoint=None, bgr_to_rgb=True, enhancer=dict(
        type='SyMPIE', iterations=iterations, **minima))
    images = golden.image_255(270, 481)[None] // 3
    difference = (result(preprocessor, images) - by_reference(preprocessor, images)).abs().max()
    assert difference < 2e-3 * RANGE_OF_NORMALISED


def test_behind_another_enhancer():
    preprocessor = build(checkpoint=None, enhancer=[
        dict(type='MeanMatch', target=200), dict(type='SyMPIE', checkpoint=GOLDEN)])
    images = noise_255(60, 80, count=2)
    difference = (result(preprocessor, images) - by_reference(preprocessor, images)).abs().max()
    assert difference < 2e-5 * RANGE_OF_NORMALISED


def test_without_normalisation_the_enhanced_image_comes_out():
    preprocessor = SyMPIEDataPreprocessor(checkpoint=NEM().state_dict())
    images = noise_255(60, 80)
    assert (result(preprocessor, images) - images).abs().max() < 0.01


@pytest.mark.parametrize('size', [*SIZES, (1080, 1920), (1920, 1080), (500, 1999), (1, 3000),
                                  (2801, 7)])
def test_thumbnail_and_mean(size):
    images = noise_255(*size, count=2)
    found = thumbnail_and_mean(images)
    assert (found.thumbnail - view(images.float())).abs().max() < 1e-3
    assert (found.mean[:, 0] - images.double().mean(dim=(1, 2, 3))).abs().max() < 1e-4


@pytest.mark.parametrize('module', [compiled, reference])
def test_mean_by_hand(module):
    images = torch.zeros(2, 3, 5, 4, dtype=torch.uint8)
    images[1, 0] = 90  # one channel of three
    images[1, 2, 0, 0] = 120  # one value of sixty
    assert module.thumbnail_and_mean(images).mean.tolist() == [[0], [32]]
    assert module.thumbnail_and_mean(images.float() / 2).mean.tolist() == [[0], [16]]


@pytest.mark.parametrize('weights', [GOLDEN, None])
def test_packed_weights_give_the_same(weights):
    if not PackedConv2d.available():
        pytest.skip('this PyTorch does not pack weights')
    network = inference_network(SyMPIE(weights).nem, torch.float32)
    view = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    wanted = network(view)
    packed = pack_weights(network)
    assert sum(isinstance(module, PackedConv2d) for module in packed.modules()) == 1 + 2 * 3
    torch.testing.assert_close(packed(view), wanted, rtol=0, atol=1e-5)


def test_without_packed_weights(monkeypatch):
    monkeypatch.setattr(PackedConv2d, 'available', lambda: False)
    fast = FastSyMPIE(SyMPIE(GOLDEN).eval(), precision=torch.float32)
    images = noise_255(60, 80)
    with torch.no_grad():
        wanted = fast.enhancer.predict(IMAGENET_RGB.standardise(images.flip(1) / 255)).join()
    torch.testing.assert_close(fast.predict(images).join(), wanted, rtol=0, atol=1e-4)
    assert not any(isinstance(module, PackedConv2d)
                   for network in fast.networks.values() for module in network.modules())


def test_a_real_segmentor_decides_the_same(real_data, demo_segmentor):
    """Streets of CamVid at dusk through a trained DeepLabV2: 99.9% of the pixels."""
    cfg = load_config(str(ROOT / 'configs/demo_sympie.py'))
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model).eval()
    load_weights(model, demo_segmentor, 'segmentor', '')
    dataset = CamVidDataset(data_root=str(real_data / 'camvid'), split='train',
                            sequences=['0001TP'], pipeline=cfg.test_pipeline)
    same = []
    for index in range(0, len(dataset), 20):
        data = model.data_preprocessor(pseudo_collate([dataset[index]]))
        raw = dataset[index]['inputs'][None]
        with torch.no_grad():
            both = data['inputs'], by_reference(model.data_preprocessor, raw)
            fast, slow = (model.encode_decode(images, [data['data_samples'][0].metainfo]).argmax(1)
                          for images in both)
        same.append((fast == slow).float().mean().item())
    assert len(same) >= 3 and np.mean(same) >= 0.999


# One folded warp by three backends.

def test_folded_warp_by_hand():
    """Red from blue and a half more of it; outside the image is what the shift turns into 0."""
    matrix = torch.zeros(1, 3, 3)
    matrix[0, 2, 0] = 1.5  # row = input channel
    kernel = torch.zeros(1, 5, 5)
    kernel[0, 2, 1] = 1  # takes the left neighbour
    shift = torch.tensor([[0.0, 0.0, 1.0]])
    folded = fold(WarpParameters(matrix, shift, kernel), 'rgb',
                  PixelFormat('rgb', ChannelStatistics((10.0, 0.0, 0.0), (2.0, 1.0, 1.0))))
    image = torch.tensor([100, 50, 130]).view(1, 3, 1, 1).expand(1, 3, 1, 2).byte()
    blue = (130 / 255 - 0.406) / 0.225 + 1  # standardised and shifted
    inside = (255 * (1.5 * blue * 0.229 + 0.485) - 10) / 2
    outside = (255 * 0.485 - 10) / 2
    for module in (reference, compiled):
        found = module.warp(image, folded)[0, :, 0]
        assert found[0].tolist() == pytest.approx([outside, inside], abs=1e-3)
        assert found[1].tolist() == pytest.approx([255 * 0.456] * 2, abs=1e-3)


@pytest.mark.parametrize('threads', [1, 2])
@pytest.mark.parametrize('kind', ['uint8', 'float32', 'channels_last', 'transposed'])
@pytest.mark.parametrize('exponents', [None, [[0.5, 0.7, 0.6], [1.5, 1.2, 1.0]]])
def test_compiled_equals_pytorch(kind, threads, exponents):
    folded, images = folded_and_images(exponents=exponents)
    wanted = reference.warp(images, folded)
    images = {'uint8': images, 'float32': images.float(),
              'channels_last': images.contiguous(memory_format=torch.channels_last),
              'transposed': images.transpose(2, 3).contiguous().transpose(2, 3)}[kind]
    with num_threads(threads):
        found = compiled.warp(images, folded)
    assert (found - wanted).abs().max() < 1e-5
    assert (reference.warp(images, folded) - wanted).abs().max() < 1e-5


@pytest.mark.slow
def test_triton_equals_the_others_in_its_interpreter():
    triton = pytest.importorskip('triton')
    kinds = dict(warp=['uint8', 'float32', 'channels_last', 'half', 'toned'],
                 thumbnail=['larger', 'itself', 'smaller', 'strip'])
    if triton.__version__.startswith('3.4.'):
        del kinds['thumbnail']  # With NumPy 2.4, its interpreter cannot loop up to an argument.
    outcome = subprocess.run(
        [sys.executable, Path(__file__).parent / 'helpers/triton_interpreted.py', *kinds],
        capture_output=True, text=True, env={**os.environ, 'TRITON_INTERPRET': '1'})
    assert outcome.returncode == 0, outcome.stderr
    wanted = sum(kinds.values(), [])
    assert outcome.stdout.split()[-len(wanted):] == wanted


@pytest.mark.slow
@pytest.mark.parametrize('capability', [75, 90])
@pytest.mark.parametrize('kernel,kinds', [
    ('warp', dict(image='*u8', out='*fp16')), ('warp', dict(image='*u8', out='*fp32')),
    ('warp', dict(image='*fp32', out='*bf16')), ('thumbnail', dict(image='*u8')),
    ('thumbnail', dict(image='*fp32'))])
def test_triton_compiles_and_registers_suffice(kernel, kinds, capability, tmp_path):
    """As for contiguous images, on Nvidia's Turing and Hopper, neither of which it needs."""
    triton = pytest.importorskip('triton')
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from mmseg_sympie.enhancer.backends import triton_kernels
    function = getattr(triton_kernels, f'_{kernel}_kernel')
    numbers = dict(SIDE=VIEW_SIDE_PX, stride_x=1, image_stride_x=1, out_stride_x=1)
    numbers.update({name: number for name, number in vars(triton_kernels).items()
                    if name.isupper()})
    numbers = {name: numbers[name] for name in function.arg_names if name in numbers}
    floats = (*FoldedWarp._fields, 'row_weight', 'column_weight', 'thumbnail', 'sums')
    kinds = {**dict.fromkeys(floats, '*fp32'), **dict.fromkeys(numbers, 'constexpr'),
             **dict.fromkeys(('first_row', 'first_column'), '*i32'), **kinds}
    binary = triton.compile(
        ASTSource(function, {name: kinds.get(name, 'i32') for name in function.arg_names}, numbers),
        target=GPUTarget('cuda', capability, 32),
        options=dict(num_warps=triton_kernels.NUM_WARPS if kernel == 'warp' else 4))
    file = tmp_path / 'kernel.cubin'
    file.write_bytes(binary.asm['cubin'])
    tool = Path(triton.__file__).parent / 'backends' / 'nvidia' / 'bin' / 'cuobjdump'
    usage = subprocess.run([tool, '-res-usage', file], capture_output=True, text=True).stdout
    assert 'REG:' in usage and 'STACK:0 ' in usage, usage


def test_backend_of_a_device():
    assert backend(torch.device('cpu')) is compiled
    assert backend(torch.device('meta')) is reference


# When it is taken, and what becomes of its memory.

def test_what_it_does_not_know_takes_the_reference():
    image = torch.zeros(1, 3, 4, 4)
    assert FastSyMPIE.supports(image) and FastSyMPIE.supports(image.byte())
    assert not FastSyMPIE.supports(image[:0])
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert not FastSyMPIE.supports(torch.zeros(1, 3, 4, 4, dtype=dtype))


@pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning')
@pytest.mark.parametrize('source', [None, 'cityscapes'])
def test_a_program_that_is_traced_depends_on_the_image(source):
    preprocessor = SyMPIEDataPreprocessor(source=source)
    image, other = noise_255(40, 50), noise_255(40, 50, brightest=60)
    traced = torch.jit.trace(lambda images: preprocessor.enhance(images), image, check_trace=False)
    torch.testing.assert_close(traced(other), preprocessor.enhance(other), rtol=0, atol=0.5)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_odd_types_give_the_same(dtype):
    preprocessor = build()
    images = noise_255(40, 50, count=2)  # whole numbers up to 255 are exact in all of them
    difference = (result(preprocessor, images.to(dtype)) - result(preprocessor, images)).abs()
    assert difference.max() < 2e-5 * RANGE_OF_NORMALISED


def test_no_images_and_gradients():
    preprocessor = build(checkpoint=None, enhancer=dict(
        type='SyMPIE', checkpoint=GOLDEN, min_mean_255=110, min_contrast_255=50))
    images = noise_255(40, 50).float().requires_grad_()
    assert preprocessor.enhance(images[:0]).shape == (0, 3, 40, 50)
    with torch.enable_grad():
        assert not result(preprocessor, images).requires_grad  # frozen, as ever
        enhanced = preprocessor.enhancers[0](images / 255)
        assert torch.autograd.grad(enhanced.sum(), images)[0].abs().sum() > 0


def test_a_result_is_not_overwritten_while_a_part_of_it_is_held():
    forget_results()
    preprocessor = build()
    held = result(preprocessor, noise_255(40, 50))[:, :1, 3:]
    before, address = held.clone(), held.untyped_storage().data_ptr()
    others = [result(preprocessor, noise_255(40, 50) // (2 + i)) for i in range(3)]
    assert torch.equal(held, before)
    assert len({address, *(other.untyped_storage().data_ptr() for other in others)}) == 4


def test_memory_of_a_result_is_used_again():
    forget_results()
    result = empty_result((1, 3, 40, 50))
    address = result.data_ptr()
    part = result[0, 1]
    del result
    assert empty_result((1, 3, 40, 50)).data_ptr() != address
    del part
    assert address in [each.data_ptr() for each in [empty_result((1, 3, 40, 50))
                                                     for _ in range(2)]]


def test_memory_beyond_the_results_is_less_than_an_image():
    folded, _ = folded_and_images()
    image = noise_255(1080, 1920, count=2)
    full_resolution = 4 * 3 * 1080 * 1920
    forget_results()
    tracemalloc.start()
    try:
        compiled.warp(image, folded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 2 * full_resolution <= peak < 3 * full_resolution


def test_two_enhancers_do_not_share_a_network():
    images = noise_255(40, 50)
    shipped, own = (result(build(checkpoint=checkpoint), images)
                    for checkpoint in (None, GOLDEN))
    assert (shipped - own).abs().max() > 0.1


def test_a_subclass_with_its_own_forward_is_asked():
    class Half(SyMPIE):
        def forward(self, image):
            return image / 2

    preprocessor = SyMPIEDataPreprocessor(enhancer=dict(type=Half), **NORMALISATION)
    images = noise_255(40, 50)
    wanted = (images / 2 - preprocessor.mean) / preprocessor.std
    assert (result(preprocessor, images) - wanted).abs().max() < 1e-4


def test_without_its_enhancers_a_preprocessor_still_normalises():
    preprocessor = build()
    images = noise_255(40, 50)
    wanted = (images - preprocessor.mean) / preprocessor.std
    with preprocessor.without_enhancers():
        assert (result(preprocessor, images) - wanted).abs().max() < 1e-4
    assert (result(preprocessor, images) - wanted).abs().max() > 1e-2


def test_precision_is_a_setting():
    images = noise_255(40, 50)
    found = {precision: result(build(precision, checkpoint=None), images)
             for precision in ('float32', 'bfloat16', 'float16')}
    assert 0 < (found['float16'] - found['float32']).abs().max() < 2e-3 * RANGE_OF_NORMALISED
    assert not torch.equal(found['bfloat16'], found['float32'])
    with pytest.raises(ValueError, match="got 'half'"):
        build('half')


def test_one_or_many_images_of_a_size_are_not_copied_after_the_warp():
    for count in (1, 3):
        forget_results()
        found = result(build(), list(noise_255(40, 50, count)))
        assert found.shape == (count, 3, 40, 50)
        address = found.data_ptr()
        del found
        assert empty_result((count, 3, 40, 50)).data_ptr() == address


@pytest.mark.slow
@pytest.mark.parametrize('how', [dict(), dict(enhancer=dict(type='MeanMatch'), checkpoint=None),
                                 dict(test_cfg=dict(size_divisor=32))])
def test_output_in_half_precision(how):
    images = noise_255(40, 50, count=2)
    data = dict(inputs=list(images), data_samples=[SegDataSample(), SegDataSample()])
    found, wanted = (build(output_dtype=dtype, **how)(data)['inputs']
                     for dtype in ('float16', 'float32'))
    assert found.dtype == torch.float16 and wanted.dtype == torch.float32
    assert (found - wanted).abs().max() < 2e-3
    with pytest.raises(ValueError, match="output_dtype .* got 'half'"):
        build(output_dtype='half')
