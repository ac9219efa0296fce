"""Algorithm 1 against one step of the published implementation, and what surrounds it."""
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
import torchvision
from commands import tool
from mmengine.optim import OptimWrapper
from PIL import Image
from torch import nn
from toy_classifier import ToyClassifier  # noqa: F401 (registers it)

from mmseg_sympie.enhancer import SourceMatch, SyMPIE, WarpParameters
from mmseg_sympie.enhancer.nem import NEM
from mmseg_sympie.enhancer.pretrained import convert_published_enhancer
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.checkpoints import read_checkpoint
from mmseg_sympie.io.config import load_config
from mmseg_sympie.io.files import sha256
from mmseg_sympie.normalization import IMAGENET_RGB
from mmseg_sympie.pretraining.gradients import SeparateGradients, clip_to_norm, update_average
from mmseg_sympie.pretraining.pretrainer import Pretrainer
from mmseg_sympie.pretraining.release import centre_on_clean, half_precision, shrink_to_identity
from mmseg_sympie.pretraining.stream import PretrainingStream, RoundRobinSampler
from mmseg_sympie.pretraining.upstream import MMSegSegmentor, UpstreamModel
from mmseg_sympie.registry import MODELS

ROOT = Path(__file__).parents[1]
PUBLISHED_STEP = json.loads((golden.DATA / 'training_step.json').read_text())
TO_PUBLISHED = {f'nem.{key}': old for old, key in zip(
    golden.published_enhancer(), convert_published_enhancer(golden.published_enhancer(), 'golden'))}


@pytest.fixture
def pretrainer():
    weights = convert_published_enhancer(golden.published_enhancer(), 'golden')
    return Pretrainer([dict(type='mmseg_sympie.ToyClassifier')], dict(checkpoint=weights),
                      severities=[0])


@pytest.fixture
def batch():
    images = torch.stack([golden.image_255(224, 224, phase=i) for i in range(4)])
    return dict(inputs=images, target={0: torch.tensor([0, 3, 1, 4])},
                source=torch.zeros(4).long())


@pytest.mark.slow
def test_one_step_equals_the_published_one(pretrainer, batch):
    # In float64: rounding alone moves the gradients of the first layers by a hundredth, and the
    # published step was taken in float32.
    pretrainer.double()
    pretrainer.upstream[0].double()
    optim_wrapper = OptimWrapper(torch.optim.Adam(pretrainer.student.parameters(), 1e-3))
    norms = {}
    step = optim_wrapper.step
    optim_wrapper.step = lambda **kwargs: (norms.update(
        (name, float(parameter.grad.norm()))
        for name, parameter in pretrainer.student.named_parameters()), step(**kwargs))
    losses = pretrainer.train_step(batch, optim_wrapper)

    assert float(losses['loss_1']) == pytest.approx(PUBLISHED_STEP['loss_1'], abs=1e-5)
    assert float(losses['loss_2']) == pytest.approx(PUBLISHED_STEP['loss_2'], abs=1e-5)
    for name, norm in norms.items():
        wanted = PUBLISHED_STEP['gradient_norm_after_clipping'][TO_PUBLISHED[name]]
        rel = 1e-3 if 'head' in name else 1e-2
        assert norm == pytest.approx(wanted, rel=rel, abs=1e-4), name
    for state, wanted in ((pretrainer.student, 'student_sum_and_norm_after_adam'),
                          (pretrainer.average, 'ema_sum_and_norm')):
        for name, value in state.state_dict().items():
            if name.endswith(('stem.0.bias', 'conv2.bias')):
                continue  # Batch norm removes it: its gradient is rounding, which Adam blows up.
            if name.endswith('num_batches_tracked'):
                continue  # A counter that nothing reads; averaged, it is no whole number.
            _, norm = PUBLISHED_STEP[wanted][TO_PUBLISHED[name]]
            assert float(value.double().norm()) == pytest.approx(norm, rel=1e-3, abs=1e-5), name


def step_once(pretrainer, *batches):
    """The student's weights after one update by Adam, from as many batches as given."""
    optim_wrapper = OptimWrapper(torch.optim.Adam(pretrainer.student.parameters(), 1e-3),
                                 accumulative_counts=len(batches))
    optim_wrapper.initialize_count_status(pretrainer, 0, len(batches))
    for batch in batches:
        pretrainer.train_step(dict(batch), optim_wrapper)
    return {name: value.clone() for name, value in pretrainer.student.named_parameters()}


@pytest.mark.slow
def test_accumulating_the_same_batch_twice_is_one_step_on_it(batch):
    batch = dict(inputs=batch['inputs'][:2], target={0: batch['target'][0][:2]},
                 source=batch['source'][:2])
    once, twice = (step_once(Pretrainer(
        [dict(type='mmseg_sympie.ToyClassifier')], dict(checkpoint=convert_published_enhancer(
            golden.published_enhancer(), 'golden')), severities=[0]), *[batch] * count)
        for count in (1, 2))
    moved = 0.0
    start = convert_published_enhancer(golden.published_enhancer(), 'golden')
    for name in ('nem.head.weight', 'nem.blocks.2.conv2.weight'):
        torch.testing.assert_close(once[name], twice[name], rtol=0, atol=2e-4)
        moved = max(moved, float((once[name] - start[name.removeprefix('nem.')]).abs().max()))
    assert moved > 5e-4  # Adam's first step is the learning rate for every weight.


def test_each_tensor_of_each_loss_is_clipped():
    torch.testing.assert_close(clip_to_norm(torch.tensor([3.0, 4.0]), 1.0),
                               torch.tensor([0.6, 0.8]))
    torch.testing.assert_close(clip_to_norm(torch.tensor([0.3, 0.4]), 1.0),
                               torch.tensor([0.3, 0.4]))


def test_average_moves_weights_and_batch_norm_statistics_by_a_tenth():
    old, new = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    for value, module in ((1.0, old), (2.0, new)):
        for entry in (module.weight, module.bias, module.running_mean, module.running_var):
            entry.data.fill_(value)
    new.num_batches_tracked.fill_(7)
    update_average(old, new, 0.9)
    for entry in (old.weight, old.bias, old.running_mean, old.running_var):
        assert entry.item() == pytest.approx(1.1)
    assert old.num_batches_tracked == 7


def test_student_starts_as_the_identity_and_the_average_equals_it():
    pretrainer = Pretrainer([dict(type='mmseg_sympie.ToyClassifier')])
    image = torch.rand(2, 3, 64, 80, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(pretrainer.student(image), image, rtol=0, atol=2e-6)
    for name, value in pretrainer.average.state_dict().items():
        if 'running' not in name and 'tracked' not in name:
            torch.testing.assert_close(value, pretrainer.student.state_dict()[name])


@MODELS.register_module(force=True)
class Mobile(UpstreamModel):
    """torchvision's MobileNetV2, untrained, on small images."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(torchvision.models.mobilenet_v2(num_classes=5))

    def logits(self, image):
        return self.model(IMAGENET_RGB.standardise(image))


@pytest.mark.slow
def test_a_hastened_model_gives_the_same_gradient():
    slow, fast = Mobile(), Mobile().optimize_for_inference()
    assert any(isinstance(module, nn.BatchNorm2d) for module in slow.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert not any(parameter.requires_grad for parameter in fast.parameters())
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected, found = (torch.autograd.grad(model.loss(image, torch.tensor([0, 3])), image)[0]
                       for model in (slow, fast))
    assert (found - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.slow
def test_a_pretrainer_hastens_its_upstream_models():
    upstream = Pretrainer([dict(type='mmseg_sympie.Mobile')]).upstream[0]
    assert not any(isinstance(module, nn.BatchNorm2d) for module in upstream.modules())


def test_strided_depthwise_convolutions_stay_in_float32_on_a_cpu():
    model, types = Mobile().optimize_for_inference().model, {}
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, _, output: types.setdefault(
                (module.groups > 1, module.stride), set()).add(output.dtype))
    with torch.autocast('cpu', torch.bfloat16):
        model(torch.rand(1, 3, 64, 64))
    assert types.pop((True, (2, 2))) == {torch.float32}
    assert len(types) == 3 and all(dtypes == {torch.bfloat16} for dtypes in types.values())


def test_batch_norm_that_is_not_behind_its_neighbour_stays():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.norm = nn.BatchNorm2d(3)
            nn.init.constant_(self.norm.bias, 3.0)

        def forward(self, image):
            return self.conv(self.norm(image).relu()).mean(dim=(2, 3))

    frozen = UpstreamModel(Crossed())
    frozen.logits = lambda image: frozen.model(image)
    image = torch.rand(1, 3, 4, 4) - 3.2
    expected = frozen.logits(image)
    assert torch.equal(frozen.optimize_for_inference().logits(image), expected)
    assert isinstance(frozen.model.norm, nn.BatchNorm2d)


def test_own_targets_are_what_the_model_says_of_the_clean_image(batch):
    """An identity student on clean images: the cross-entropy with itself is the entropy."""
    pretrainer = Pretrainer([dict(type='mmseg_sympie.ToyClassifier')], severities=[0],
                            own_targets=True)
    logits = pretrainer.upstream[0].logits(batch['inputs'] / 255)
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
    losses = pretrainer.train_step(dict(batch, target={}), OptimWrapper(
        torch.optim.Adam(pretrainer.student.parameters(), 1e-3)))
    assert float(losses['loss_1']) == pytest.approx(float(entropy), abs=1e-5)
    assert not torch.isclose(entropy, pretrainer.upstream[0].loss(batch['inputs'] / 255,
                                                                  batch['target'][0]))


def test_upstream_models_stay_frozen_and_out_of_the_checkpoint(pretrainer):
    pretrainer.train()
    upstream = pretrainer.upstream[0]
    assert not upstream.training and not upstream.model.training
    assert not any(parameter.requires_grad for parameter in upstream.parameters())
    assert not pretrainer.average.training and pretrainer.student.training
    assert {key.split('.')[0] for key in pretrainer.state_dict()} == {'student', 'average', 'step'}


def test_dark_images_start_brightened_and_bright_ones_as_they_are():
    pretrainer = Pretrainer([dict(type='mmseg_sympie.ToyClassifier')], dict(min_mean_255=110))
    image = 0.3 * torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    enhanced = pretrainer.average(image)
    assert (255 * enhanced.mean(dim=(1, 2, 3))).tolist() == pytest.approx([110, 110], abs=0.1)
    bright = 1 - image
    torch.testing.assert_close(pretrainer.average(bright), bright, rtol=0, atol=2e-6)


@pytest.mark.parametrize('changes, message', [
    (dict(upstream=[]), 'at least one upstream model'),
    (dict(corruptions=['fogg']), "Unknown corruption 'fogg'"),
    (dict(upstream=[dict(type='mmseg_sympie.TorchvisionClassifier', name='resnet50',
                         weights='IMAGENET1K_V3')]), 'neither a file nor one of IMAGENET1K_V1'),
    (dict(upstream=[dict(type='mmseg_sympie.TorchvisionClassifier', name='resnet_50',
                         weights='IMAGENET1K_V2')]), "no model 'resnet_50'")])
def test_mistakes_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        Pretrainer(**{'upstream': [dict(type='mmseg_sympie.ToyClassifier')], **changes})


class Numbers(torch.utils.data.Dataset):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return dict(inputs=torch.full((3, 2, 2), index, dtype=torch.uint8), target=0,
                    drawn=np.random.rand())


def stream_of(*sizes):
    stream = PretrainingStream([], seed=3)
    stream.sources = [Numbers(size) for size in sizes]
    return stream


def test_sources_take_turns_and_each_pass_holds_every_image_once():
    stream = stream_of(5, 2)
    sampler = RoundRobinSampler(stream, batch_size=3, turns=(0, 0, 1))
    positions = list(itertools.islice(sampler, 30))
    assert [source for source, _ in positions[:6]] == [0, 0, 1, 0, 0, 1]
    first_pass = [int(stream[position]['inputs'][0, 0, 0]) for position in positions
                  if position[0] == 0][:5]
    assert sorted(first_pass) == [0, 1, 2, 3, 4]


def test_a_stream_goes_on_where_it_stopped():
    stream = stream_of(5, 2)
    sampler = RoundRobinSampler(stream, batch_size=4, turns=(0, 1, 0))
    whole = [stream[position]['drawn'] for position in itertools.islice(sampler, 20)]
    sampler.first_step = 2
    assert [stream[position]['drawn'] for position in itertools.islice(sampler, 12)] == whole[8:]
    assert len(set(whole)) == 20


def test_an_item_leaves_the_global_generators_alone():
    stream = stream_of(5)
    wanted = stream[0, 3]['drawn']
    np.random.seed(1)
    torch.manual_seed(1)
    before = np.random.get_state()[1].copy(), torch.get_rng_state(), random.getstate()
    assert stream[0, 3]['drawn'] == wanted
    assert (np.random.get_state()[1] == before[0]).all()
    assert torch.equal(torch.get_rng_state(), before[1]) and random.getstate() == before[2]


def test_processes_share_a_stream_without_overlap():
    stream = stream_of(50)
    samplers = [RoundRobinSampler(stream, batch_size=2) for _ in range(2)]
    for rank, sampler in enumerate(samplers):
        sampler.rank, sampler.world_size = rank, 2
    given = [[count for _, count in itertools.islice(sampler, 4)] for sampler in samplers]
    assert given == [[0, 1, 4, 5], [2, 3, 6, 7]]


def test_a_segmentor_teaches_by_its_own_loss_and_its_own_prediction(demo_segmentor):
    segmentor = MMSegSegmentor(str(ROOT / 'configs/demo.py'), demo_segmentor)
    image = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = segmentor.own_target(image)
    assert target.shape == (2, 64, 96)
    right, wrong = (segmentor.loss(image, labels) for labels in (target, (target + 1) % 19))
    assert right < wrong
    right.backward()
    assert image.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in segmentor.parameters())


# Whole runs ---------------------------------------------------------------------------------------

@pytest.fixture
def small_run(tmp_path):
    """A config that pretrains on eight small images through a random MobileNetV2 in seconds."""
    rng = np.random.default_rng(0)
    for index in range(8):
        path = tmp_path / f'photos/{index % 2:04d}/{index}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 44, 3), np.uint8)).save(path)
    torch.manual_seed(0)
    torch.save(torchvision.models.mobilenet_v2().state_dict(), tmp_path / 'classifier.pth')
    cfg = load_config(str(ROOT / 'configs/sympie_mobilenetv2_photos.py'))
    photographs = dict(type='mmseg_sympie.Photographs', root=str(tmp_path / 'photos'),
                       short_side_px=36, crop_px=32)
    cfg.merge_from_dict(dict(
        train_dataloader=dict(
            batch_size=2, num_workers=1, sampler=dict(batch_size=2),
            dataset=dict(sources=[dict(photographs, random_crop=True)])),
        val_dataloader=dict(batch_size=4, num_workers=0, persistent_workers=False,
                            dataset=dict(_delete_=True, **photographs)),
        train_cfg=dict(max_iters=5, val_interval=5), log_level='ERROR',
        default_hooks=dict(checkpoint=dict(interval=2))))
    cfg.model.upstream[0].weights = str(tmp_path / 'classifier.pth')
    cfg.model.corruptions = ['gaussian_noise', 'contrast', 'gaussian_blur']
    path = tmp_path / 'config.py'
    cfg.dump(str(path))
    return path


def train_command(config, work_dir, *options):
    return [sys.executable, 'tools/train.py', str(config), '--work-dir', str(work_dir), *options]


ENVIRONMENT = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1',
               'CUDA_VISIBLE_DEVICES': ''}


def run(command):
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300,
                            env=ENVIRONMENT)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_a_killed_run_ends_with_the_weights_of_an_uninterrupted_one(small_run, tmp_path):
    run(train_command(small_run, tmp_path / 'whole'))
    work_dir = tmp_path / 'killed'
    process = subprocess.Popen(train_command(small_run, work_dir), cwd=ROOT, env=ENVIRONMENT,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    deadline = time.monotonic() + 120
    while not (work_dir / 'last_checkpoint').exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (work_dir / 'enhancer.pth').exists()
    run(train_command(small_run, work_dir, '--resume'))

    whole, resumed = (read_checkpoint(folder / 'enhancer.pth')
                      for folder in (tmp_path / 'whole', work_dir))
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
    start = SyMPIE(NEM().state_dict()).nem.state_dict()
    assert not torch.equal(whole['head.weight'], start['head.weight'])
    for name in ('losses.png', 'parameters.png'):
        assert Image.open(work_dir / name).size[0] > 300
    SyMPIE(str(work_dir / 'enhancer.pth'))


@pytest.mark.slow
def test_two_processes_take_the_step_of_one_on_both_batches(small_run, tmp_path):
    def head_after_a_step(name, batch_size, *launch):
        work_dir = tmp_path / name
        run([*(launch or [sys.executable]), *train_command(small_run, work_dir)[1:],
             '--launcher', 'pytorch' if launch else 'none', '--cfg-options',
             'train_cfg.max_iters=1', 'default_hooks.checkpoint.interval=1', 'model.severities=[0]',
             'model.batch_norm_steps=0', 'model.autocast=None',
             f'train_dataloader.batch_size={batch_size}',
             f'train_dataloader.sampler.batch_size={batch_size}'])
        state = read_checkpoint(work_dir / 'iter_1.pth')['state_dict']
        assert {key.split('.')[0] for key in state} == {'student', 'average', 'step'}
        return state['student.nem.head.weight']

    one = head_after_a_step('one', 4)
    two = head_after_a_step('two', 2, sys.executable, '-m', 'torch.distributed.run', '--standalone',
                            '--nnodes=1', '--nproc-per-node=2')
    assert one.norm() > 0
    assert torch.cosine_similarity(one.flatten(), two.flatten(), dim=0) > 0.99
    assert two.norm() / one.norm() == pytest.approx(1, abs=0.02)  # the head's rate, too


@pytest.mark.slow
@pytest.mark.parametrize('option, message', [
    ('train_dataloader.batch_size=3', "its sampler's 2: set both"),
    ('train_dataloader.sampler.turns=[0,0,1]', 'turns='),
    ('optim_wrapper.accumulative_counts=3', 'choose a multiple'),
    ('num_gpus=4', 'num_gpus = 4 in the config and 1 processes')])
def test_contradictions_are_refused_before_training(small_run, tmp_path, option, message):
    result = subprocess.run([*train_command(small_run, tmp_path / 'work'), '--cfg-options', option],
                            cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert result.returncode != 0 and message in result.stderr
    assert 'Traceback' not in result.stderr


def far_from_identity():
    torch.manual_seed(0)
    state = NEM().state_dict()
    state['head.weight'] += 0.3 * torch.randn(37, 512)
    state['head.bias'] += 0.5
    return state


def test_a_release_is_neutral_on_clean_images_and_half_as_large():
    enhancer = SyMPIE(far_from_identity(), min_mean_255=110, min_contrast_255=20).eval()
    images = torch.rand(4, 3, 64, 80, generator=torch.Generator().manual_seed(0))
    images[2:] = images[2:] * 0.1 + 0.8  # two of low contrast, which are stretched first
    centre_on_clean(enhancer, images.split(2))
    released = half_precision(enhancer)
    assert released['stem.0.weight'].dtype == torch.float16
    again = SyMPIE(released).eval()
    assert again.min_mean_255 == 110 and again.min_contrast_255 == 20
    predicted = again.nem(again.network_input(IMAGENET_RGB.standardise(images))[0])
    identity = WarpParameters.identity().join()[0]
    torch.testing.assert_close(predicted.mean(dim=0), identity, rtol=0, atol=2e-2)
    assert (predicted - identity).abs().max() > 0.1  # what depends on the image is still there


@pytest.mark.parametrize('strength', [0, 0.25, 1])
def test_a_weakened_enhancer_predicts_a_share_of_the_change(strength):
    enhancer, image = SyMPIE(far_from_identity()).eval(), torch.randn(1, 3, 64, 80)
    identity = WarpParameters.identity().join()
    change = enhancer.predict(image).join() - identity
    shrink_to_identity(enhancer, strength)
    found = enhancer.predict(image).join() - identity
    assert change.abs().max() > 0.1
    torch.testing.assert_close(found, strength * change, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_release_tool(tmp_path):
    """Neutral on its clean photographs, at half strength, and what is written is what it says."""
    rng = np.random.default_rng(0)
    for index in range(4):
        path = tmp_path / f'photos/a/{index}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 50 + 50 * index, (64, 80, 3), np.uint8)).save(path)
    torch.save(far_from_identity(), tmp_path / 'in.pth')
    printed = {strength: tool('release', tmp_path / 'in.pth', tmp_path / f'{strength}.pth',
                              '--clean', tmp_path / 'photos', '--strength', strength,
                              '--min-contrast', 1)
               for strength in (1, 0.5)}
    assert sha256(tmp_path / '0.5.pth') in printed[0.5]
    images = torch.rand(4, 3, 64, 80, generator=torch.Generator().manual_seed(1))
    identity = WarpParameters.identity().join()
    whole, half = (SyMPIE(tmp_path / f'{strength}.pth').eval().predict(images).join() - identity
                   for strength in (1, 0.5))
    assert SyMPIE(tmp_path / '0.5.pth').min_contrast_255 == 1
    assert whole.abs().max() > 0.1
    torch.testing.assert_close(half, whole / 2, rtol=0, atol=1e-2)


@pytest.mark.slow
def test_benchmark(small_run, tmp_path):
    config = load_config(str(small_run))
    config.model.upstream[0].weights = 'not/at/hand.pth'
    config.dump(str(small_run))
    run([sys.executable, 'tools/benchmark.py', 'pretraining', str(small_run), '--random-weights',
         '--batch-size', '2', '--repeats', '1', '--out', str(tmp_path)])
    measured = json.loads((tmp_path / 'pretraining.json').read_text())
    parts = measured['milliseconds']
    assert measured['batch_size'] == 2
    assert list(parts) == ['step', 'corruptions', 'networks', 'warps, losses, update']
    assert min(parts['step'], parts['networks'], parts['corruptions']) > 0
    assert parts['step'] == pytest.approx(sum(parts.values()) - parts['step'])
    assert 'without loading' in (tmp_path / 'pretraining.md').read_text()


def test_each_model_has_its_images_matched_to_its_own_source():
    """Images of source 0 pass as they are, those of source 1 are matched to CamVid."""
    toy = dict(type='mmseg_sympie.ToyClassifier')
    pretrainer = Pretrainer([toy, dict(toy, source='camvid')], dict(checkpoint=None))
    image = torch.rand(4, 3, 32, 32) / 4
    maps = pretrainer.matches(image, torch.tensor([0, 1, 0, 1]))
    assert torch.equal(maps.colour_map.matrix[::2], torch.eye(3).expand(2, 3, 3))
    assert maps.colour_map.offset[::2].abs().max() == 0
    assert (maps.exponent[::2] == 1).all() and (maps.detail[::2] == 1).all()
    wanted = SourceMatch('camvid', detail=False)(image)[1::2]
    torch.testing.assert_close((maps.apply_colours(255 * image)[1::2] / 255).clamp(0, 1), wanted,
                               rtol=0, atol=1e-5)
    # The shipped weights come with minima, whose place the match has taken.
    assert not any(name.startswith('min_') for name in pretrainer.average.weights())
    enhanced = pretrainer.average(image, maps)[1::2]
    assert not torch.allclose(enhanced, wanted, atol=0.01)  # corrected on top


@pytest.mark.slow
def test_recipe_with_mmpretrains_own_resnet(tmp_path):
    """The twin of the paper's recipe, by a config of MMPretrain's, builds and takes a step."""
    model = load_config(str(ROOT / 'configs/sympie_resnet50_mmpretrain.py')).model
    assert model.upstream[0].config == 'resnet50_8xb32_in1k' and 'weights' not in model.upstream[0]
    from mmpretrain import get_model
    small = get_model('resnet50_8xb32_in1k', pretrained=False)
    torch.save(small.state_dict(), tmp_path / 'resnet50.pth')
    model.upstream[0].weights = str(tmp_path / 'resnet50.pth')
    model.update(autocast=None, compile=False)
    pretrainer = MODELS.build(model)
    before = pretrainer.student.nem.head.bias.clone()
    after = step_once(pretrainer, dict(
        inputs=torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8),
        source=torch.tensor([0, 0]), target={0: torch.tensor([3, 5])}))
    assert after['nem.head.bias'].isfinite().all()
    assert not torch.equal(after['nem.head.bias'], before)


def test_a_loss_of_some_of_the_parameters_gives_its_gradient_to_those():
    """Of a and b: the first loss is b, the second a + 2 b; nothing is clipped, then all to 1."""
    for limit, wanted in ((100, (1, 3)), (1, (1, 2))):
        a, b, c = (torch.nn.Parameter(torch.zeros(1)) for _ in range(3))
        optim_wrapper = OptimWrapper(torch.optim.SGD([a, b, c], lr=1))
        gradients = SeparateGradients(2, limit)
        for index, loss in enumerate((b.sum(), (a + 2 * b).sum())):
            gradients.backward(index, loss, [a, b, c], optim_wrapper)
        gradients.clip_and_add([a, b, c], optim_wrapper)
        assert (a.grad.item(), b.grad.item()) == pytest.approx(wanted, abs=1e-5)
        assert c.grad is None
