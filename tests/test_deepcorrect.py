"""DeepCorrect's units: in any backbone, exact at the start, on top of untouched checkpoints."""
import copy
import json
import pickle

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import nn

from mmseg_sympie.deepcorrect import CorrectedBackbone, Corrections, CorrectionUnit
from mmseg_sympie.engine.segmentation import run_test
from mmseg_sympie.errors import InputError

BN = dict(type='BN')
BACKBONES = dict(
    resnet50=(dict(type='ResNet', depth=50, norm_cfg=BN, base_channels=16, stem_channels=16),
              {'conv1': 16, 'layer1.0.conv1': 16, 'layer2.0.downsample.0': 128,
               'layer4.2.conv3': 512}),
    resnet18=(dict(type='ResNetV1c', depth=18, norm_cfg=BN, base_channels=16, stem_channels=16),
              {'stem.0': 8, 'layer1.1.conv2': 16, 'layer3.0.downsample.0': 64}),
    mobilenetv2=(dict(type='MobileNetV2', norm_cfg=BN),
                 {'conv1.conv': 32, 'layer2.0.conv.1.conv': 96, 'layer7.0.conv.2.conv': 320}),
    vgg16=(dict(type='mmpretrain.VGG', depth=16, norm_cfg=BN),
           {'features.0.conv': 64, 'features.16.conv': 512}),
    swin=(dict(type='SwinTransformer', embed_dims=24, depths=(2, 2), num_heads=(2, 4),
               strides=(4, 2), out_indices=(0, 1), window_size=4, norm_cfg=dict(type='LN')),
          {'patch_embed.projection': 24, 'stages.0.blocks.0.ffn.layers.0.0': 96,
           'stages.1.blocks.1.ffn.layers.1': 48}))


def write_ranking(path, layers) -> str:
    """A ranking in which the last filters come first."""
    path.write_text(json.dumps(dict(settings={}, layers={
        name: dict(order=list(range(filters))[::-1]) for name, filters in layers.items()})))
    return str(path)


def build(cfg) -> nn.Module:
    import mmpretrain.models  # noqa: F401  (registers VGG)
    torch.manual_seed(0)
    network = MMSEG_MODELS.build(cfg)
    network.eval()  # gives None for some of MMSegmentation's
    return network


def outputs(network, image):
    with torch.no_grad():
        result = network(image)
    return result if isinstance(result, (tuple, list)) else [result]


@pytest.fixture(params=BACKBONES)
def pair(request, tmp_path):
    """A backbone in evaluation mode, and the same weights corrected, with the config of both."""
    cfg, layers = BACKBONES[request.param]
    ranking = write_ranking(tmp_path / 'priority.json', layers)
    corrected_cfg = dict(type='mmseg_sympie.CorrectedBackbone', backbone=cfg, ranking=ranking,
                         beta=0.25)
    plain, corrected = build(cfg), build(corrected_cfg)
    missing, unexpected = corrected.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and all(key.startswith('corrections.') for key in missing)
    return plain, corrected, cfg, layers


@pytest.mark.slow
def test_new_units_change_nothing_at_all(pair):
    plain, corrected, _, layers = pair
    image = torch.randn(2, 3, 32, 32)
    found = outputs(corrected, image)
    assert all(torch.equal(*both) for both in zip(found, outputs(plain, image)))
    assert isinstance(corrected, type(plain))
    chosen = {name.replace('/', '.'): unit.filters.tolist()
              for name, unit in corrected.corrections.items()}
    # A quarter of the filters, and the last are the best in this ranking.
    assert chosen == {name: list(range(filters - filters // 4, filters))
                      for name, filters in layers.items()}


@pytest.mark.slow
def test_trained_units_on_top_of_an_untouched_checkpoint(pair, tmp_path):
    plain, corrected, cfg, _ = pair
    generator = torch.Generator().manual_seed(1)
    for unit in corrected.corrections.values():
        nn.init.normal_(unit.body[-1].weight, std=0.3, generator=generator)
    torch.save(corrected.corrections.state_dict(), tmp_path / 'units.pth')

    loaded = build(dict(type='mmseg_sympie.CorrectedBackbone', backbone=cfg,
                        checkpoint=str(tmp_path / 'units.pth')))
    assert list(loaded.state_dict()) == list(plain.state_dict())
    loaded.load_state_dict(plain.state_dict())  # strictly

    image = torch.randn(2, 3, 32, 32)
    wanted = outputs(corrected, image)
    assert all(torch.equal(*both) for both in zip(outputs(loaded, image), wanted))
    assert not torch.equal(wanted[-1], outputs(plain, image)[-1])
    # What a runner does before training must not reach trained units.
    loaded.init_weights()
    loaded.load_state_dict(plain.state_dict())
    assert all(torch.equal(*both) for both in zip(outputs(loaded, image), wanted))


def test_only_the_units_train(pair):
    plain, corrected, _, _ = pair
    corrected.train()
    assert not any(module.training for module in corrected.modules()
                   if module not in set(corrected.corrections.modules()))
    assert all(unit.training for unit in corrected.corrections.values())
    optimiser = torch.optim.SGD([parameter for parameter in corrected.parameters()
                                 if parameter.requires_grad], lr=0.1)
    before = {key: value.clone() for key, value in corrected.state_dict().items()}
    result = corrected(torch.randn(2, 3, 32, 32))
    (result[-1] if isinstance(result, (tuple, list)) else result).square().mean().backward()
    optimiser.step()
    changed = {key for key, value in corrected.state_dict().items()
               if not torch.equal(value, before[key])}
    assert changed and all(key.startswith('corrections.') for key in changed)
    for name in corrected.corrections:
        assert f'corrections.{name}.body.{len(corrected.corrections[name].body) - 1}.weight' \
            in changed


def test_units_work_before_batch_norm():
    """Adding b to a filter before batch norm is the same as a mean that is lower by b."""
    plain = build(dict(type='ResNet', depth=18, norm_cfg=BN))
    shifted = build(dict(type='ResNet', depth=18, norm_cfg=BN))
    unit = CorrectionUnit([5])
    unit.body[-1].bias.data.fill_(0.7)
    Corrections({'layer2.0.conv1': unit}).eval().attach(plain)
    shifted.layer2[0].bn1.running_mean[5] -= 0.7
    image = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(outputs(plain, image), outputs(shifted, image))


def test_unit_is_the_published_stack():
    """Against the same arithmetic in NumPy, with one 3x3 convolution inside."""
    torch.manual_seed(0)
    unit = CorrectionUnit([2, 0], width=3)
    for parameter in unit.parameters():
        nn.init.normal_(parameter)
    for name, buffer in unit.named_buffers():
        if name.endswith(('running_mean', 'running_var')):
            nn.init.uniform_(buffer, 0.5, 1.5)
    features = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    weights = {key: value.numpy() for key, value in unit.double().state_dict().items()}

    def batch_norm(x, index):
        scale, shift, mean, variance = (
            weights[f'body.{index}.{key}'][None, :, None, None]
            for key in ('weight', 'bias', 'running_mean', 'running_var'))
        return (x - mean) / np.sqrt(variance + 1e-5) * scale + shift

    def conv(x, index):
        kernel = weights[f'body.{index}.weight']
        half = kernel.shape[-1] // 2
        padded = np.pad(x, ((0, 0), (0, 0), (half, half), (half, half)))
        return sum(np.einsum('oi,bihw->bohw', kernel[:, :, dy, dx],
                             padded[:, :, dy:dy + x.shape[2], dx:dx + x.shape[3]])
                   for dy in range(kernel.shape[2]) for dx in range(kernel.shape[3]))

    x = batch_norm(features.numpy()[:, [2, 0]], 0)
    x = np.maximum(batch_norm(conv(x, 1), 2), 0)
    x = np.maximum(batch_norm(conv(x, 4), 5), 0)
    x = conv(x, 7) + weights['body.7.bias'][None, :, None, None]
    wanted = features.numpy().copy()
    wanted[:, [2, 0]] += x
    np.testing.assert_allclose(unit.eval()(features).detach().numpy(), wanted)


@pytest.mark.parametrize('width, inner', [(None, 8), (5, 5), (0.25, 2)])
def test_published_widths(width, inner):
    unit = CorrectionUnit(range(8), width=width, num_convs=2, kernel_size=5)
    shapes = [tuple(module.weight.shape) for module in unit.body if isinstance(module, nn.Conv2d)]
    assert shapes == [(inner, 8, 1, 1), (inner, inner, 5, 5), (inner, inner, 5, 5),
                      (8, inner, 1, 1)]
    again = CorrectionUnit.from_state(unit.state_dict())
    assert all(torch.equal(value, again.state_dict()[key])
               for key, value in unit.state_dict().items())


def test_wrong_files_and_settings_are_named(tmp_path):
    ranking = write_ranking(tmp_path / 'priority.json', {'conv1': 64})
    cfg = dict(type='mmseg_sympie.CorrectedBackbone', backbone='ResNet', depth=18)
    for changes, message in (
            ({}, 'one of ranking=FILE'), (dict(ranking=ranking, beta=0), 'beta is a share'),
            (dict(ranking=ranking, layers=['conv2']), "no layer 'conv2'"),
            (dict(ranking=ranking, unit=dict(width=1.5)), 'width of a correction unit'),
            (dict(ranking=write_ranking(tmp_path / 'b.json', {'stem.9': 64})), "'stem.9'; it has"),
            (dict(ranking=write_ranking(tmp_path / 'c.json', {'conv1': 80})), 'Filter 79')):
        with pytest.raises(InputError, match=message):
            MMSEG_MODELS.build(dict(cfg, **changes))
    torch.save(build(dict(type='ResNet', depth=18)).state_dict(), tmp_path / 'base.pth')
    with pytest.raises(InputError, match='Wanted the units alone'):
        MMSEG_MODELS.build(dict(cfg, checkpoint=str(tmp_path / 'base.pth')))
    with pytest.raises(FileNotFoundError, match='nowhere.json'):
        MMSEG_MODELS.build(dict(cfg, ranking='nowhere.json'))
    (tmp_path / 'd.json').write_text('{"layers": {"conv1": {"order": [0, 0]}}}')
    with pytest.raises(InputError, match='no ranking of filters'):
        MMSEG_MODELS.build(dict(cfg, ranking=str(tmp_path / 'd.json')))


@pytest.mark.slow
def test_a_segmentor_trains_and_is_tested(demo_config, demo_segmentor, tmp_path):
    """Plain MMSegmentation training with new units; then the units on top of the old weights."""
    ranking = write_ranking(tmp_path / 'priority.json', {'layer2.0.conv.2.conv': 24})
    base = copy.deepcopy(demo_config)
    demo_config.model.backbone.update(type='mmseg_sympie.CorrectedBackbone',
                                      backbone='MobileNetV2', ranking=ranking, beta=1.0)
    demo_config.train_cfg.max_iters, demo_config.load_from = 2, demo_segmentor
    demo_config.model.init_cfg = dict(type='Constant', layer='Conv2d', val=0.01)
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        demo_config.pop(key, None)
    runner = Runner.from_cfg(demo_config)
    runner.train()
    backbone = runner.model.backbone
    weights = torch.load(demo_segmentor, weights_only=True)
    weights = weights.get('state_dict', weights)
    for key, value in backbone.state_dict().items():
        if not key.startswith('corrections.'):
            assert torch.equal(value, weights[f'backbone.{key}'].to(value.dtype)), key
    unit = backbone.corrections['layer2/0/conv/2/conv']
    assert unit.body[-1].weight.abs().max() > 0
    assert unit.body[0].running_mean.abs().max() > 0

    nn.init.normal_(unit.body[-1].weight, std=3)
    torch.save(backbone.corrections.state_dict(), tmp_path / 'units.pth')
    corrected = copy.deepcopy(base)
    corrected.model.backbone.update(type='mmseg_sympie.CorrectedBackbone', backbone='MobileNetV2',
                                    checkpoint=str(tmp_path / 'units.pth'))
    without = run_test(base, demo_segmentor, str(tmp_path / 'without'))
    with_units = run_test(corrected, demo_segmentor, str(tmp_path / 'with'))
    assert without['mIoU'] != with_units['mIoU']
    report = json.loads((tmp_path / 'with/report.json').read_text())
    assert any('units.pth' in key for key in report['details'])


def test_copies_have_units_of_their_own(tmp_path):
    ranking = write_ranking(tmp_path / 'priority.json', {'conv1': 64})
    network = CorrectedBackbone('ResNet', ranking=ranking, depth=18).eval()
    twin = copy.deepcopy(network)
    image = torch.randn(1, 3, 32, 32)
    before = outputs(network, image)
    twin.corrections['conv1'].body[-1].bias.data.fill_(1.0)
    assert all(torch.equal(*both) for both in zip(outputs(network, image), before))
    assert not torch.equal(outputs(twin, image)[0], before[0])


def test_trained_units_pickle_and_keep_their_precision_in_a_network_of_another(tmp_path):
    ranking = write_ranking(tmp_path / 'priority.json', {'conv1': 64})
    new = CorrectedBackbone('ResNet', ranking=ranking, depth=18)
    nn.init.normal_(new.corrections['conv1'].body[-1].weight, std=0.3)
    torch.save(new.corrections.state_dict(), tmp_path / 'units.pth')
    network = CorrectedBackbone('ResNet', checkpoint=str(tmp_path / 'units.pth'), depth=18)
    image = torch.randn(1, 3, 32, 32)
    wanted = outputs(network, image)
    loaded = pickle.loads(pickle.dumps(network))
    assert type(loaded) is type(network)
    assert all(torch.equal(*both) for both in zip(outputs(loaded, image), wanted))
    for found, value in zip(outputs(loaded.double(), image.double()), wanted):
        assert found.dtype == torch.float64
        torch.testing.assert_close(found.float(), value, rtol=1e-3, atol=1e-4)
