"""What a GPU would be asked to do, with one that is pretended (see `pretend_cuda`)."""
import pytest
import torch
from mmengine.optim import OptimWrapper
from pretend_cuda import AVAILABLE, CUDA, CudaGenerator, CudaTensor, PretendCuda
from test_pretraining import ToyClassifier  # noqa: F401 (registers it)

from mmseg_sympie.corruptions.pools import ALL
from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.pretraining import Pretrainer

pytestmark = pytest.mark.skipif(not AVAILABLE, reason='a GPU is there, or an older PyTorch')

DETERMINISTIC = ('defocus_blur', 'zoom_blur', 'brightness', 'contrast', 'pixelate',
                 'gaussian_blur', 'saturate', 'darken')
# What their results depend on is decided by numbers that are on the GPU.
WAITING = ('glass_blur', 'zoom_blur', 'elastic_transform', 'pixelate', 'spatter')


def images_255(height, width):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8, generator=generator)


def test_two_devices_are_refused():
    on_cpu = torch.ones(3)
    with PretendCuda() as gpu:
        on_gpu = on_cpu.to('cuda')
        assert on_gpu.device == CUDA and (on_gpu * 2).device == CUDA
        assert gpu.waits == ['_to_copy '] and gpu.launched == ['_to_copy', 'mul']
        with pytest.raises(AssertionError, match='mul of tensors on two devices'):
            on_gpu * on_cpu
        assert on_gpu[0].item() == 1 and len(gpu.waits) == 2


def test_enhancing_never_waits_for_the_gpu():
    preprocessor = SyMPIEDataPreprocessor(mean=[123.675, 116.28, 103.53], bgr_to_rgb=True,
                                          std=[58.395, 57.12, 57.375], precision='float32')
    images = images_255(300, 400)
    wanted = preprocessor(dict(inputs=list(images), data_samples=[None] * 2))['inputs']
    with PretendCuda() as gpu:
        preprocessor.to('cuda')
        data = dict(inputs=list(images.to('cuda')), data_samples=[None] * 2)
        preprocessor(data)  # The first call brings network and constants.
        gpu.waits.clear()
        found = preprocessor(data)['inputs']
    assert gpu.waits == [] and found.device == CUDA
    assert (found.values - wanted).abs().max() < 1e-4


@pytest.mark.parametrize('name', ALL)
def test_corruptions(name):
    image, severity = images_255(65, 90) / 255, torch.tensor([2, 5])
    with PretendCuda() as gpu:
        for _ in range(2):
            gpu.waits.clear()
            generator = CudaGenerator().manual_seed(0)
            found = ALL[name](CudaTensor(image), CudaTensor(severity), generator)
    assert found.device == CUDA and found.shape == image.shape and found.dtype == torch.float32
    assert 0 <= found.values.min() <= found.values.max() <= 1
    assert bool(gpu.waits) == (name in WAITING), gpu.waits
    if name in DETERMINISTIC:
        wanted = ALL[name](image, severity, torch.Generator())
        assert (found.values - wanted).abs().max() < 2 / 255


@pytest.mark.parametrize('own_targets', [False, True])
def test_a_step_of_pretraining(own_targets, monkeypatch):
    """All but the gradient, for which a GPU cannot be pretended."""
    pretrainer = Pretrainer([dict(type='mmseg_sympie.ToyClassifier')], dict(min_mean_255=110),
                            own_targets=own_targets, batch_norm_steps=0)
    before = pretrainer.average.nem.head.bias.clone()
    batch = dict(inputs=images_255(224, 224), target={0: torch.tensor([1, 3])},
                 source=torch.zeros(2).long())

    def backward(loss):
        assert loss.device == CUDA and loss.requires_grad
        for parameter in pretrainer.student.parameters():
            parameter.grad = torch.ones_like(parameter)

    monkeypatch.setattr(torch.Tensor, 'backward', backward)
    with PretendCuda():
        pretrainer.to('cuda')
        optim_wrapper = OptimWrapper(torch.optim.SGD(pretrainer.student.parameters(), 0.1))
        losses = pretrainer.train_step(batch, optim_wrapper)
        assert all(loss.device == CUDA for loss in losses.values())
        held_out = pretrainer.val_step(dict(batch, target=batch['target'][0],
                                            file=['one', 'other']))
    assert len(held_out) == 2
    assert (pretrainer.average.nem.head.bias.values < before).all()
