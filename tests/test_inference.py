"""Enhancers and segmentors from Python: every type of image, and what comes back."""
import numpy as np
import pytest
import torch
from PIL import Image

import mmseg_sympie
from mmseg_sympie.engine.segmentor_config import image_pipeline, with_enhancer
from mmseg_sympie.enhancer import MeanMatch, SyMPIE
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.config import load_config
from mmseg_sympie.io.image_types import as_tensor

DARK = np.random.default_rng(0).integers(20, 61, (24, 32, 3), dtype=np.uint8)
PLANES = torch.from_numpy(DARK).permute(2, 0, 1).contiguous()


@pytest.fixture(scope='module')
def brighten():
    return mmseg_sympie.load_enhancer('MeanMatch:80', device='cpu')


def kinds():
    return {'array': DARK, 'picture': Image.fromarray(DARK), 'bytes': PLANES,
            'batch': torch.stack([PLANES, PLANES]), 'float': PLANES / 255.,
            'double': PLANES[None].double() / 255, 'half': (PLANES / 255).half()}


@pytest.mark.parametrize('kind', list(kinds()))
def test_the_same_type_comes_out(brighten, kind):
    image = kinds()[kind]
    result = brighten(image)
    assert type(result) is type(image)
    if isinstance(image, torch.Tensor):
        assert result.dtype == image.dtype and result.shape == image.shape
        levels = result.double() * (1 if image.dtype == torch.uint8 else 255)
        levels = levels.reshape(-1, 3, 24, 32)[0].permute(1, 2, 0).numpy()
    else:
        levels = np.asarray(result).astype(float)
        assert levels.shape == DARK.shape
    wanted = MeanMatch(80)(PLANES[None] / 255)[0].permute(1, 2, 0).numpy() * 255
    assert abs(levels.mean() - 80) < 0.5 and abs(levels - wanted).max() < 1


def test_an_array_that_is_a_reversed_view(brighten):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert (brighten(image[..., ::-1]) == brighten(image[..., ::-1].copy())).all()


@pytest.mark.parametrize('enhancer', [None, [], ()])
def test_no_enhancer_at_all_is_refused(enhancer):
    with pytest.raises(InputError, match='No enhancer was named'):
        mmseg_sympie.load_enhancer(enhancer)


def test_grey_and_transparent_pictures_become_rgb(brighten):
    for mode in ('L', 'RGBA', 'P'):
        result = brighten(Image.fromarray(DARK).convert(mode))
        assert result.mode == 'RGB' and result.size == (32, 24)


@pytest.mark.parametrize('image,message', [
    (DARK[..., 0], r'array \(24, 32\) of uint8'), (DARK / 255, 'of float64'),
    (DARK.transpose(2, 0, 1), r'\(3, 24, 32\)'), ([1], 'a list'), (PLANES.int(), 'of torch.int32'),
    (PLANES[:1], r'\(1, 24, 32\)'), (PLANES.float(), 'values from 20 to 60'),
    (PLANES / 255 - 1, 'values from -0.9'), (PLANES * torch.nan, 'values from nan'),
    (Image.new('I;16', (4, 4)), 'mode I;16 has no known range'),
    (torch.empty(0, 3, 4, 4), r'\(0, 3, 4, 4\)'), (DARK[:0], r'array \(0, 32, 3\)'),
    (Image.new('RGB', (5, 0)), r'array \(0, 5, 3\)'), (PLANES / 255 + 1, 'values from 1.07')])
def test_other_images_are_refused(image, message):
    with pytest.raises(InputError, match=message):
        as_tensor(image)


def test_white_by_rounding():
    assert as_tensor(torch.full((3, 2, 2), 1.00001)).max() == 255


def test_parameters_are_named_numbers(brighten):
    found = brighten.parameters(DARK)
    gain = 80 / DARK.mean()
    assert found.gain == pytest.approx(gain, rel=1e-3)
    assert found.contrast == pytest.approx(gain, rel=1e-3)
    assert found.offset == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(found.matrix, gain * np.eye(3), rtol=1e-3, atol=1e-4)
    assert found.kernel[2, 2] == 1 and found.kernel.sum() == 1 and found.shift.shape == (3,)
    with pytest.raises(InputError, match='of one image, got 2'):
        brighten.parameters(torch.stack([PLANES, PLANES]))
    with pytest.raises(InputError, match='ImageEnhancer.CLAHE.* predicts no matrix'):
        mmseg_sympie.load_enhancer('CLAHE', device='cpu').parameters(DARK)


def test_the_default_is_that_of_the_data_preprocessor():
    enhancer = mmseg_sympie.load_enhancer(device='cpu')
    assert repr(enhancer) == "ImageEnhancer(SyMPIE, device='cpu')"
    with torch.no_grad():
        wanted = SyMPIE().eval()(PLANES[None] / 255)[0]
        parameters = SyMPIE().eval().predict(
            mmseg_sympie.enhancer.sympie.IMAGENET_RGB.standardise(PLANES[None] / 255))
    assert (enhancer(PLANES / 255) - wanted).abs().max() < 4e-3
    found = enhancer.parameters(PLANES)
    np.testing.assert_allclose(found.matrix, parameters.matrix[0].numpy(), atol=0.02)
    assert repr(mmseg_sympie.load_enhancer(source='cityscapes', device='cpu')) == (
        "ImageEnhancer(SyMPIE, device='cpu')")
    both = mmseg_sympie.load_enhancer('GreyWorld+MeanMatch:90', device='cpu')
    assert 'GreyWorld, MeanMatch' in repr(both)
    for wrong in ('Nothing', dict(type='Nothing'), 'MeanMatch:tarket=3'):
        with pytest.raises(InputError, match='Nothing|tarket'):
            mmseg_sympie.load_enhancer(wrong, device='cpu')


def test_a_segmentor_sees_what_mmsegmentation_sees(demo_segmentor, tmp_path):
    from mmseg.apis import inference_model, init_model

    from mmseg_sympie.demo.street import render_street
    image = np.ascontiguousarray(render_street(2, 96, 192).image) // 3
    segmentor = mmseg_sympie.SegmentorWithEnhancer('demo_sympie', demo_segmentor, 'MeanMatch:110',
                                                   device='cpu')
    without, with_, enhanced = found = segmentor(image)
    assert without.shape == with_.shape == (96, 192) and without.dtype == np.uint8
    assert found.changed.mean() > 0.01 and enhanced.mean() == pytest.approx(110, abs=4)
    assert segmentor.classes[0] == 'road' and segmentor.palette[0] == [128, 64, 128]
    plain = init_model('configs/demo.py', demo_segmentor, device='cpu')
    for labels, picture in ((without, image), (with_, enhanced)):
        wanted = inference_model(plain, picture[..., ::-1].copy()).pred_sem_seg.data[0].numpy()
        assert (labels == wanted).mean() > 0.995
    assert (segmentor(Image.fromarray(image)).with_ == with_).all()
    with pytest.raises(InputError, match='one image, got 2'):
        segmentor(torch.stack([PLANES, PLANES]))


def test_a_config_gets_an_enhancer_once():
    plain, own = load_config('demo'), load_config('demo_sympie')
    kind = 'mmseg_sympie.SyMPIEDataPreprocessor'
    assert with_enhancer(plain).model.data_preprocessor.type == kind
    assert with_enhancer(own).to_dict() == own.to_dict()
    named = with_enhancer(own, 'GreyWorld+SourceMatch', 'cityscapes').model.data_preprocessor
    assert named.enhancer == [dict(type='GreyWorld'), dict(type='SourceMatch')]
    assert named.source == 'cityscapes'
    with pytest.raises(InputError, match="GreyWorld takes no source.*got 'cityscapes'"):
        with_enhancer(own, 'GreyWorld', 'cityscapes')
    matched = with_enhancer(load_config('espnetv2_cityscapes'), 'SourceMatch:strength=0.5')
    assert matched.model.data_preprocessor.source == 'cityscapes'
    with pytest.raises(InputError, match='MeanMatch takes no source'):
        with_enhancer(load_config('demo_meanmatch'), source='cityscapes')
    trained = load_config('espnetv2_cityscapes')  # With a checkpoint, nothing is assumed.
    assert 'source' not in with_enhancer(trained, 'mine.pth').model.data_preprocessor
    own.model.data_preprocessor.enhancer = None
    assert with_enhancer(own).model.data_preprocessor.enhancer == [dict(type='SyMPIE')]
    steps = [step['type'] for step in image_pipeline(plain)]
    assert steps == ['mmseg.LoadImageFromNDArray', 'PackSegInputs']
    plain.pop('test_dataloader')
    with pytest.raises(InputError, match='no test_dataloader'):
        image_pipeline(plain)
