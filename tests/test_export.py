"""ONNX files against PyTorch, and a program that runs them without it."""
import runpy
import subprocess
import sys

import cv2
import golden
import numpy as np
import pytest
import torch
from commands import ROOT
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.demo.street import render_street
from mmseg_sympie.engine.export import check
from mmseg_sympie.enhancer import SyMPIE
from mmseg_sympie.enhancer.build import build_enhancer
from mmseg_sympie.enhancer.clahe import CLAHE
from mmseg_sympie.enhancer.fast import FastSyMPIE, PixelFormat, fast_path
from mmseg_sympie.enhancer.parse import parse_enhancer
from mmseg_sympie.enhancer.pretrained import convert_published_enhancer
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.checkpoints import load_weights
from mmseg_sympie.io.config import load_config
from mmseg_sympie.normalization import IMAGENET_RGB_255

onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')
from mmseg_sympie.export.enhancer import enhancer_onnx  # noqa: E402
from mmseg_sympie.export.segmentor import segmentor_onnx  # noqa: E402

GOLDEN = convert_published_enhancer(golden.published_enhancer(), 'golden')
SIZES = [(1, 1), (97, 131), (224, 224), (333, 250), (270, 481), (20, 300)]


def run(model, image):
    session = onnxruntime.InferenceSession(model.SerializeToString(),
                                           providers=['CPUExecutionProvider'])
    return session.run(None, {'image': image.numpy()})[0]


@pytest.mark.slow
@pytest.mark.parametrize('weights,minima', [
    (GOLDEN, {}), (GOLDEN, dict(min_contrast_255=100)), (None, {}),
    (None, dict(min_mean_255=110, min_contrast_255=100))])
@pytest.mark.parametrize('order,output_format', [('bgr', PixelFormat('rgb', IMAGENET_RGB_255)),
                                           ('rgb', PixelFormat('bgr', IMAGENET_RGB_255)),
                                           ('bgr', PixelFormat('bgr'))])
def test_enhancer_equals_pytorch_at_any_size(order, output_format, weights, minima):
    enhancer = SyMPIE(weights, **minima).eval()
    model = enhancer_onnx(enhancer, order, output_format)
    assert len(model.SerializeToString()) < 30e6
    fast = FastSyMPIE(enhancer, order, torch.float32)
    for size in SIZES:
        image = torch.stack([golden.image_255(*size), golden.image_255(*size, phase=1) // 3])
        found, wanted = run(model, image), fast(image, output_format).numpy()
        assert np.abs(found - wanted).max() < 1e-4 * (wanted.max() - wanted.min())


@pytest.mark.slow
@pytest.mark.parametrize('name', [
    'SyMPIE:source=cityscapes', 'SourceMatch:source=cityscapes', 'GreyWorld', 'MeanMatch', 'Levels',
    'SourceMatch:source=camvid,method=gain', 'SourceMatch:source=camvid,method=channel',
    'SourceMatch:source=camvid,method=covariance'])
@pytest.mark.parametrize('order', ['bgr', 'rgb'])
def test_match_and_its_like_equal_pytorch_at_any_size(order, name):
    """What is measured of the whole image too: black point, mean, covariance."""
    enhancer = build_enhancer(parse_enhancer(name)).eval()
    model = enhancer_onnx(enhancer, order, PixelFormat('rgb', IMAGENET_RGB_255))
    fast = fast_path(enhancer, order, torch.float32)
    for size in SIZES:
        image = torch.stack([golden.image_255(*size), golden.image_255(*size, phase=1) // 3])
        image[1, 0] //= 2  # a colour cast
        wanted = fast(image, PixelFormat('rgb', IMAGENET_RGB_255)).numpy()
        # A single pixel is stretched the most, and rounding with it.
        bound = 2e-5 if size == (1, 1) else 1e-5
        assert np.abs(run(model, image) - wanted).max() < bound * max(1, np.abs(wanted).max())


@pytest.mark.parametrize('kind', [CLAHE, torch.nn.Identity])
def test_what_is_no_colour_map_is_refused(kind):
    with pytest.raises(InputError, match=f'{kind.__name__} cannot be exported: wanted'):
        enhancer_onnx(kind(), 'bgr', PixelFormat())


def test_several_applications_are_refused():
    with pytest.raises(InputError, match='iterations=2'):
        enhancer_onnx(SyMPIE(iterations=2).eval(), 'bgr', PixelFormat())


@pytest.fixture
def model(demo_segmentor):
    cfg = load_config(str(ROOT / 'configs/demo_sympie.py'))
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model).eval()
    load_weights(model, demo_segmentor, 'segmentor', '')
    return model


@pytest.mark.slow
def test_segmentor_decides_the_same(model):
    exported = segmentor_onnx(model)
    for height, width in ((192, 384), (250, 333), (96, 97)):
        scenes = [render_street(seed, height, width).image for seed in range(2)]
        image = torch.from_numpy(np.stack([scenes[0], scenes[1] // 3])[..., ::-1].copy())
        image = image.permute(0, 3, 1, 2).contiguous()
        found = run(exported, image)
        with torch.no_grad():
            data = model.data_preprocessor(dict(inputs=list(image), data_samples=[None] * 2))
            wanted = model.encode_decode(data['inputs'], [dict(
                ori_shape=(height, width), img_shape=(height, width))] * 2).argmax(dim=1).numpy()
        assert found.dtype == np.uint8 and found.shape == wanted.shape
        assert len(np.unique(found)) > 3
        assert (found == wanted).mean() >= 0.999


@pytest.mark.slow
@pytest.mark.parametrize('change,message', [
    (lambda model: setattr(model, 'test_cfg', ConfigDict(mode='slide')), "'slide'"),
    (lambda model: setattr(model.data_preprocessor, 'test_cfg', dict(size=(8, 8))), 'pads'),
    (lambda model: setattr(model, 'data_preprocessor', SyMPIEDataPreprocessor(
        enhancer=[dict(type='MeanMatch'), dict(type='SyMPIE')])), 'one enhancer'),
    (lambda model: setattr(model, 'out_channels', 1), '1 output channels'),
    (lambda model: setattr(model, 'out_channels', 847), '847 output channels'),
])
def test_what_cannot_be_exported_is_refused(model, change, message):
    change(model)
    with pytest.raises(InputError, match=message):
        segmentor_onnx(model)


@pytest.mark.slow
def test_tool_and_a_program_without_pytorch(demo_segmentor, tmp_path):
    image = render_street(1, 96, 160).image
    cv2.imwrite(str(tmp_path / 'street.png'), image[..., ::-1])
    # None in sys.modules makes an import fail.
    without = ('import sys, runpy; sys.modules.update(torch=None, mmseg=None, mmengine=None); '
               'sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")')
    for config, repeats, shape in (
            (('--source', 'camvid'), 1, (96, 160, 3)),
            (('configs/demo_sympie.py', demo_segmentor), 0, (96, 160)),
            (('configs/demo.py', demo_segmentor, '--source', 'demo'), 0, (96, 160))):
        outcome = subprocess.run([sys.executable, 'tools/export_onnx.py', *config, '--out',
                                  str(tmp_path / 'model.onnx'), '--repeats', str(repeats)],
                                 cwd=ROOT, capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stderr
        assert ('ONNX Runtime:' in outcome.stdout) == bool(repeats) and '480x' not in outcome.stderr
        subprocess.run([sys.executable, '-c', without, 'tools/run_onnx.py',
                        tmp_path / 'model.onnx', tmp_path / 'street.png', tmp_path / 'out.png'],
                       cwd=ROOT, check=True)
        assert cv2.imread(str(tmp_path / 'out.png'), cv2.IMREAD_UNCHANGED).shape == shape


# tools/run_onnx.py

def graph_of(tmp_path, output: str):
    """A small file with the interface of the exported ones: the blue channel decides."""
    from onnx import TensorProto, helper
    shape = dict(labels=['b', 'h', 'w'], logits=['b', 2, 'h', 'w'], normalised=['b', 3, 'h', 'w'],
                 other=['b', 3, 'h', 'w'])[output]
    blue = helper.make_node('Gather', ['image', 'first'], ['blue'], axis=1)
    constants = [helper.make_tensor('first', TensorProto.INT64, [], [0])]
    kind = TensorProto.UINT8 if output == 'labels' else TensorProto.FLOAT
    if output == 'labels':
        nodes = [blue, helper.make_node('Identity', ['blue'], [output])]
    else:
        nodes = [helper.make_node('Cast', ['image'], ['float'], to=TensorProto.FLOAT)]
        if output == 'logits':
            constants.append(helper.make_tensor('two', TensorProto.INT64, [2], [0, 2]))
            nodes.append(helper.make_node('Gather', ['float', 'two'], [output], axis=1))
        else:
            nodes.append(helper.make_node('Identity', ['float'], [output]))
    graph = helper.make_graph(
        nodes, 'g', [helper.make_tensor_value_info('image', TensorProto.UINT8, ['b', 3, 'h', 'w'])],
        [helper.make_tensor_value_info(output, kind, shape)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9),
              tmp_path / 'm.onnx')


def run_onnx(monkeypatch, *args):
    monkeypatch.setattr(sys, 'argv', ['tools/run_onnx.py', *map(str, args)])
    runpy.run_path(str(ROOT / 'tools/run_onnx.py'), run_name='__main__')


@pytest.fixture
def street(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bgr = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    cv2.imwrite('street.png', bgr)
    return bgr


@pytest.mark.parametrize('output,target', [
    ('labels', 'l.png'), ('labels', 'l.PNG'), ('labels', 'l.tif'), ('labels', 'l.bmp'),
    ('labels', 'l.npy'), ('normalised', 'e.png'), ('logits', 'l.npy')])
def test_every_value_comes_back(tmp_path, monkeypatch, street, output, target):
    graph_of(tmp_path, output)
    run_onnx(monkeypatch, 'm.onnx', 'street.png', target)
    found = (np.load(target) if target.endswith('.npy')
             else cv2.imread(target, cv2.IMREAD_UNCHANGED))
    wanted = dict(labels=street[..., 0], normalised=street,
                  logits=street.transpose(2, 0, 1)[::2].astype(np.float32))[output]
    assert found.dtype == wanted.dtype and (found == wanted).all()
    assert {path.name for path in tmp_path.iterdir()} == {'m.onnx', 'street.png', target}


@pytest.mark.parametrize('output,target,message', [
    ('labels', 'l.jpg', 'l.jpg: labels need a format that keeps every value, .png'),
    ('labels', 'l.webp', 'labels need'), ('labels', 'l.gif', 'labels need'),
    ('labels', 'l', 'labels need'), ('logits', 'l.png', 'logits need .*.npy'),
    ('normalised', 'e', 'no suffix of an image format'),
    ('normalised', 'e.xyz', 'no suffix of an image format'),
    ('other', 'e.png', "from .'image'. to .'other'.: wanted a file of `sympie export`"),
    ('labels', 'below/l.png', 'cannot write below/l.png: No such file')])
def test_targets_that_cannot_hold_the_result(tmp_path, monkeypatch, street, output, target,
                                             message):
    graph_of(tmp_path, output)
    with pytest.raises(SystemExit, match=message):
        run_onnx(monkeypatch, 'm.onnx', 'street.png', target)
    assert {path.name for path in tmp_path.iterdir()} == {'m.onnx', 'street.png'}


@pytest.mark.parametrize('model,source,message', [
    ('none.onnx', 'street.png', 'none.onnx does not exist'),
    ('street.png', 'street.png', 'street.png cannot be read as an ONNX file'),
    ('m.onnx', 'none.png', 'none.png does not exist'),
    ('m.onnx', 'm.onnx', 'cannot be read as an image')])
def test_files_that_are_not_there(tmp_path, monkeypatch, street, model, source, message):
    graph_of(tmp_path, 'labels')
    with pytest.raises(SystemExit, match=message):
        run_onnx(monkeypatch, model, source, 'l.png')


@pytest.mark.slow
@pytest.mark.parametrize('head,message', [
    (dict(type='PSPHead', pool_scales=(1, 2, 3, 6)),
     r'adaptive pooling .*decode_head.psp_modules.1.0.*Export the enhancer alone'),
    (dict(type='APCHead', pool_scales=(1, 2, 3, 6)), 'adaptive pooling')])
def test_heads_that_pool_to_a_fixed_size_are_refused_in_a_line(capfd, head, message):
    cfg = load_config(str(ROOT / 'configs/demo_sympie.py'))
    cfg.model.backbone.init_cfg = None
    cfg.model.decode_head = dict(
        head, in_channels=320, in_index=-1, channels=8, num_classes=19, align_corners=False,
        norm_cfg=dict(type='BN'), loss_decode=dict(type='CrossEntropyLoss'))
    with pytest.raises(InputError, match=message) as refused:
        segmentor_onnx(MODELS.build(cfg.model).eval())
    assert '\n' not in str(refused.value) and len(str(refused.value)) < 600
    captured = capfd.readouterr()
    assert 'graph(' not in captured.out + captured.err


def test_a_graph_with_sizes_in_it_is_refused():

    def fixed(image):
        return image.reshape(2, 3, 256 * 512)

    with pytest.raises(InputError, match='does not run at 250x333 by ONNX Runtime: .*reshape'):
        check(fixed, lambda image: image.reshape(2, 3, -1), 'labels')
    with pytest.raises(InputError, match='does not run at 250x333 by PyTorch'):
        check(lambda image: image.reshape(2, 3, -1), fixed, 'labels')
