"""DeepLabV2 against the lineage of the published segmentor."""
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.models import ResNet
from mmseg.registry import MODELS
from torch import nn

from mmseg_sympie.models import DeepLabV2Head, DeepLabV2ResNet, MirrorEncoderDecoder
from mmseg_sympie.models.deeplabv2 import convert_published_deeplabv2
from mmseg_sympie.models.efficientnet_lite import (
    VARIANTS,
    EfficientNetLite,
    convert_efficientnet_lite,
)
from mmseg_sympie.models.mobilenetv2 import (
    convert_torchvision_mobilenetv2,
    convert_torchvision_mobilenetv2_classifier,
)
from mmseg_sympie.models.published_weights import convert_published
from mmseg_sympie.normalization import CAFFE_BGR_255

ROOT = Path(__file__).parents[1]
VECTORS = np.load(golden.DATA / 'deeplabv2.npz')


class ShallowResNet(DeepLabV2ResNet):
    """One bottleneck for each stage, as in the golden file."""

    arch_settings = {50: (ResNet.arch_settings[50][0], (1, 1, 1, 1))}


@pytest.fixture(scope='module')
def shallow_segmentor() -> nn.Sequential:
    state = golden.published_weights('deeplabv2_keys.json')
    model = nn.Sequential(ShallowResNet(), DeepLabV2Head(in_channels=2048, in_index=3,
                                                         num_classes=19, num_branches=2))
    renamed = {key.replace('clas.conv2d_list', '1.branches') if key.startswith('clas') else
               f'0.{key}': value for key, value in state.items()}
    left_out = model.load_state_dict(renamed, strict=False)
    assert not left_out.missing_keys
    assert {key[:12] for key in left_out.unexpected_keys} == {'1.branches.2', '1.branches.3'}
    return model.eval()


@pytest.mark.parametrize('name', ['even', 'odd'])
@torch.no_grad()
def test_equals_published_lineage(shallow_segmentor, name):
    height, width = VECTORS[f'{name}_size']
    bgr = golden.image_255(height, width).float().flip(0)[None]
    features = shallow_segmentor[0](CAFFE_BGR_255.standardise(bgr))
    assert features[-1].shape == tuple(VECTORS[f'{name}_feature_shape'])
    logits = F.interpolate(shallow_segmentor[1](features), size=(height, width), mode='bilinear',
                           align_corners=True)
    assert np.abs(logits[:, :, ::4, ::4].numpy() - VECTORS[f'{name}_logits_s4']).max() <= 1e-3
    assert (logits.argmax(1).numpy() == VECTORS[f'{name}_argmax']).mean() >= 0.999


def test_head_sums_its_branches():
    head = DeepLabV2Head(in_channels=2, in_index=0, num_classes=3)
    assert [branch.dilation[0] for branch in head.branches] == [6, 12, 18, 24]
    assert not hasattr(head, 'conv_seg')
    for branch in head.branches:
        nn.init.zeros_(branch.weight)
        nn.init.constant_(branch.bias, 2.0)
    assert head([torch.ones(1, 2, 5, 5)]).unique().tolist() == [8]


@pytest.mark.parametrize('num_branches', [0, 5])
def test_impossible_number_of_branches(num_branches):
    with pytest.raises(ValueError, match='from 1 to 4'):
        DeepLabV2Head(in_channels=2, num_classes=3, num_branches=num_branches)


def test_convert_published_segmentor_for_the_published_protocol():
    state = golden.published_segmentor()
    converted = convert_published_deeplabv2(state, 'x.pth')
    cfg = Config.fromfile(ROOT / 'configs/deeplabv2_acdc_published_protocol.py')
    cfg.model.data_preprocessor.enhancer = cfg.model.data_preprocessor.checkpoint = None
    segmentor = MODELS.build(cfg.model)
    assert isinstance(segmentor, MirrorEncoderDecoder)
    segmentor.load_state_dict(converted, strict=True)
    assert torch.equal(segmentor.decode_head.branches[1].weight,
                       state['clas.conv2d_list.1.weight'])
    assert convert_published(state, 'x.pth').keys() == converted.keys()
    state.pop('layer1.0.conv1.weight')
    state['surplus'] = torch.zeros(1)
    with pytest.raises(ValueError, match=r'layer1.0.conv1.weight\), 1 are unexpected.*surplus'):
        convert_published_deeplabv2(state, 'x.pth')


@torch.no_grad()
def test_imagenet_mobilenetv2_gives_the_same_features():
    from mmseg.models import MobileNetV2
    from torchvision.models import mobilenet_v2
    original = mobilenet_v2().eval()
    for index, parameter in enumerate(original.parameters()):
        parameter.copy_(torch.from_numpy(golden.wave(parameter.shape, index, 0.3)) + 0.02)
    backbone = MobileNetV2(out_indices=(1, 6))
    backbone.load_state_dict(convert_torchvision_mobilenetv2(original.state_dict(), 'x'))
    backbone.eval()  # mmseg's returns None
    image = torch.rand(1, 3, 64, 96)
    wanted = original.features[:18](image)
    assert (backbone(image)[-1] - wanted).abs().max() <= 1e-4 * wanted.abs().max()


@torch.no_grad()
def test_imagenet_mobilenetv2_gives_the_same_classes():
    from mmengine.registry import DefaultScope
    from mmpretrain import get_model
    from torchvision.models import mobilenet_v2
    original = mobilenet_v2().eval()
    for index, parameter in enumerate(original.parameters()):
        parameter.copy_(torch.from_numpy(golden.wave(parameter.shape, index, 0.3)) + 0.02)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        classifier = get_model(
            Config.fromfile(ROOT / 'configs/classifiers/mobilenetv2.py')).eval()
    classifier.load_state_dict(convert_torchvision_mobilenetv2_classifier(original.state_dict(),
                                                                          'x'))
    image = torch.rand(1, 3, 64, 64)
    wanted = original(image)
    assert (classifier(image, mode='tensor') - wanted).abs().max() <= 1e-4 * wanted.abs().max()
    features = {key: value for key, value in original.state_dict().items() if 'features' in key}
    with pytest.raises(ValueError, match='with its classifier'):
        convert_torchvision_mobilenetv2_classifier(features, 'x.pth')


def test_foreign_mobilenetv2():
    with pytest.raises(ValueError, match="torchvision's"):
        convert_torchvision_mobilenetv2({'features.0.0.weight': torch.zeros(1)}, 'x.pth')


def test_mirror_adds_the_logits_of_the_mirror_image(monkeypatch):
    from mmseg.models import EncoderDecoder
    calls = []

    def logits_of(self, inputs, metas):
        calls.append(inputs)
        return inputs * torch.tensor([1., 2, 4])
    monkeypatch.setattr(EncoderDecoder, 'encode_decode', logits_of)
    row = torch.tensor([[10., 20, 30]]).view(1, 1, 1, 3)
    summed = MirrorEncoderDecoder.encode_decode(object.__new__(MirrorEncoderDecoder), row, [])
    # The mirror image (30, 20, 10) gives (30, 40, 40), mirrored back (40, 40, 30).
    assert summed.flatten().tolist() == [10 + 40, 40 + 40, 120 + 30]
    assert len(calls) == 2


@pytest.mark.slow
@pytest.mark.parametrize('variant', VARIANTS)
def test_published_efficientnet_lite_of_each_variant(variant):
    with torch.device('meta'):
        wanted = {key: value.shape for key, value in EfficientNetLite(variant).state_dict().items()}
    state = {str(index): torch.zeros(()).expand(shape) for index, shape in enumerate(
        [*wanted.values(), (1000, 1280), (1000,)])}
    converted = convert_efficientnet_lite(state, 'published.pth')
    assert wanted == {key.removeprefix('backbone.'): value.shape
                      for key, value in converted.items() if key.startswith('backbone.')}
