"""The enhancer against the published implementation's outputs, and against numbers by hand."""
import subprocess
import sys

import golden
import numpy as np
import pytest
import torch
import torchvision.transforms.functional as TF

from mmseg_sympie.enhancer import (
    NEM,
    MeanMatch,
    SyMPIE,
    WarpParameters,
    clamp_to_image_range,
    view,
    warp,
)
from mmseg_sympie.enhancer.levels import levels
from mmseg_sympie.enhancer.pretrained import convert_published_enhancer
from mmseg_sympie.enhancer.thumbnail import _central
from mmseg_sympie.normalization import IMAGENET_RGB
from mmseg_sympie.runtime.device_constants import constant

VECTORS = np.load(golden.DATA / 'enhancer.npz')
SIZES = dict(land=(270, 481), port=(333, 250), small=(97, 131))


@pytest.fixture(scope='module')
def sympie() -> SyMPIE:
    return SyMPIE(convert_published_enhancer(golden.published_enhancer(), 'golden')).eval()


def noise(count: int) -> torch.Tensor:
    """Images (B, 3, 224, 224) on [0, 1] of standard deviation 0.29."""
    return torch.rand(count, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def assert_near(found: torch.Tensor, wanted: np.ndarray, tolerance: float) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found.detach().numpy() - wanted).max() <= tolerance


@pytest.mark.parametrize('name', SIZES)
@torch.no_grad()
def test_equals_published_implementation(sympie, name):
    image = golden.standardised(*SIZES[name])
    assert_near(view(image)[:, :, ::7, ::7], VECTORS[f'{name}_view_s7'], 1e-4)
    parameters = sympie.predict(image)
    assert_near(parameters.join(), VECTORS[f'{name}_params'], 1e-4)
    warped = warp(image, parameters)
    assert_near(warped[:, :, ::7, ::7], VECTORS[f'{name}_warped_s7'], 1e-4)
    border = torch.cat([warped[:, :, :3].flatten(), warped[:, :, :, -3:].flatten()])
    assert_near(border, VECTORS[f'{name}_warped_border'], 1e-4)
    clamped = clamp_to_image_range(warped)
    assert_near(clamped[:, :, ::7, ::7], VECTORS[f'{name}_clamped_s7'], 1e-4)


@pytest.mark.parametrize('iterations,vector', [(1, 'clamped'), (2, 'twice')])
@torch.no_grad()
def test_module_equals_published_applications(sympie, iterations, vector):
    repeated = SyMPIE(sympie.nem.state_dict(), iterations).eval()
    enhanced = repeated(golden.image_255(*SIZES['land'])[None].float() / 255)
    assert_near(IMAGENET_RGB.standardise(enhanced)[:, :, ::7, ::7], VECTORS[f'land_{vector}_s7'],
                1e-4)


def test_every_image_of_a_batch_has_its_own_parameters():
    images = torch.cat([golden.standardised(64, 80, phase) for phase in range(3)])
    vectors = np.stack([golden.wave((37,), 100 + i, 0.2) for i in range(3)])
    parameters = WarpParameters.split(torch.from_numpy(vectors + golden.identity_vector()))
    assert_near(parameters.join(), VECTORS['batch_params'], 1e-6)
    assert_near(warp(images, parameters), VECTORS['batch_warped'], 1e-5)


def test_split_names_the_numbers_in_their_published_order():
    parts = WarpParameters.split(torch.arange(37.)[None])
    assert parts.matrix[0, 1].tolist() == [3, 4, 5]
    assert parts.shift[0].tolist() == [9, 10, 11]
    assert parts.kernel[0, 0].tolist() == [12, 13, 14, 15, 16]


def test_warp_by_hand():
    # One pixel: only the kernel's centre (2) meets it. Shift 1, so x1 = (2, 3, 4).
    matrix = torch.tensor([[[1., 0, 0], [0, 1, 0], [10, 0, 1]]])  # blue in adds to red out
    kernel = torch.zeros(1, 5, 5)
    kernel[0, 2, 2] = 2
    image = torch.tensor([1., 2, 3]).view(1, 3, 1, 1)
    warped = warp(image, WarpParameters(matrix, torch.ones(1, 3), kernel))
    assert warped.flatten().tolist() == [2 * (2 + 10 * 4), 2 * 3, 2 * 4]


def test_filter_is_a_cross_correlation_and_the_border_is_zero_after_the_shift():
    kernel = torch.zeros(1, 5, 5)
    kernel[0, 2, 3] = 1  # the right neighbour
    identity = WarpParameters.identity()
    image = torch.tensor([[1., 2, 3]]).expand(1, 3, 1, 3)
    warped = warp(image, WarpParameters(identity.matrix, torch.full((1, 3), 5.), kernel))
    assert warped[0, 0, 0].tolist() == [7, 8, 0]


def test_gradients_in_float64():
    image = torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    vector = (torch.rand(2, 37, dtype=torch.float64) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, p: warp(x, WarpParameters.split(p)), (image, vector))


def test_gradients_reach_the_network(sympie):
    trained = SyMPIE(sympie.nem.state_dict()).train()
    trained(torch.rand(2, 3, 40, 60)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in trained.parameters())
    assert trained.nem.stem[0].weight.grad.abs().sum() > 0


def test_network_has_the_published_size():
    assert sum(parameter.numel() for parameter in NEM().parameters()) == 4_671_141


def test_new_network_leaves_images_alone():
    fresh = SyMPIE(NEM().state_dict()).eval()
    image = torch.rand(1, 3, 50, 70)
    with torch.no_grad():
        assert (fresh(image) - image).abs().max() < 1e-5


@pytest.mark.parametrize('size', [(1, 1), (1, 2), (3, 1), (1, 5000), (5000, 1), (37, 4000)])
@torch.no_grad()
def test_any_size_is_enhanced(sympie, size):
    enhanced = sympie(torch.rand(1, 3, *size))
    assert enhanced.shape == (1, 3, *size)
    assert torch.isfinite(enhanced).all()


@pytest.mark.slow
@torch.no_grad()
def test_twenty_megapixels(sympie):
    enhanced = sympie(torch.rand(1, 3, 3840, 5208))
    assert enhanced.shape == (1, 3, 3840, 5208) and 0 <= enhanced.min() <= enhanced.max() <= 1


@torch.no_grad()
def test_empty_batch(sympie):
    assert sympie(torch.rand(0, 3, 20, 30)).shape == (0, 3, 20, 30)


def test_results_are_clamped_in_evaluation_only(sympie):
    image = torch.rand(1, 3, 30, 30)
    vector = torch.from_numpy(3 * golden.identity_vector())[None]
    sharp = SyMPIE({**sympie.nem.state_dict(), 'head.weight': torch.zeros(37, 512),
                    'head.bias': vector[0]})
    with torch.no_grad():
        assert sharp.eval()(image).max() <= 1
        sharp.train()
        assert sharp(torch.cat([image, image])).max() > 1


@pytest.mark.parametrize('iterations', [0, -1, 1.5])
def test_iterations_must_be_a_positive_number(sympie, iterations):
    with pytest.raises(ValueError, match='whole number from 1'):
        SyMPIE(sympie.nem.state_dict(), iterations)


def test_mean_match_scales_each_image_by_one_number():
    dark, bright = torch.full((3, 4, 4), 20 / 255), torch.full((3, 4, 4), 220 / 255)
    dark[0] *= 2  # mean (40 + 20 + 20) / 3 = 26.67, so the gain is 110 / 26.67 = 4.125
    enhanced = MeanMatch(110)(torch.stack([dark, bright])) * 255
    assert enhanced[0, :, 0, 0].tolist() == pytest.approx([165, 82.5, 82.5], abs=1e-3)
    assert enhanced[1].flatten().tolist() == pytest.approx([110] * 48, abs=1e-3)


def test_mean_match_leaves_black_black():
    assert MeanMatch(110)(torch.zeros(1, 3, 2, 2)).abs().max() < 1e-5


@pytest.mark.parametrize('target', [0, -5, 255])
def test_mean_match_target_is_a_grey_level(target):
    with pytest.raises(ValueError, match='mean on 0..255'):
        MeanMatch(target)


def test_levels_by_hand():
    """Mean 20: brightened 2.5 times. Deviations 0, 6 and 8: contrast 10 / sqrt(3), 2.5 times it."""
    image = torch.tensor([[20, 20], [14, 26], [12, 28]], dtype=torch.float32).view(1, 3, 1, 2)
    mean, contrast = torch.tensor([[20.0]]), 10 / 3 ** 0.5
    matrix, offset = levels(image, mean, 50)
    assert torch.equal(matrix, 2.5 * torch.eye(3)[None]) and offset.tolist() == [[0, 0, 0]]
    matrix, offset = levels(image, mean, min_contrast_255=3 * contrast)
    torch.testing.assert_close(matrix, 3 * torch.eye(3)[None])
    assert offset.tolist() == [pytest.approx([-40, -40, -40])]
    colour_map = levels(image, mean, 50, 5 * contrast)
    torch.testing.assert_close(colour_map.matrix, 5 * torch.eye(3)[None])
    # Mean 50 in each channel, and twice the deviations of the brightened image.
    assert colour_map.apply(image).flatten().tolist() == pytest.approx([50, 50, 20, 80, 10, 90])


def test_levels_leave_what_is_bright_and_rich_and_what_is_flat():
    rich, flat = 255 * noise(1), torch.full((1, 3, 224, 224), 90.0)
    for image in (rich, flat):
        colour_map = levels(image, image.mean(dim=(1, 2, 3))[:, None], 60, 40)
        torch.testing.assert_close(colour_map.apply(image), image, rtol=0, atol=1e-3)


def test_levels_of_almost_black_images():
    """A mean and a deviation of less than a grey level are not multiplied with each other."""
    image = torch.zeros(1, 3, 100, 100)
    image[..., ::10, ::10] = 1
    matrix, offset = levels(image, image.mean(dim=(1, 2, 3))[:, None], 110, 50)
    assert torch.equal(matrix, 110 * torch.eye(3)[None]) and offset.abs().max() == 0


def test_low_contrast_is_stretched_before_the_network_looks():
    """A tint is no contrast, and keeps its strength."""
    sympie = SyMPIE(NEM().state_dict(), min_contrast_255=50).eval()
    tint = torch.tensor([0.1, 0.0, -0.1]).view(3, 1, 1)
    image = (noise(2) - 0.5) / 10 + 0.4 + tint
    with torch.no_grad():
        stretched = sympie(image)
    deviation = stretched.var(dim=(2, 3), correction=0).mean(dim=1).sqrt()
    assert (255 * deviation).tolist() == pytest.approx([50, 50], rel=0.01)
    wanted = image.mean(dim=(2, 3))
    torch.testing.assert_close(stretched.mean(dim=(2, 3)), wanted, rtol=0, atol=2e-3)
    assert sympie.weights()['min_contrast_255'] == 50 == SyMPIE(sympie.weights()).min_contrast_255


def test_gradients_through_levels_of_a_flat_image():
    sympie = SyMPIE(NEM().state_dict(), iterations=2, min_mean_255=110, min_contrast_255=50).train()
    sympie(torch.full((2, 3, 32, 32), 0.2)).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in sympie.parameters())


@pytest.mark.parametrize('name,highest', [('min_mean_255', 255), ('min_contrast_255', 127.5)])
@pytest.mark.parametrize('value', [0, -5, 255])
def test_minima_are_grey_levels(name, highest, value):
    with pytest.raises(ValueError, match=f'{name} is between 0 and {highest}, got {value}'):
        SyMPIE(**{name: value})


def test_the_middle_is_the_one_that_torchvision_cuts_out():
    image = torch.arange(20 * 30).view(1, 20, 30)
    for rest in range(8):
        size = 20 - rest, 23 + rest
        assert torch.equal(_central(image, *size), TF.center_crop(image, size))


@pytest.mark.slow
def test_torch_export_for_images_of_any_size_in_one_orientation(tmp_path):
    """The README's example: the reference itself, with batch and size left open."""
    enhancer, auto = SyMPIE().eval(), torch.export.Dim.AUTO
    program = torch.export.export(enhancer, (torch.rand(2, 3, 48, 64),), strict=True,
                                  dynamic_shapes=({0: auto, 2: auto, 3: auto},))
    torch.export.save(program, tmp_path / 'enhancer.pt2')
    exported = torch.export.load(tmp_path / 'enhancer.pt2').module()
    for size in ((1, 3, 270, 481), (3, 3, 97, 131)):
        image = torch.rand(size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            assert (exported(image) - enhancer(image)).abs().max() < 1e-5


@pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning')
def test_a_constant_made_in_a_trace_is_not_kept():
    """Its tensor belongs to the trace; values that nothing else in this process asks for."""
    def scale(image):
        return image * constant((0.125, 7.5, 3.25), image)

    traced = torch.jit.trace(scale, torch.ones(3))  # Traces twice to check.
    for function in (traced, scale):
        assert function(torch.full((3,), 2.0)).tolist() == [0.25, 15, 6.5]


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning')
def test_torch_jit_trace_and_the_constants_afterwards():
    sympie, image = SyMPIE(min_mean_255=110).eval(), torch.rand(1, 3, 40, 50)
    traced = torch.jit.trace(sympie, image)
    wanted = sympie(image)
    assert (traced(image) - wanted).abs().max() < 1e-5


@pytest.mark.parametrize('image, message', [
    (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), 'uint8. Wanted .* divide grey levels'),
    (torch.full((1, 3, 8, 8), 200.0), 'mean of 200. Wanted .* Divide grey levels'),
    (torch.full((1, 3, 8, 8), float('nan')), 'mean of nan'),
    (torch.zeros(3, 8, 8), r'\(3, 8, 8\). Wanted a tensor \(B, 3, H, W\).*add \[None\]'),
    (torch.zeros(1, 8, 8, 3), r'\(1, 8, 8, 3\). Wanted'),
    (np.zeros((8, 8, 3), np.uint8), 'a ndarray. Wanted .* torch.from_numpy')])
@pytest.mark.parametrize('enhancer', [SyMPIE(NEM().state_dict()).eval(), MeanMatch(110)])
def test_a_first_call_with_other_images_says_what_is_wanted(enhancer, image, message):
    with pytest.raises(ValueError, match=message):
        enhancer(image)


def test_highlights_of_an_enhancer_before_are_taken():
    bright = MeanMatch(250)(torch.tensor([0.1, 0.9]).view(1, 1, 1, 2).expand(1, 3, 1, 2))
    assert bright.max() > 1.5
    with torch.no_grad():
        assert SyMPIE(NEM().state_dict()).eval()(bright).max().item() == pytest.approx(1)


@pytest.mark.slow
def test_what_the_readme_says_after_import_is_there():
    program = 'import mmseg_sympie; mmseg_sympie.enhancer.SyMPIE; mmseg_sympie.registry.MODELS'
    subprocess.run([sys.executable, '-c', program], check=True, capture_output=True)
