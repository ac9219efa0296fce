"""What a GPU is asked to do: the one that is there, or else one that is pretended."""
import contextlib
import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from toy_classifier import ToyClassifier  # noqa: F401 (registers it)

from mmseg_sympie.corruptions import Draw, corrupt
from mmseg_sympie.corruptions.pools import ALL
from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.normalization import IMAGENET_RGB_255
from mmseg_sympie.pretraining import Pretrainer

REAL = torch.cuda.is_available()

DETERMINISTIC = ('defocus_blur', 'zoom_blur', 'brightness', 'contrast', 'pixelate',
                 'gaussian_blur', 'saturate', 'darken')
# What they do next depends on numbers that are on the GPU.
WAITING = ('glass_blur', 'zoom_blur', 'elastic_transform', 'pixelate', 'spatter')


@contextlib.contextmanager
def never_waiting(gpu, wanted=0):
    """The CPU waits for the GPU not once, or as often as wanted (of the pretended one)."""
    if REAL:
        torch.cuda.set_sync_debug_mode('default' if wanted else 'error')
        yield
        torch.cuda.set_sync_debug_mode('default')
    else:
        gpu.waits.clear()
        yield
        assert len(gpu.waits) == wanted, gpu.waits


def build(**options):
    return SyMPIEDataPreprocessor(**IMAGENET_RGB_255._asdict(), bgr_to_rgb=True, **options)


def images_255(height, width):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.skipif(REAL, reason='of the pretended one')
def test_two_devices_are_refused(gpu):
    on_cpu = torch.ones(3)
    on_gpu = on_cpu.to('cuda')
    assert on_gpu.is_cuda and (on_gpu * 2).is_cuda
    assert gpu.waits == ['_to_copy '] and gpu.launched == ['_to_copy', 'mul']
    with pytest.raises(AssertionError, match='mul of tensors on two devices'):
        on_gpu * on_cpu
    assert on_gpu[0].item() == 1 and len(gpu.waits) == 2


@pytest.mark.slow
@pytest.mark.parametrize('options', [
    dict(), dict(source='cityscapes'),
    dict(source='cityscapes', enhancer=dict(type='SyMPIE'))], ids=['sympie', 'match', 'both'])
def test_enhancing_never_waits_for_the_gpu(options, gpu):
    preprocessor = build(precision='float32', **options)
    images = images_255(300, 400)
    wanted = preprocessor(dict(inputs=list(images), data_samples=[None] * 2))['inputs']
    preprocessor.to('cuda')
    data = dict(inputs=list(images.to('cuda')), data_samples=[None] * 2)
    preprocessor(data)  # The first call brings network and constants.
    with never_waiting(gpu):
        found = preprocessor(data)['inputs']
    assert found.is_cuda
    # cuDNN computes the network's convolutions in TF32.
    assert (found.cpu() - wanted).abs().max() < (0.02 if REAL else 1e-4)


@pytest.mark.slow
def test_a_cuda_graph_gives_the_same_for_other_images(gpu):
    """Streams are not pretended: of them, only a real GPU says something."""
    plain, replaying = (build(cuda_graph=cuda_graph).to('cuda') for cuda_graph in (False, True))
    bright, dark = images_255(300, 400).to('cuda')
    for image in (bright, dark // 4, bright[:, :90, :80]):
        data = dict(inputs=[image], data_samples=[None])
        found, wanted = (each(data)['inputs'].cpu() for each in (replaying, plain))
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3)
    assert len(replaying.fast.replayed.recordings) == 1
    assert not copy.deepcopy(replaying).fast.replayed.recordings
    if not REAL:
        gpu.launched.clear()
    replaying(data)
    assert REAL or gpu.launched.count('convolution') == 1  # the warp
    replaying(dict(inputs=[bright, dark], data_samples=[None] * 2))
    assert REAL or gpu.launched.count('convolution') > 2  # several images, without a graph


@pytest.mark.slow
@pytest.mark.parametrize('name', ALL)
def test_corruptions(name, gpu):
    image, severity = images_255(65, 90) / 255, torch.tensor([2, 5])
    given = image.to('cuda'), severity.to('cuda')
    generator = torch.Generator('cuda').manual_seed(0)
    found = ALL[name](*given, generator)
    with contextlib.nullcontext() if name in WAITING else never_waiting(gpu):
        found = ALL[name](*given, generator)
    assert found.is_cuda and found.shape == image.shape and found.dtype == torch.float32
    found = found.cpu()
    assert 0 <= found.min() <= found.max() <= 1
    if name in DETERMINISTIC:
        assert (found - ALL[name](image, severity, torch.Generator())).abs().max() < 2 / 255


def test_a_batch_is_corrupted_with_two_copies_to_the_gpu(gpu):
    names = ['gaussian_noise', 'fog', 'contrast', 'gaussian_noise']
    image = images_255(40, 50).repeat(2, 1, 1, 1).to('cuda') / 255
    drawn, generator = Draw(names, torch.tensor([1, 0, 3, 5])), torch.Generator('cuda')
    corrupt(image, drawn, ALL, generator)
    with never_waiting(gpu, wanted=2):
        found = corrupt(image, drawn, ALL, generator)
    changed = (found != image).flatten(1).any(dim=1)
    assert changed.cpu().tolist() == [True, False, True, True]


@pytest.mark.slow
@pytest.mark.parametrize('own_targets', [False, True])
def test_a_step_of_pretraining(own_targets, gpu, monkeypatch):
    pretrainer = Pretrainer([dict(type='mmseg_sympie.ToyClassifier')], dict(min_mean_255=110),
                            own_targets=own_targets, batch_norm_steps=0)
    batch = dict(inputs=images_255(224, 224), target={0: torch.tensor([1, 3])},
                 source=torch.zeros(2).long())

    def backward(loss):
        """Gradients, which cannot be taken of what is pretended."""
        assert loss.is_cuda and loss.requires_grad
        for parameter in pretrainer.student.parameters():
            parameter.grad = torch.ones_like(parameter)

    if not REAL:
        monkeypatch.setattr(torch.Tensor, 'backward', backward)
    pretrainer.to('cuda')
    before = pretrainer.average.nem.head.bias.clone()
    optim_wrapper = OptimWrapper(torch.optim.SGD(pretrainer.student.parameters(), 0.1))
    losses = pretrainer.train_step(dict(batch), optim_wrapper)
    assert all(loss.is_cuda for loss in losses.values())
    assert (pretrainer.average.nem.head.bias != before).any().item()
    held_out = pretrainer.val_step(dict(batch, target=batch['target'][0], file=['one', 'other']))
    assert len(held_out) == 2
