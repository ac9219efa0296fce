"""Pictures of test images: which are chosen, what they show, and the tool that draws them."""
import cv2
import golden
import numpy as np
import pytest
import torch
from commands import scene_options, tool
from matplotlib.patches import Patch
from PIL import Image

from mmseg_sympie.data_preprocessor import build_enhancer
from mmseg_sympie.engine.page import write_report_page
from mmseg_sympie.engine.panels import (
    applied,
    build_test_set,
    choose_images,
    enhanced,
    make_panels,
)
from mmseg_sympie.engine.segmentation import run_test, without_enhancer
from mmseg_sympie.enhancer import SyMPIE
from mmseg_sympie.enhancer.fast import FastSyMPIE
from mmseg_sympie.evaluation import read_report
from mmseg_sympie.evaluation.compare import show_comparison
from mmseg_sympie.evaluation.panel_plots import Row, figure_of
from mmseg_sympie.evaluation.panels import (
    Correction,
    Panel,
    choose,
    choose_by_condition,
    colourise,
    curve_picture,
    effect,
    find_images,
    grey_response,
    image_ious,
    legend_entries,
)
from mmseg_sympie.normalization import IMAGENET_RGB

PATHS = ['/d/fog/1_a.png', '/d/night/1_a.png', '/d/night/2_a.png']


def labels(*rows):
    return np.array(rows, np.uint8)


@pytest.fixture
def panel():
    """Two classes: the first prediction finds half of class 0, the second everything."""
    image = np.zeros((2, 2, 3), np.uint8)
    return Panel('/d/fog/1.png', 'fog', (0, 1), [image, image + 9],
                 [labels([0, 1], [1, 1]), labels([0, 0], [1, 0])], labels([0, 0], [1, 255]),
                 [None, Correction(np.eye(3), np.zeros(3), np.eye(5))])


def test_best_median_and_worst():
    scores = np.array([3, np.nan, -1, 5, 0, 2, 9])  # ranked: 6, 3, 0, 5, 4, 2; image 1 has none
    assert choose(scores, ('best', 'median', 'worst'), 2) == {
        6: 'best', 3: 'best', 0: 'median', 5: 'median', 2: 'worst', 4: 'worst'}
    assert list(choose(scores, ('worst', 'best'), 1).items()) == [(2, 'worst'), (6, 'best')]
    # Of few images none is chosen twice.
    assert choose(np.array([1.0, 2.0]), count=2) == {1: 'best', 0: 'median'}


def test_each_condition_by_itself_and_night_first():
    scores = np.array([1, 9, 5, 3, 7, 2.0])
    conditions = ['fog', 'night', 'fog', 'night', None, 'fog']
    assert list(choose_by_condition(scores, conditions, ('best', 'worst')).items()) == [
        (1, 'best'), (3, 'worst'), (2, 'best'), (0, 'worst'), (4, 'best')]


def test_images_by_name():
    assert find_images(PATHS, ['/d/fog/1_a.png', 'night/1_a.png', '2_a.png', '2_a']) == [0, 1, 2, 2]
    with pytest.raises(ValueError, match='1_a.png names 2 of the 3 images'):
        find_images(PATHS, ['1_a.png'])
    with pytest.raises(ValueError, match='fog/2_a names 0 of the 3 images'):
        find_images(PATHS, ['fog/2_a'])


def test_iou_and_colours_by_hand(panel):
    # Class 0: 1 of 2 found, then 2 of 2; class 1: 1 right of 2 predicted, then 1 of 1.
    assert panel.ious(2) == pytest.approx([50, 100])
    assert panel.only((1,)).ious(2) == pytest.approx([100])
    assert panel.only((1,)).variants == (1,)
    palette = [[128, 64, 128], [244, 35, 232], [70, 70, 70]]
    assert legend_entries([panel], ('road', 'sidewalk', 'building'), palette) == [
        (palette[0], 'road'), (palette[1], 'sidewalk'), ((0, 0, 0), 'not labelled')]
    assert colourise(panel.truth, palette).tolist() == [[[128, 64, 128], [128, 64, 128]],
                                                        [[244, 35, 232], [0, 0, 0]]]


STD = np.array([58.395, 57.12, 57.375])
IDENTITY = Correction(np.eye(3), np.zeros(3), np.eye(25)[12].reshape(5, 5))


def test_curve_picture_shows_each_channel():
    """Red doubled, green unchanged, blue halved: at a level of 64 they are 128, 64 and 32 high."""
    doubled = np.diag([2, 1, 0.5])
    mean, std = np.array([123.675, 116.28, 103.53]), STD
    # Without an offset: x' = (x std + mean) gain, so the shift makes up for the mean.
    shift = (mean * np.diag(doubled) - mean) / std / np.diag(doubled)
    correction = IDENTITY._replace(matrix=doubled, shift=shift)
    gain, offset = grey_response(correction)
    assert np.allclose(gain, [2, 1, 0.5]) and np.allclose(offset, 0, atol=1e-9)
    column = curve_picture(correction)[:, 64].astype(int)
    for channel, level in enumerate((128, 64, 32)):
        others = [each for each in range(3) if each != channel]
        strength = column[:, channel] - column[:, others].max(1)
        assert abs(255 - strength.argmax() - level) <= 2 and strength.max() > 60
    assert (curve_picture(IDENTITY) == curve_picture(IDENTITY._replace(
        kernel=np.full((5, 5), 0.04)))).all()  # a box filter leaves flat areas as they are


DELTA = IDENTITY.kernel


@pytest.mark.parametrize('kernel,matrix,shift,wanted', [
    (DELTA, np.eye(3), np.zeros(3), 'gain 1.00, contrast 1.00, shift +0'),
    # v + 10: of 127.5, 137.5.
    (DELTA, np.eye(3), 10 / STD, 'gain 1.08, contrast 1.00, shift +10'),
    # 2 v less ImageNet's mean, which is (123.675 + 116.28 + 103.53) / 3 = 114.5.
    (2 * DELTA, np.eye(3), np.zeros(3), 'gain 1.10, contrast 2.00, shift -114'),
    (DELTA, 2 * np.eye(3), np.zeros(3), 'gain 1.10, contrast 2.00, shift -114'),
    # A box filter leaves flat areas as they are.
    (np.full((5, 5), 0.04), np.eye(3), np.zeros(3), 'gain 1.00, contrast 1.00, shift +0')])
def test_what_a_correction_does_in_numbers(kernel, matrix, shift, wanted):
    assert effect(Correction(matrix, shift, kernel)) == wanted


@pytest.mark.parametrize('columns', [1, 2, 3, 6])
@pytest.mark.parametrize('classes', [2, 19])
def test_the_legend_is_not_cut(columns, classes):
    picture = np.zeros((60, 120, 3), np.uint8)
    rows = [Row('image', ['a'] * columns, [picture] * columns)] * 2
    figure = figure_of(rows, [Patch(label=f'traffic light {index}') for index in range(classes)])
    figure.canvas.draw()
    legend = figure.legends[0]
    extent = legend.get_window_extent(figure.canvas.get_renderer())
    assert len(figure.legends) == 1 and len(legend.get_texts()) == classes
    assert 0 <= extent.x0 and extent.x1 <= figure.bbox.width
    assert extent.y0 >= 0 and extent.y1 <= min(
        axes.get_window_extent().y0 for axes in figure.axes)
    widths = [axes.get_window_extent().width for axes in figure.axes]
    assert min(widths) > 0.8 * figure.bbox.width / columns


@pytest.fixture
def mean_match_config(demo_config):
    demo_config.merge_from_dict(dict(model=dict(data_preprocessor=dict(
        type='mmseg_sympie.SyMPIEDataPreprocessor', enhancer=dict(type='MeanMatch', target=60),
        smoothing=None))))
    return demo_config


def test_panels_are_the_images_that_were_tested(demo_comparison, demo_segmentor, scenes):
    from mmseg_sympie.io.config import load_config
    cfg = load_config('configs/demo_sympie.py', dict(data_root=scenes))
    cfg.model.data_preprocessor.precision = read_report(
        demo_comparison / 'with')['details']['precision of the enhancer'].removeprefix('torch.')
    dataset = build_test_set(cfg)
    reports = [read_report(demo_comparison / name) for name in ('without', 'with')]
    chosen = choose_images(dataset, reports[1], reports[0], count=1)
    changes = []
    for panel in make_panels(cfg, demo_segmentor, dataset, list(chosen)):
        for prediction, report in zip(panel.predictions, reports):
            tested, = (image.confusion for image in report['images'] if image.name == panel.name)
            counted = np.zeros((19, 19), int)
            known = panel.truth != 255
            np.add.at(counted, (panel.truth[known], prediction[known]), 1)
            assert (tested == counted).all() and counted.sum() > 1000
        original = cv2.imread(panel.name)[..., ::-1]
        assert (panel.images[0] == original).all()
        before, after = panel.ious(19)
        changes.append(after - before)
    assert list(chosen.values()) == ['best', 'median', 'worst']
    assert changes[0] > changes[1] > changes[2]
    # The parameters are those of the reference on the last image, but for the precision.
    pixels = torch.from_numpy(original.copy()).permute(2, 0, 1)[None] / 255
    predicted = SyMPIE().eval().predict(IMAGENET_RGB.standardise(pixels))
    assert panel.corrections[0] is None
    assert np.allclose(panel.corrections[1].kernel, predicted.kernel[0].detach(), atol=1e-2)
    assert np.allclose(panel.corrections[1].matrix, predicted.matrix[0].detach(), atol=1e-2)
    assert panel.effects()[0] == '' and panel.effects()[1].startswith('gain ')
    assert panel.only((1,)).effects() == panel.effects()[1:]


@pytest.mark.slow
@pytest.mark.parametrize('others', [(), (dict(type='MeanMatch', target=90),)])
def test_parameters_are_those_that_enhanced(mean_match_config, others):
    image = golden.image_255(90, 120).byte()
    found = {}
    for precision in ('bfloat16', 'float32'):
        mean_match_config.model.data_preprocessor.update(
            enhancer=[*others, dict(type='SyMPIE')], precision=precision)
        _, predicted = enhanced(applied(mean_match_config, 1), image)
        seen = image[None]
        for other in others:
            seen = build_enhancer(other)(seen.flip(1).float() / 255).flip(1) * 255
        fast = FastSyMPIE(SyMPIE().eval(), 'bgr', getattr(torch, precision))
        wanted = fast.predict(seen)
        for each, known in zip(predicted[:3], wanted[:3]):
            assert torch.allclose(each, known, atol=1e-6)
        found[precision] = predicted
    assert not torch.allclose(found['bfloat16'].kernel, found['float32'].kernel, atol=1e-6)


def test_parameters_where_sympie_is_not_last_are_the_references(mean_match_config):
    mean_match_config.model.data_preprocessor.enhancer = [
        dict(type='SyMPIE', iterations=2), dict(type='CLAHE')]
    image = golden.image_255(90, 120).byte()
    preprocessor = applied(mean_match_config, 1)
    _, predicted = enhanced(preprocessor, image)
    sympie = SyMPIE().eval()
    with torch.no_grad():  # the second application sees what the first has made
        once = sympie(image.flip(0)[None].float() / 255)
        wanted = sympie.predict(IMAGENET_RGB.standardise(once))
    assert torch.allclose(predicted.kernel, wanted.kernel, atol=1e-5)
    # What watched it is gone.
    assert 'predict' not in vars(preprocessor.enhancers[0])
    assert enhanced(applied(mean_match_config, 0), image)[1] is None


@pytest.mark.parametrize('enhancers,wanted', [
    ([dict(type='MeanMatch', target=60)], 'gain 2.00, contrast 2.00, shift +0'),
    ([dict(type='SyMPIE'), dict(type='MeanMatch', target=60)], None),
    ([dict(type='SourceMatch', source='cityscapes', method='gain', strength=0)],
     'gain 1.00, contrast 1.00, shift +0')])
def test_colour_maps_are_parameters_too(mean_match_config, enhancers, wanted):
    mean_match_config.model.data_preprocessor.enhancer = enhancers
    picture, predicted = enhanced(applied(mean_match_config, 1),
                                  torch.full((3, 60, 80), 30, dtype=torch.uint8))
    kernel, matrix, shift = (getattr(predicted, name)[0].numpy()
                             for name in ('kernel', 'matrix', 'shift'))
    flat = np.zeros((5, 5))
    flat[2, 2] = 1
    assert np.allclose(kernel, flat)
    found = effect(Correction(matrix, shift, kernel))
    assert found == wanted or wanted is None
    if wanted is None:  # MeanMatch comes last, on what SyMPIE has made of the image.
        assert np.allclose(matrix, matrix[0, 0] * np.eye(3), atol=1e-5)
        assert abs(picture.mean() - 60) < 1


@pytest.mark.slow
def test_an_ignored_class_is_void_in_panels_and_page(mean_match_config, demo_segmentor, tmp_path):
    mean_match_config.test_evaluator = dict(type='IoUMetric', ignore_index=10)  # sky
    mean_match_config.test_dataloader.dataset.update(conditions=['fog'], indices=1)
    dataset = build_test_set(mean_match_config)
    panel, = make_panels(mean_match_config, demo_segmentor, dataset, [0], (0, 1))
    label = np.asarray(Image.open(panel.name.replace('rgb_anon.png', 'gt_labelTrainIds.png')
                                  .replace('/rgb_anon/', '/gt/')))
    assert (panel.truth[label == 10] == 255).all() and (label == 10).any()
    assert (panel.truth[label != 10] == label[label != 10]).all()
    for name, cfg in (('without', without_enhancer(mean_match_config)),
                      ('with', mean_match_config)):
        run_test(cfg, demo_segmentor, str(tmp_path / name))
    tested, = (image for image in read_report(tmp_path / 'with')['images']
               if image.name == panel.name)
    assert tested.confusion[10].sum() == 0
    assert panel.ious(19)[1] == pytest.approx(image_ious([tested])[0])
    write_report_page(mean_match_config, demo_segmentor, tmp_path, tmp_path / 'i.html', True)
    assert 'sky (ignored)' in (tmp_path / 'i.html').read_text(encoding='utf-8')
    show_comparison(tmp_path / 'without', tmp_path / 'with', '', tmp_path)
    assert '| sky (ignored) |' in (tmp_path / 'compare.md').read_text(encoding='utf-8')


@pytest.mark.slow
def test_enhancers_applied_again(mean_match_config, demo_segmentor):
    dataset = build_test_set(mean_match_config)
    panel, = make_panels(mean_match_config, demo_segmentor, dataset, [3], (0, 1, 2))
    image = panel.images[0].astype(float)
    once = (image * 60 / image.mean()).round().clip(0, 255)
    assert np.abs(panel.images[1] - once).max() <= 1  # a half rounds either way
    assert np.abs(panel.images[2] - once).max() <= 1  # the mean is there already
    gain = 60 / image.mean()  # of the last application
    assert panel.corrections[0] is None and panel.condition == 'night'
    assert np.allclose(panel.corrections[1].matrix, gain * np.eye(3), rtol=0.01)
    assert np.allclose(panel.corrections[2].matrix, np.eye(3), atol=0.01)
    assert len(applied(mean_match_config, 3).enhancers) == 3


@pytest.mark.slow
def test_a_config_without_an_enhancer(demo_config, demo_segmentor):
    dataset = build_test_set(demo_config)
    panel, = make_panels(demo_config, demo_segmentor, dataset, [0], (0,))
    assert (panel.images[0] == cv2.imread(panel.name)[..., ::-1]).all()


@pytest.mark.slow
def test_a_config_with_test_time_augmentation(mean_match_config, demo_segmentor):
    mean_match_config.model = dict(type='SegTTAModel', module=mean_match_config.model)
    mean_match_config.test_dataloader.dataset.pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='TestTimeAug', transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]])]
    dataset = build_test_set(mean_match_config)
    panel, = make_panels(mean_match_config, demo_segmentor, dataset, [0])
    assert (panel.images[0] == cv2.imread(panel.name)[..., ::-1]).all()
    assert panel.predictions[1].shape == panel.truth.shape == panel.images[1].shape[:2]


# tools/visualize.py

@pytest.mark.slow
def test_visualize(scenes, demo_comparison, demo_segmentor, tmp_path):
    tool('visualize', 'configs/demo_sympie.py', demo_segmentor, '--from', demo_comparison, '--out',
         tmp_path, '--choose', 'best', 'worst', '--iterations', 1, 2, *scene_options(scenes))
    folders = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    assert len(folders) == 2
    paths = [image.name for image in read_report(demo_comparison / 'with')['images']]
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == {
            'original.png', 'enhanced.png', 'prediction_without.png', 'prediction_with.png',
            'truth.png', 'correction.png', 'iterations.png'}
        path = paths[int(folder.name.split('_')[0])]
        assert (cv2.imread(str(folder / 'original.png')) == cv2.imread(path)).all()
        truth = np.asarray(Image.open(folder / 'truth.png'))
        label = np.asarray(Image.open(path.replace('rgb_anon.png', 'gt_labelTrainIds.png')
                                      .replace('/rgb_anon/', '/gt/')))
        assert (truth[label == 0] == (128, 64, 128)).all() and (label == 0).any()  # road
        assert (truth[label == 10] == (70, 130, 180)).all()  # sky
        assert (truth[label == 255] == 0).all()
    width, height = Image.open(tmp_path / 'panels.png').size
    assert width > 6 * 300 and height > 2 * 150


@pytest.mark.slow
def test_visualize_needs_a_comparison_to_choose_by(scenes, demo_segmentor, tmp_path):
    assert 'tools/test.py configs/demo_sympie.py --compare` first' in tool(
        'visualize', 'configs/demo_sympie.py', demo_segmentor, '--from', tmp_path, '--out',
        tmp_path, *scene_options(scenes), fails=True)


def test_reports_of_other_images(demo_comparison, demo_config):
    demo_config.test_dataloader.dataset.conditions = ['fog']
    report = read_report(demo_comparison / 'with')
    with pytest.raises(ValueError, match='other images than the test set'):
        choose_images(build_test_set(demo_config), report, count=4)
