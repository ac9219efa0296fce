"""ESPNetv2 against outputs of its authors' code."""
import json
import subprocess
import sys
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS

from mmseg_sympie.engine.segmentor_weights import load_segmentor
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.config import load_config
from mmseg_sympie.models.espnetv2 import CHANNELS, ESPNetv2, ESPNetv2Head, convert_espnetv2
from mmseg_sympie.models.published_weights import load_segmentor_weights
from mmseg_sympie.pretraining.upstream import MMSegSegmentor

ROOT = Path(__file__).parents[1]
VECTORS = np.load(golden.DATA / 'espnetv2.npz')
SIZES = dict(even=(128, 256), other=(160, 208))


def published_file(weights: Path, scale: float) -> Path:
    return weights / f'espnetv2_s_{scale}_city_1024x512.pth'


def published_state() -> dict:
    """A state dict with the names and shapes of the published file (scale 2.0)."""
    return golden.published_weights('espnetv2_keys.json')


def network(state: dict, scale: float) -> tuple:
    encoder, head = ESPNetv2(scale), ESPNetv2Head(CHANNELS[scale], num_classes=19)
    for prefix, module in (('backbone.', encoder), ('decode_head.', head)):
        module.load_state_dict({key.removeprefix(prefix): value for key, value in state.items()
                                if key.startswith(prefix)})
    return encoder.eval(), head.eval()


@pytest.mark.parametrize('scale', [1.0, 2.0])
@pytest.mark.parametrize('size', SIZES)
@torch.no_grad()
def test_equals_the_published_network(real_data, scale, size):
    path = published_file(real_data.parent / 'weights', scale)
    if not path.is_file():
        pytest.skip(f'{path.name} is not there')
    state = torch.load(path, map_location='cpu', weights_only=True)
    encoder, head = network(convert_espnetv2(state, str(path)), scale)
    stages = {name: VECTORS[f's{scale}_{size}_{name}'] for name in
              ('level1', 'level2', 'level3', 'level4')}
    features = encoder(golden.standardised(*SIZES[size]))
    for stage, wanted in zip(features, stages.values()):
        mean, deviation = wanted[-3:-1]
        assert stage.mean().item() == pytest.approx(mean, abs=1e-4)
        assert stage.std().item() == pytest.approx(deviation, rel=1e-3)
    logits = F.interpolate(head(features), SIZES[size], mode='bilinear', align_corners=True)
    published = VECTORS[f's{scale}_{size}_logits_s4'].reshape(20, *logits[0, 0, ::4, ::4].shape)
    assert np.abs(logits[0, :, ::4, ::4].numpy() - published[:19]).max() <= 1e-3
    labels = VECTORS[f's{scale}_{size}_argmax'].reshape(SIZES[size])
    assert (logits[0].argmax(0).numpy() == labels).mean() >= 0.999


@torch.no_grad()
def test_a_published_file_needs_no_conversion(tmp_path):
    """`load_segmentor` knows it by its entries; what was converted loads the same."""
    state = published_state()
    torch.save(state, tmp_path / 'published.pth')
    torch.save(convert_espnetv2(state, ''), tmp_path / 'converted.pth')
    cfg = load_config('espnetv2_cityscapes')
    models = []
    for name in ('published', 'converted'):
        with DefaultScope.overwrite_default_scope('mmseg'):
            models.append(MODELS.build(cfg.model))
        load_segmentor(models[-1], str(tmp_path / f'{name}.pth'))
    upstream = MMSegSegmentor(cfg, str(tmp_path / 'published.pth'))
    for model in (models[1], upstream.model):
        for one, other in zip(models[0].state_dict().values(), model.state_dict().values()):
            assert torch.equal(one, other)

    with pytest.raises(InputError, match='is a published one, of another model'):
        load_segmentor(torch.nn.Linear(2, 3), str(tmp_path / 'published.pth'))

    # A model of one's own may have such names too.
    own = torch.nn.ModuleDict(dict(base_net=torch.nn.Linear(2, 3)))
    torch.save(own.state_dict(), tmp_path / 'own.pth')
    assert load_segmentor_weights(own, tmp_path / 'own.pth') == []

    state.pop(next(key for key in state if key.startswith('base_net.')))
    torch.save(state, tmp_path / 'damaged.pth')
    with pytest.raises(InputError, match='published ESPNetv2 .*damaged.pth does not fit'):
        load_segmentor(models[0], str(tmp_path / 'damaged.pth'))


@pytest.mark.slow
@pytest.mark.parametrize('height, width', [(1, 1), (97, 131), (33, 64)])
@torch.no_grad()
def test_any_size(height, width):
    encoder, head = ESPNetv2(0.5).eval(), ESPNetv2Head(CHANNELS[0.5], num_classes=3).eval()
    features = encoder(torch.rand(1, 3, height, width))
    assert [tuple(each.shape[-2:]) for each in features] == [
        (-(-height // stride), -(-width // stride)) for stride in (2, 4, 8, 16)]
    assert head(features).shape == (1, 3, -(-height // 2), -(-width // 2))


def test_number_of_parameters():
    """The published file holds three PReLUs more (128 - 32, 128 and 256 channels) than it uses."""
    published = sum(value.numel() for key, value in published_state().items()
                    if 'running' not in key and 'num_batches' not in key)
    modules = ESPNetv2(2.0), ESPNetv2Head(CHANNELS[2.0], num_classes=20)
    found = sum(value.numel() for module in modules for value in module.parameters())
    assert found == published - (96 + 128 + 256) == 788_762


def test_converter_drops_background_and_keeps_the_rest():
    state = published_state()
    converted = convert_espnetv2(state, 'published.pth')
    network(converted, 2.0)  # strict
    assert torch.equal(converted['backbone.level1.0.weight'], state['base_net.level1.conv.weight'])
    assert torch.equal(converted['decode_head.norms.2.1.weight'], state['bu_br_l4.1.weight'])
    bias = state['bu_dec_l4.merge_layer.3.bias']
    assert torch.equal(converted['decode_head.pyramids.3.out.bias'], bias[:19])


def test_converter_refuses_other_files():
    with pytest.raises(InputError, match='espnetv2_s_SCALE_city'):
        convert_espnetv2({'conv1.weight': torch.zeros(1)}, 'resnet.pth')
    state = published_state()
    state['bu_dec_l1.br.br.0.weight'] = torch.zeros(7)
    with pytest.raises(InputError, match='has shape'):
        convert_espnetv2(state, 'broken.pth')


def test_unknown_scale():
    with pytest.raises(InputError, match='0.5, 1.0, 1.25, 1.5, 2.0, got 3'):
        ESPNetv2(3.0)


@pytest.mark.slow
def test_a_user_tests_it_on_cityscapes(real_data, tmp_path):
    """60 mIoU over the classes that occur, by the commands of the README."""
    path = published_file(real_data.parent / 'weights', 2.0)
    if not path.is_file():
        pytest.skip(f'{path.name} is not there')
    weights = tmp_path / 'espnetv2.pth'
    for command in (
            ['tools/convert_checkpoint.py', 'espnetv2', path, weights],
            ['tools/test.py', 'configs/espnetv2_cityscapes.py', weights, '--out', tmp_path / 'out',
             '--cfg-options', f'data_root={real_data}/cityscapes_mini',
             'test_dataloader.dataset.split=train', 'test_dataloader.num_workers=0',
             'test_dataloader.persistent_workers=False']):
        subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True,
                       capture_output=True)
    report = json.loads((tmp_path / 'out/report.json').read_text())
    assert report['scores']['all']['miou_occurring'] >= 60
