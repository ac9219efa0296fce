"""Correction priority: by hand on three filters, and exact in networks with branches."""
import json
from functools import partial

import pytest
import torch
from commands import ROOT, call
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import nn

from mmseg_sympie.deepcorrect import priority as priorities
from mmseg_sympie.deepcorrect.corrections import filter_layers
from mmseg_sympie.deepcorrect.priority import MEASURES, clean_activation, substituted_logits
from mmseg_sympie.deepcorrect.rank import Example, rank_layers
from mmseg_sympie.engine.rank_filters import chosen_layers
from mmseg_sympie.errors import InputError
from mmseg_sympie.evaluation.confusion import areas, confusion_matrix, mean_iou
from mmseg_sympie.io.config import load_config
from mmseg_sympie.pretraining.stream import SegmentationCrops
from mmseg_sympie.pretraining.upstream import MMSegSegmentor

# Class 1 where a + 2 b - c > 0, of three filters that are the three channels.
TARGETS = [1, 1, 0, 0]
CLEAN = [(1, 0, -.25), (0, 1, 0), (-1, 0, .5), (-1, 0, 1)]
DISTORTED = {('one', 1): [(0, 0, .5), (0, -1, -.5), (-1, .5, .5), (2, 0, 1)],
             ('two', 1): [(1, 0, 2), (0, 1, 0), (-1, 0, .5), (-1, 0, 1)]}


@pytest.fixture
def three_filters():
    conv, head = nn.Conv2d(3, 3, 1, bias=False), nn.Linear(3, 2, bias=False)
    conv.weight.data = torch.eye(3)[..., None, None]
    head.weight.data = torch.tensor([[0., 0, 0], [1, 2, -1]])
    return nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def examples():
    for index, (clean, target) in enumerate(zip(CLEAN, TARGETS)):
        yield Example(image(clean), {level: image(distorted[index])
                                     for level, distorted in DISTORTED.items()},
                      torch.tensor([target]))


def image(colour) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.float).view(1, 3, 1, 1).expand(1, 3, 2, 2)


def rank(network, folder, settings=dict(seed=0)):
    return rank_layers(network, {'0': network[0]}, examples, (4, 2), MEASURES['top1'], folder,
                       settings)


def test_priority_of_three_filters_worked_out_by_hand(three_filters, tmp_path):
    # Level one: images 1, 2 and 4 are wrong, 3/4. With a from the clean image 1 and 4 are right,
    # with b image 2, with c image 1: drops of 2/3, 1/3 and 1/3. Level two: image 1 is wrong, and
    # right with c: 0, 0 and 1.
    found = rank(three_filters, tmp_path)['layers']['0']
    assert found['level'] == ['one 1', 'two 1']
    assert found['error'] == [3 / 4, 1 / 4]
    assert found['priority'] == pytest.approx([1 / 3, 1 / 6, 2 / 3])
    assert found['order'] == [2, 0, 1]
    # With c: images 2 and 4 of level one; with c and a: image 2 of level one; with all: none.
    assert found['curve'] == dict(corrected=[0, 1, 2, 3],
                                  error=pytest.approx([1 / 2, 1 / 4, 1 / 8, 0]))


def test_a_layer_is_ranked_once_and_other_settings_are_refused(three_filters, tmp_path):
    first = rank(three_filters, tmp_path)
    three_filters[0].weight.data.zero_()
    assert rank(three_filters, tmp_path) == first
    with pytest.raises(InputError, match='seed was 0, and is now 1'):
        rank(three_filters, tmp_path, dict(seed=1))


class Branches(nn.Module):
    """A shortcut in place, a gate in place, and a concatenation."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 1)
        self.third, self.norm = nn.Conv2d(8, 5, 3), nn.BatchNorm2d(5)

    def forward(self, x):
        left, right = self.first(x), self.second(x)
        left += right
        right *= left.sigmoid()
        return self.norm(self.third(torch.cat([left, self.second.weight.mean() * x[:, :1] + right
                                               ], dim=1))).mean(dim=(2, 3))


BN = dict(type='BN')
NETWORKS = dict(
    branches=(None, ['first', 'second', 'third']),
    resnet18=(dict(type='ResNet', depth=18, base_channels=8, stem_channels=8, norm_cfg=BN),
              ['conv1', 'layer1.0.conv2', 'layer2.0.downsample.0', 'layer4.1.conv2']),
    mobilenetv2=(dict(type='MobileNetV2', widen_factor=0.25, norm_cfg=BN),
                 ['layer2.1.conv.1.conv', 'layer3.0.conv.2.conv']),
    swin=(dict(type='SwinTransformer', embed_dims=24, depths=(2, 2), num_heads=(2, 4),
               strides=(4, 2), out_indices=(0, 1), window_size=4),
          ['patch_embed.projection', 'stages.0.blocks.1.ffn.layers.0.0']))


def replace_filter(index, clean, layer, inputs, output):
    channel = output.ndim - 1 if isinstance(layer, nn.Linear) else 1
    output = output.clone()
    output.select(channel, index).copy_(clean.select(channel, index))
    return output


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_copies_of_a_filter_meet_the_branches_around_it(name):
    """Against one pass of the whole network for each filter."""
    cfg, layers = NETWORKS[name]
    torch.manual_seed(0)
    network = Branches() if cfg is None else MMSEG_MODELS.build(cfg)
    network.eval()

    def logits(x):
        out = network(x)
        return out if cfg is None else out[-1].mean(dim=(2, 3))

    clean, distorted = torch.randn(2, 1, 3, 32, 32)
    with torch.no_grad():
        for layer in map(network.get_submodule, layers):
            twin = clean_activation(logits, layer, clean)
            number = twin.output.shape[-1 if isinstance(layer, nn.Linear) else 1]
            masks = torch.eye(number).bool()[:6]
            without, differ = logits(distorted)[0], 0
            found = substituted_logits(logits, layer, distorted, twin.output, masks)
            assert len(found) == len(masks)
            for index in range(len(masks)):
                hook = layer.register_forward_hook(partial(replace_filter, index, twin.output))
                wanted = logits(distorted)[0]
                hook.remove()
                torch.testing.assert_close(found[index], wanted, rtol=1e-4, atol=1e-5)
                differ += not torch.equal(wanted, without)
            assert differ > 0


def test_layers_that_are_not_called_once_are_refused():
    conv = nn.Conv2d(3, 3, 1)
    for network, times in ((nn.Sequential(conv, conv), 2), (nn.Identity(), 0)):
        with pytest.raises(InputError, match=f'calls Conv2d.* {times} times'):
            clean_activation(network, conv, torch.rand(1, 3, 4, 4))


def test_segmentation_errors_worked_out_by_hand():
    # Two copies of one 1x4 label map 0 0 1 ignored, predicted 0 1 1 1 and 0 0 1 0.
    target = torch.tensor([[[0, 0, 1, 255]]])
    predicted = torch.tensor([[[0, 1, 1, 1]], [[0, 0, 1, 0]]])
    scores = nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2).float()
    counts = MEASURES['miou'].count(scores, target)
    # First copy: class 0 1/2, class 1 1/2, class 2 neither occurs nor is predicted.
    assert MEASURES['miou'].errors(counts)[0].tolist() == pytest.approx([1 / 2, 0])
    assert MEASURES['pixel'].errors(counts)[0].tolist() == pytest.approx([1 / 3, 0])


@pytest.mark.slow
def test_tool_on_a_segmentor(scenes, demo_segmentor, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(priorities, 'VALUES_AT_ONCE', 2_000_000)  # several passes
    out, layer = tmp_path / 'rank', 'layer1.0.conv.1.conv'
    monkeypatch.chdir(ROOT)
    call('rank_filters', '--segmentor', 'configs/demo.py', '--limit', 1, '--corruptions', 'darken',
         '--severities', 5, '--layers', layer, '--out', out, '--cfg-options', f'data_root={scenes}')
    assert layer in capsys.readouterr().out
    assert (out / 'priority.png').is_file()
    found = json.loads((out / 'priority.json').read_text())['layers'][layer]
    assert sorted(found['order']) == list(range(16)) and found['level'] == ['darken 5']

    # No branch leads around this layer: with all its filters clean, the error is that of the clean
    # image.
    cfg = load_config('configs/demo.py', dict(data_root=scenes))
    data = cfg.train_dataloader.dataset
    data.pipeline = [data.pipeline[0], data.pipeline[1], data.pipeline[-1]]
    item = SegmentationCrops(data)[0]
    with torch.no_grad():
        predicted = MMSegSegmentor(cfg).logits(item['inputs'][None] / 255).argmax(dim=1)[0]
    wanted = 1 - mean_iou(areas(confusion_matrix(predicted, item['target'], 19))) / 100
    assert found['curve']['error'][-1] == pytest.approx(wanted, abs=1e-3)
    assert found['curve']['error'][0] > wanted


def test_tool_names_layers_it_does_not_find():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4, 2))
    assert list(filter_layers(network)) == ['0', '2']
    assert list(chosen_layers(network, None)) == ['0']
    assert list(chosen_layers(network, ['2'])) == ['2']
    with pytest.raises(InputError, match="'conv\\*'; there are 0, 2"):
        chosen_layers(network, ['conv*'])
