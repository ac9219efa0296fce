"""The twelve contracts that are easy to break, each under its number in the design."""
import ast
import copy
import pickletools
import re
import zipfile
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
from commands import ROOT
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmseg.apis import MMSegInferencer, inference_model, init_model
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from toy_classifier import ToyClassifier  # noqa: F401 (registers it)

from mmseg_sympie.engine.segmentation import check_inputs, has_enhancer, run_test, without_enhancer
from mmseg_sympie.enhancer import SyMPIE, WarpParameters, warp
from mmseg_sympie.enhancer.fast import FastSyMPIE
from mmseg_sympie.enhancer.pretrained import SHIPPED, convert_published_enhancer
from mmseg_sympie.io.checkpoints import read_checkpoint, read_mmengine_checkpoints_safely
from mmseg_sympie.pretraining import Pretrainer


def golden_sympie() -> SyMPIE:
    return SyMPIE(convert_published_enhancer(golden.published_enhancer(), 'golden')).eval()


def bgr_batch(*sizes, **extra) -> dict:
    """A batch as a data loader gives it: BGR images on 0..255 of the given sizes."""
    images = [golden.image_255(*size, phase=i).flip(0) for i, size in enumerate(sizes)]
    return dict(inputs=images, data_samples=[SegDataSample() for _ in images], **extra)


@pytest.fixture
def enhanced_config(demo_config, with_enhancer):
    return with_enhancer(demo_config)


@pytest.fixture
def model(enhanced_config):
    return MODELS.build(enhanced_config.model).eval()


# 1. The weights are loaded in the constructor and stay.

def weights_of(model) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.data_preprocessor.enhancers[0].parameters())


@pytest.mark.slow
def published_vector() -> torch.Tensor:
    """The golden weights in their published order, which is that of the network."""
    return torch.cat([value.flatten() for key, value in golden.published_enhancer().items()
                      if not key.endswith(('running_mean', 'running_var', 'num_batches_tracked'))])


def test_1_weights_are_there_without_init_weights(model):
    assert torch.equal(weights_of(model), published_vector())


def test_1_init_weights_of_the_whole_model_does_not_reach_them(enhanced_config):
    enhanced_config.model.init_cfg = dict(type='Constant', layer=['Conv2d', 'Linear'], val=7.0)
    enhanced_config.model.decode_head.init_cfg = None
    model = MODELS.build(enhanced_config.model)
    model.init_weights()
    assert (model.decode_head.branches[0].weight == 7).all()  # the initialisation did run
    assert torch.equal(weights_of(model), published_vector())


def test_1_missing_file_raises_in_the_constructor(enhanced_config):
    enhanced_config.model.data_preprocessor.checkpoint = 'nowhere.pth'
    with pytest.raises(FileNotFoundError, match='nowhere.pth does not exist'):
        MODELS.build(enhanced_config.model)


def test_1_no_checkpoint_takes_the_weights_that_ship(enhanced_config):
    del enhanced_config.model.data_preprocessor.checkpoint
    enhancer = MODELS.build(enhanced_config.model).data_preprocessor.enhancers[0]
    shipped = torch.load(SHIPPED, weights_only=True)
    assert shipped['head.weight'].abs().max() > 0  # not the identity that pretraining starts from
    torch.testing.assert_close(enhancer.nem.head.weight, shipped['head.weight'].float())


# 2. Training leaves the enhancer alone.

def test_2_training_does_not_touch_the_enhancer(enhanced_config, model):
    before = copy.deepcopy(model.data_preprocessor.enhancers[0].state_dict())
    model.train()
    enhancer = model.data_preprocessor.enhancers[0]
    assert not any(module.training for module in enhancer.modules())
    optimiser = build_optim_wrapper(model, dict(
        type='OptimWrapper', optimizer=dict(type='SGD', lr=10.0)))
    trained = {id(p) for group in optimiser.param_groups for p in group['params']}
    assert not trained & {id(p) for p in enhancer.parameters()}
    head_before = model.decode_head.branches[0].bias.detach().clone()
    batch = bgr_batch((64, 96), (64, 96))
    for sample in batch['data_samples']:
        sample.set_data(dict(gt_sem_seg=_pixel_data(torch.randint(0, 19, (1, 64, 96)))))
    model.train_step(batch, optimiser)
    assert not torch.equal(model.decode_head.branches[0].bias, head_before)
    for key, value in enhancer.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(parameter.grad is None for parameter in enhancer.parameters())


def _pixel_data(data):
    from mmengine.structures import PixelData
    return PixelData(data=data)


# 3. The segmentor's checkpoint is the same with and without the enhancer.

def test_3_checkpoints_load_strictly_either_way(demo_config, model):
    plain = MODELS.build(demo_config.model)
    assert list(plain.state_dict()) == list(model.state_dict())
    model.load_state_dict(plain.state_dict(), strict=True)
    plain.load_state_dict(model.state_dict(), strict=True)


# 4. Enhance before padding; images of one batch may differ in size.

def test_4_images_of_different_sizes_are_enhanced_before_padding(enhanced_config):
    enhanced_config.model.data_preprocessor.update(size=(64, 96), size_divisor=None)
    preprocessor = MODELS.build(enhanced_config.model.data_preprocessor)
    sizes = [(40, 80), (64, 96), (40, 80)]
    together = preprocessor(bgr_batch(*sizes), training=True)['inputs']
    assert together.shape == (3, 3, 64, 96)
    assert (together[0, :, 40:] == 0).all() and (together[0, :, :, 80:] == 0).all()
    for index, (height, width) in enumerate(sizes):
        # By the reference, one image at a time, without any preprocessor.
        rgb = golden.image_255(height, width, phase=index)[None].float() / 255
        with torch.no_grad():
            enhanced = golden_sympie()(rgb)[0] * 255
        wanted = (enhanced - preprocessor.mean) / preprocessor.std
        difference = (together[index, :, :height, :width] - wanted).abs().max()
        assert difference < 1e-3


# 5. The enhancer sees RGB, whatever the config's order.

@pytest.mark.parametrize('order,flags', [('bgr', dict(bgr_to_rgb=True)), ('bgr', dict()),
                                         ('rgb', dict(rgb_to_bgr=True)),
                                         ('rgb', dict(channel_order='rgb'))])
def test_5_the_enhancer_sees_rgb(enhancer_checkpoint, order, flags):
    preprocessor = MODELS.build(dict(type='mmseg_sympie.SyMPIEDataPreprocessor',
                                     checkpoint=enhancer_checkpoint, precision='float32',
                                     **flags))
    rgb = golden.image_255(50, 60)
    incoming = rgb if order == 'rgb' else rgb.flip(0)
    found = preprocessor(dict(inputs=[incoming], data_samples=None))['inputs'][0]
    with torch.no_grad():
        wanted = golden_sympie()(rgb[None].float() / 255)[0] * 255
    comes_out_as_bgr = 'rgb_to_bgr' in flags or not flags
    assert (found - (wanted.flip(0) if comes_out_as_bgr else wanted)).abs().max() < 1e-2


def test_5_normalisation_of_the_segmentor_is_its_own(enhancer_checkpoint):
    preprocessor = MODELS.build(dict(
        type='mmseg_sympie.SyMPIEDataPreprocessor', mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 5.0],
        enhancer=dict(type='MeanMatch', target=100)))
    found = preprocessor(dict(inputs=[torch.full((3, 2, 2), 50, dtype=torch.uint8)],
                              data_samples=None))['inputs'][0, :, 0, 0]
    assert found.tolist() == pytest.approx([(100 - 10) / 2, (100 - 20) / 4, (100 - 30) / 5])


# 6. Warp arithmetic is float32 under autocast.

def test_6_autocast_does_not_change_the_enhanced_image(model):
    images = [golden.image_255(50, 60)]
    plain = model.data_preprocessor.enhance(images)[0]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        under_autocast = model.data_preprocessor.enhance(images)[0]
        warped = warp(torch.rand(1, 3, 8, 8).bfloat16(), WarpParameters.identity())
    assert torch.equal(plain, under_autocast)
    assert under_autocast.dtype == warped.dtype == torch.float32


# 7. Everything MMSegmentation runs a model with; the distributed test is in test_distributed.py.

@pytest.mark.slow
def test_7_test_time_augmentation_enhances_every_view(enhanced_config, model, monkeypatch):
    tta = MODELS.build(dict(type='SegTTAModel', module=model))
    seen = []
    fast = model.data_preprocessor.fast
    monkeypatch.setattr(fast, 'predict', lambda x: (seen.append(tuple(x.shape[-2:]))
                                                    or FastSyMPIE.predict(fast, x)))
    image = golden.image_255(64, 96).flip(0)
    views = [image, image.flip(-1), golden.image_255(32, 48).flip(0)]
    samples = [SegDataSample(metainfo=dict(ori_shape=(64, 96), img_shape=view.shape[1:],
                                           img_path='x.png', flip=index == 1,
                                           flip_direction='horizontal' if index == 1 else None))
               for index, view in enumerate(views)]
    result = tta.test_step(dict(inputs=[[view] for view in views],
                                data_samples=[[sample] for sample in samples]))
    assert seen == [(64, 96), (64, 96), (32, 48)]
    assert result[0].pred_sem_seg.data.shape[-2:] == (64, 96)


@pytest.mark.slow
def test_7_a_config_with_test_time_augmentation_is_tested(enhanced_config, demo_segmentor,
                                                          tmp_path):
    enhanced_config.model = dict(type='SegTTAModel', module=enhanced_config.model)
    enhanced_config.test_dataloader.update(batch_size=1)
    enhanced_config.test_dataloader.dataset.update(conditions=['fog'], pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='TestTimeAug', transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]])])
    assert has_enhancer(enhanced_config)
    assert not has_enhancer(without_enhancer(enhanced_config))
    check_inputs(enhanced_config, demo_segmentor, str(tmp_path))
    result = run_test(enhanced_config, demo_segmentor, str(tmp_path))
    assert result['fog/mIoU'] == result['mIoU'] > 0


@pytest.fixture
def saved(model, enhanced_config, tmp_path):
    path = tmp_path / 'segmentor.pth'
    torch.save(dict(state_dict=model.state_dict(),
                    meta=dict(dataset_meta=dict(classes=('a', 'b'), palette=[[0, 0, 0]] * 2))),
               path)
    config = tmp_path / 'config.py'
    enhanced_config.dump(str(config))
    return str(config), str(path)


def enhanced_logits(model) -> torch.Tensor:
    """Logits of the demo image when the enhancer is applied by hand in front of the segmentor."""
    with torch.no_grad():
        image = golden_sympie()(golden.image_255(64, 96)[None].float() / 255)[0] * 255
        normalised = (image - model.data_preprocessor.mean) / model.data_preprocessor.std
        logits = model.encode_decode(normalised[None], [dict(
            ori_shape=(64, 96), img_shape=(64, 96), pad_shape=(64, 96), padding_size=[0] * 4)])
    return logits[0]


@pytest.mark.slow
def test_7_init_model_and_inference_model(saved, model):
    loaded = init_model(*saved, device='cpu')
    image = golden.image_255(64, 96).flip(0).permute(1, 2, 0).contiguous().numpy()
    result = inference_model(loaded, image)
    assert (result.seg_logits.data - enhanced_logits(model)).abs().max() < 1e-2


@pytest.mark.slow
def test_7_inferencer(saved, model):
    inferencer = MMSegInferencer(model=saved[0], weights=saved[1], device='cpu',
                                 show_progress=False) if _has_show_progress() else \
        MMSegInferencer(model=saved[0], weights=saved[1], device='cpu')
    image = golden.image_255(64, 96).flip(0).permute(1, 2, 0).contiguous().numpy()
    labels = inferencer(image)['predictions']
    agreement = (labels == enhanced_logits(model).argmax(0).numpy()).mean()
    assert agreement > 0.999


def _has_show_progress() -> bool:
    import inspect
    return 'show_progress' in inspect.signature(MMSegInferencer.__init__).parameters


def test_7_sliding_window_enhances_the_whole_image_once(enhanced_config, monkeypatch):
    enhanced_config.model.test_cfg = dict(mode='slide', crop_size=(48, 48), stride=(32, 32))
    model = MODELS.build(enhanced_config.model).eval()
    seen = []
    fast = model.data_preprocessor.fast
    monkeypatch.setattr(fast, 'predict', lambda x: (seen.append(tuple(x.shape))
                                                    or FastSyMPIE.predict(fast, x)))
    batch = bgr_batch((64, 96))
    batch['data_samples'][0].set_metainfo(dict(ori_shape=(64, 96), img_shape=(64, 96)))
    with torch.no_grad():
        result = model.test_step(batch)
    assert seen == [(1, 3, 64, 96)]
    assert result[0].pred_sem_seg.data.shape[-2:] == (64, 96)


# 8. The bare enhancer follows the module that holds it; in a preprocessor it follows its input.

def test_8_the_pretrainers_student_and_average_move_with_it():
    pretrainer = Pretrainer([dict(type='mmseg_sympie.ToyClassifier')]).to('meta')
    for enhancer in (pretrainer.student, pretrainer.average):
        assert all(value.is_meta for value in enhancer.state_dict().values())


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float64])  # the fast path, the reference
def test_8_a_nested_model_on_a_gpu_gives_the_same_image(model, gpu, dtype):
    image = golden.image_255(50, 60)[None].to(dtype)
    on_cpu = model.data_preprocessor.enhance(image)
    on_gpu = nn.ModuleList([model]).to('cuda')[0].data_preprocessor.enhance(image.to('cuda'))
    assert on_gpu.is_cuda and (on_gpu.cpu() - on_cpu).abs().max() < 0.5


# 9. Two distributions, neither by name, no compiled operation, configs of their own.

def sources():
    return [*ROOT.glob('mmseg_sympie/**/*.py'), *ROOT.glob('tools/*.py')]


def test_9_no_compiled_mmcv_operation_is_imported():
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ''] if isinstance(node, ast.ImportFrom) else \
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith('mmcv.ops') for name in names), path


def test_9_the_package_depends_on_neither_distribution():
    text = (ROOT / 'pyproject.toml').read_text()
    required = re.search(r'^dependencies = \[(.*?)\]', text, re.S | re.M).group(1)
    assert 'torch' in required
    assert not re.search(r'mmcv|mmengine|mmseg|mmpretrain', required)


def test_9_configs_are_self_contained():
    from mmengine.config import Config
    files = list(ROOT.glob('configs/*.py'))
    assert len(files) >= 14
    for path in files:
        assert 'mmseg::' not in path.read_text()
        assert Config.fromfile(path).model.type


# 10. Checkpoints are read without running code, also those that MMEngine's runner writes.

def test_10_every_torch_load_is_weights_only():
    calls = [(path, node) for path in sources() for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Call) and ast.unparse(node.func) == 'torch.load']
    assert calls
    for path, call in calls:
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert given.get('weights_only') == 'True', path


@pytest.mark.slow
def test_10_a_training_run_resumes_from_its_own_checkpoint(enhanced_config):
    enhanced_config.merge_from_dict(dict(
        train_cfg=dict(max_iters=2), default_hooks=dict(checkpoint=dict(interval=1))))
    validation = enhanced_config.test_dataloader
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg', 'load_from'):
        enhanced_config.pop(key, None)
    read_mmengine_checkpoints_safely()  # as our commands do
    Runner.from_cfg(enhanced_config).train()
    checkpoint = Path(enhanced_config.work_dir) / 'iter_2.pth'
    with zipfile.ZipFile(checkpoint) as archive:  # it does hold what PyTorch refuses by default
        pickle = next(name for name in archive.namelist() if name.endswith('data.pkl'))
        strings = {arg for _, arg, _ in pickletools.genops(archive.read(pickle))
                   if isinstance(arg, str)}
    assert any('HistoryBuffer' in text for text in strings)
    saved = read_checkpoint(checkpoint, 'training checkpoint')
    assert not any('enhancer' in key for key in saved['state_dict'])
    resumed = copy.deepcopy(enhanced_config)
    # The last step is followed by a validation, with the enhancer in front.
    resumed.update(val_dataloader=validation, val_cfg=dict(type='ValLoop'),
                   val_evaluator=dict(type='mmseg_sympie.SegmentationReport'))
    resumed.update(resume=True,
                   train_cfg=dict(type='IterBasedTrainLoop', max_iters=3, val_interval=3),
                   experiment_name='resumed')
    runner = Runner.from_cfg(resumed)
    runner.train()
    assert runner.iter == 3
    assert runner.message_hub.get_scalar('val/mIoU').current() > 0
    assert runner.val()['mIoU'] == runner.message_hub.get_scalar('val/mIoU').current()


# 11. No hidden resize: an enhancer that says "identity" changes no pixel.

def test_11_the_identity_enhancer_returns_the_pixels(demo_config, tmp_path):
    from mmseg_sympie.enhancer import NEM
    path = tmp_path / 'identity.pth'
    torch.save(NEM().state_dict(), path)
    preprocessor = MODELS.build(dict(type='mmseg_sympie.SyMPIEDataPreprocessor',
                                     checkpoint=str(path)))
    image = torch.randint(0, 256, (3, 101, 67), dtype=torch.uint8)
    found = preprocessor(dict(inputs=[image], data_samples=None))['inputs'][0]
    assert found.shape == image.shape
    assert (found - image.float()).abs().max() < 1e-3


# 12. Conditions are pooled, not averaged, and a batch may mix them.

def test_12_conditions_are_pooled_and_divided_once():
    from mmseg_sympie.evaluation import SegmentationReport
    metric = SegmentationReport()
    metric.dataset_meta = dict(classes=('a', 'b'))

    def sample(condition, label, prediction):
        as_map = [dict(data=torch.tensor([values])) for values in (label, prediction)]
        return dict(img_path=f'/x/{condition}.png', condition=condition, gt_sem_seg=as_map[0],
                    pred_sem_seg=as_map[1])

    # fog: class a found in 1 of 1 pixels. night: class a found in 1 of 9, the rest called b.
    metric.process({}, [sample('fog', [[0]], [[0]]),
                        sample('night', [[0] * 9], [[0] + [1] * 8])])
    result = metric.evaluate(2)
    # Pooled: a has intersection 2, union 10; b intersection 0, union 8.
    assert result['mIoU'] == pytest.approx(100 * (2 / 10 + 0) / 2)
    assert result['fog/mIoU'] == pytest.approx(100)
    assert result['night/mIoU'] == pytest.approx(100 * (1 / 9 + 0) / 2)
    assert result['mIoU'] != pytest.approx(np.mean([result['fog/mIoU'], result['night/mIoU']]))


# The package's layout; its layers are checked by lint-imports.

def test_no_module_is_over_250_lines():
    lines = {path: len(path.read_text().splitlines()) for path in ROOT.glob('mmseg_sympie/**/*.py')}
    assert {path: count for path, count in lines.items() if count > 250} == {}


def test_at_most_eight_modules_at_the_root_of_the_package():
    assert len(list(ROOT.glob('mmseg_sympie/*.py'))) <= 8
