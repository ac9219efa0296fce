"""The data preprocessor: switching on, lists, own enhancers, and images it must refuse."""
import copy
import pickle

import golden
import pytest
import torch
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import nn

from mmseg_sympie.errors import InputError
from mmseg_sympie.registry import MODELS

SYMPIE = 'mmseg_sympie.SyMPIEDataPreprocessor'


@MODELS.register_module()
class HalveRed(nn.Module):
    """A user's enhancer."""

    def forward(self, image):
        return image * torch.tensor([0.5, 1, 1]).view(3, 1, 1)


def build(**kwargs):
    return MMSEG_MODELS.build(dict(type=SYMPIE, **kwargs))


def test_users_enhancer_and_order_of_a_list():
    image = torch.full((3, 4, 4), 90, dtype=torch.uint8)
    halved_last = build(enhancer=[dict(type='MeanMatch', target=120), dict(type='HalveRed')])
    found = halved_last(dict(inputs=[image], data_samples=None))['inputs'][0, :, 0, 0]
    assert found.tolist() == pytest.approx([120, 120, 60])  # BGR
    matched_last = build(enhancer=[dict(type='mmseg_sympie.HalveRed'),
                                   dict(type='MeanMatch', target=120)])
    found = matched_last(dict(inputs=[image], data_samples=None))['inputs'][0, :, 0, 0]
    assert found.tolist() == pytest.approx([144, 144, 72])


def test_two_lines_keep_every_other_entry_of_the_config(demo_config, with_enhancer):
    plain = MMSEG_MODELS.build(demo_config.model).data_preprocessor
    enhanced = MMSEG_MODELS.build(with_enhancer(demo_config).model).data_preprocessor
    assert torch.equal(plain.mean, enhanced.mean) and torch.equal(plain.std, enhanced.std)
    assert enhanced.size_divisor == plain.size_divisor == 8
    assert enhanced.pad_val == 0 and enhanced.seg_pad_val == 255


@pytest.mark.parametrize('nothing', [None, []])
def test_without_enhancers_it_is_the_plain_preprocessor(demo_config, nothing):
    plain = MMSEG_MODELS.build(demo_config.model.data_preprocessor)
    settings = {**demo_config.model.data_preprocessor, 'type': SYMPIE, 'enhancer': nothing}
    image = golden.image_255(20, 30)
    found, wanted = (preprocessor(dict(inputs=[image], data_samples=None))['inputs']
                     for preprocessor in (MMSEG_MODELS.build(settings), plain))
    assert torch.equal(found, wanted)


def test_cfg_options_alone_switch_it_on(demo_config, enhancer_checkpoint):
    demo_config.merge_from_dict({
        'model.data_preprocessor.type': SYMPIE,
        'model.data_preprocessor.enhancer.checkpoint': enhancer_checkpoint,
        'model.data_preprocessor.enhancer.iterations': 2})
    model = MMSEG_MODELS.build(demo_config.model)
    assert model.data_preprocessor.enhancers[0].iterations == 2


def test_checkpoint_and_another_enhancer_contradict(enhancer_checkpoint):
    with pytest.raises(ValueError, match='short for a single SyMPIE'):
        build(checkpoint=enhancer_checkpoint, enhancer=dict(type='MeanMatch'))


@pytest.mark.parametrize('enhancer', [['MeanMatch'], 3])
def test_enhancer_must_be_a_name_or_a_config(enhancer):
    with pytest.raises(InputError, match="a config such as dict.type='MeanMatch'"):
        build(enhancer=enhancer)


def test_enhancers_by_name():
    built = build(enhancer='GreyWorld+MeanMatch:90').enhancers
    assert [type(each).__name__ for each in built] == ['GreyWorld', 'MeanMatch']
    assert built[1].target == 90


def test_unknown_channel_order():
    with pytest.raises(ValueError, match="'bgr' or 'rgb', got 'gbr'"):
        build(enhancer=None, channel_order='gbr')


@pytest.mark.parametrize('image,message', [
    (torch.zeros(1, 8, 8, dtype=torch.uint8), r'colour images \(3, H, W\), got \(1, 8, 8\)'),
    (torch.zeros(4, 8, 8, dtype=torch.uint8), r'got \(4, 8, 8\)'),
    (torch.zeros(3, 8, 8, dtype=torch.int32), 'uint8 or float on 0..255, got torch.int32'),
    (torch.full((3, 8, 8), 40000.0), 'values from 40000 to 40000'),
    (torch.full((3, 8, 8), -1.5), 'normalised already'),
    (torch.full((3, 8, 8), float('nan')), 'values from nan'),
])
def test_images_that_are_not_colour_on_0_to_255(image, message):
    with pytest.raises(ValueError, match=message):
        build(enhancer=dict(type='MeanMatch'))(dict(inputs=[image], data_samples=None))


@pytest.mark.parametrize('dtype', [torch.float16, torch.float32, torch.float64])
def test_float_images_and_odd_layouts(dtype):
    image = golden.image_255(20, 30).to(dtype)
    transposed = image.transpose(1, 2).contiguous().transpose(1, 2)
    preprocessor = build(enhancer=dict(type='MeanMatch', target=100))
    wanted = image.double() * 100 / image.double().mean()
    for given in (image, transposed):
        found = preprocessor(dict(inputs=[given], data_samples=None))['inputs'][0]
        assert found.dtype == torch.float32
        assert (found - wanted).abs().max() < 1e-2


def test_a_batch_tensor_and_no_images():
    preprocessor = build(enhancer=dict(type='MeanMatch', target=100))
    batch = torch.full((2, 3, 4, 4), 50, dtype=torch.uint8)
    found = preprocessor(dict(inputs=batch, data_samples=None))['inputs']
    assert found.mean() == pytest.approx(100)
    assert preprocessor.enhance(batch[:0]).shape == (0, 3, 4, 4)


def test_mmpretrain_preprocessor(enhancer_checkpoint):
    pytest.importorskip('mmpretrain')
    from mmengine.registry import init_default_scope
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS
    init_default_scope('mmpretrain')
    preprocessor = MMPRETRAIN_MODELS.build(dict(
        type='mmseg_sympie.SyMPIEClsDataPreprocessor', mean=[100.0] * 3, std=[10.0] * 3,
        to_rgb=True, enhancer=[dict(type='MeanMatch', target=120), dict(type='HalveRed')]))
    images = torch.full((2, 3, 8, 8), 60, dtype=torch.uint8)
    for inputs in (images, list(images)):
        found = preprocessor(dict(inputs=inputs))['inputs']
        assert found[1, :, 0, 0].tolist() == pytest.approx([-4, 2, 2])  # RGB
    classifier = MMPRETRAIN_MODELS.build(dict(
        type='ImageClassifier', backbone=dict(type='MobileNetV2', widen_factor=0.5),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=5, in_channels=1280),
        data_preprocessor=dict(type='mmseg_sympie.SyMPIEClsDataPreprocessor',
                               checkpoint=enhancer_checkpoint, to_rgb=True)))
    result = classifier.eval().test_step(dict(inputs=images))
    assert result[0].pred_score.shape == (5,)
    assert not any('enhancer' in key for key in classifier.state_dict())


def test_in_front_of_a_detectors_preprocessor():
    """Images are enhanced, then normalised and padded as MMDetection does."""
    pytest.importorskip('mmdet')
    from mmdet.structures import DetDataSample
    normalisation = dict(mean=[120.0, 110.0, 100.0], std=[50.0, 60.0, 70.0], bgr_to_rgb=True)
    preprocessor = MODELS.build(dict(
        type='mmseg_sympie.EnhancedDataPreprocessor', behind='mmdet.DetDataPreprocessor',
        enhancer=dict(type='HalveRed'), pad_size_divisor=32, **normalisation))
    image = torch.full((3, 40, 50), 90, dtype=torch.uint8)
    sample = DetDataSample(metainfo=dict(img_shape=(40, 50)))
    found = preprocessor(dict(inputs=[image], data_samples=[sample]))
    assert found['inputs'].shape == (1, 3, 64, 64)
    # Blue comes first, red last; then RGB.
    wanted = [(45 - 120) / 50, (90 - 110) / 60, (90 - 100) / 70]
    assert found['inputs'][0, :, 0, 0].tolist() == pytest.approx(wanted)
    assert found['data_samples'][0].batch_input_shape == (64, 64)


@pytest.mark.parametrize('kind', [dict(type=SYMPIE), dict(
    type='mmseg_sympie.EnhancedDataPreprocessor', behind='ImgDataPreprocessor')])
def test_copies_and_pickles_work_alike(kind):
    preprocessor = MMSEG_MODELS.build(dict(kind, mean=[10.0], std=[2.0],
                                           enhancer=dict(type='MeanMatch', target=100)))
    image = torch.full((3, 8, 8), 50, dtype=torch.uint8)
    for twin in (copy.deepcopy(preprocessor), pickle.loads(pickle.dumps(preprocessor))):
        assert type(twin) is type(preprocessor)
        assert twin.enhancers[0] is not preprocessor.enhancers[0]
        found = twin(dict(inputs=[image], data_samples=None))['inputs']
        assert found[0, :, 0, 0].tolist() == pytest.approx([45] * 3)


def test_registered_names_are_classes():
    for name in ('SyMPIEDataPreprocessor', 'SyMPIEClsDataPreprocessor',
                 'EnhancedDataPreprocessor', 'CorrectedBackbone'):
        assert isinstance(MODELS.get(f'mmseg_sympie.{name}'), type)


def test_without_enhancers_for_a_while_it_is_the_plain_preprocessor():
    settings = dict(mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 5.0], bgr_to_rgb=True)
    enhanced, plain = build(**settings), MMSEG_MODELS.build(
        dict(type='SegDataPreProcessor', **settings))
    data = dict(inputs=[golden.image_255(20, 30)], data_samples=None)
    with enhanced.without_enhancers():
        assert torch.equal(enhanced(data)['inputs'], plain(data)['inputs'])
    assert not torch.equal(enhanced(data)['inputs'], plain(data)['inputs'])
