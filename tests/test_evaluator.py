"""What becomes of a config's evaluator, and the classes that models, data and labels have."""
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.evaluation import IoUMetric
from PIL import Image
from torch import nn

from mmseg_sympie.engine import segmentation
from mmseg_sympie.engine.segmentation import check_inputs, run_test
from mmseg_sympie.errors import InputError
from mmseg_sympie.evaluation import SegmentationReport, read_report
from mmseg_sympie.evaluation.evaluator import REPORT, with_report
from mmseg_sympie.io.labels import check_same_classes, ignored_labels, with_void

PLAIN = dict(type='IoUMetric', iou_metrics=['mIoU'])


@pytest.mark.parametrize('given,metrics,notes', [
    (PLAIN, [dict(type=REPORT, iou_metrics=['mIoU'])], ['is replaced']),
    (dict(PLAIN, type='mmseg.IoUMetric', ignore_index=0),
     [dict(type=REPORT, iou_metrics=['mIoU'], ignore_index=0)], ['ignore_index=0']),
    (dict(PLAIN, type=IoUMetric, ignore_index=0),
     [dict(type=REPORT, iou_metrics=['mIoU'], ignore_index=0)], ['ignore_index=0']),
    (dict(metrics=[PLAIN]), [dict(type=REPORT, iou_metrics=['mIoU'])], ['is replaced']),
    # Two that count alike are one report.
    ([PLAIN, dict(type='IoUMetric', iou_metrics='mFscore')],
     [dict(type=REPORT, iou_metrics=['mIoU', 'mFscore'])], ['mFscore']),
    # Two that do not are a report and one of them.
    ([PLAIN, dict(PLAIN, ignore_index=3, prefix='b')],
     [dict(type=REPORT, iou_metrics=['mIoU'], prefix='report'),
      dict(PLAIN, ignore_index=3, prefix='b')], ['is replaced', 'IoUMetric .* runs beside']),
    ([dict(type='MyMetric'), PLAIN],
     [dict(type=REPORT, iou_metrics=['mIoU'], prefix='report'), dict(type='MyMetric')],
     ['is replaced', 'MyMetric .* runs beside']),
    (dict(type='MyMetric'), [dict(type=REPORT, prefix='report'), dict(type='MyMetric')],
     ['is added', 'MyMetric']),
    (dict(PLAIN, nan_to_num=0, output_dir='x', format_only=False),
     [dict(type=REPORT, iou_metrics=['mIoU'])],
     ['is replaced', "Not taken over from it: nan_to_num=0, output_dir='x'"]),
    (dict(type=REPORT, ignore_index=[1, 2]), [dict(type=REPORT, ignore_index=[1, 2])], []),
    (dict(type=SegmentationReport), [dict(type=SegmentationReport)], []),
    ([dict(type='MyMetric'), dict(type=REPORT)],
     [dict(type=REPORT, prefix='report'), dict(type='MyMetric')], ['MyMetric']),
    (dict(type='mmseg_sympie.Submission', zip_path='x'),
     [dict(type='mmseg_sympie.Submission', zip_path='x')], []),
    (None, [dict(type=REPORT)], ['is added'])])
def test_what_is_taken_over_and_what_is_said(given, metrics, notes):
    found = with_report(Config(dict(test_evaluator=given) if given else {}))
    assert [dict(metric) for metric in found.metrics] == metrics
    assert len(found.notes) == len(notes)
    for note, text in zip(found.notes, notes):
        assert re.search(text, note), note


def test_an_evaluator_that_is_none():
    with pytest.raises(InputError, match="test_evaluator holds 'IoUMetric'"):
        with_report(Config(dict(test_evaluator=['IoUMetric'])))


def test_labels_that_are_not_counted():
    assert [ignored_labels(given) for given in (None, 255, 0, [3, 1, 255], ())] == [
        [], [], [0], [1, 3], []]
    label = torch.tensor([[0, 1, 2, 255]], dtype=torch.uint8)
    assert with_void(label, [0, 2, 1000]).tolist() == [[255, 1, 255, 255]]
    assert with_void(label, []).tolist() == label.tolist()


@pytest.mark.parametrize('of_model,classes,message', [
    (19, 3, 'model has 19 classes and the data set 3'),
    (3, 19, 'model has 3 classes and the data set 19'), (256, 256, 'at most 255')])
def test_model_and_data_of_different_classes(of_model, classes, message):
    model = nn.Identity()
    model.num_classes = of_model
    with pytest.raises(InputError, match=message):
        check_same_classes(model, [str(number) for number in range(classes)])
    check_same_classes(nn.Identity(), 'abc')  # which does not say
    model.num_classes = 3
    check_same_classes(model, 'abc')


@pytest.fixture
def fog(demo_config):
    """Three images."""
    demo_config.test_dataloader.dataset.conditions = ['fog']
    return demo_config


@pytest.mark.slow
def test_a_model_of_other_classes_is_refused_before_the_run(fog, demo_segmentor, tmp_path, capsys):
    fog.test_dataloader.dataset.metainfo = dict(
        classes=('road', 'car'), palette=[[0, 0, 0], [1, 1, 1]])
    with pytest.raises(InputError, match='model has 19 classes and the data set 2'):
        run_test(fog, demo_segmentor, str(tmp_path))
    assert 'Stopped' not in capsys.readouterr().out


@pytest.mark.parametrize('change,message', [
    (lambda data: data.pipeline.pop(1), 'has no label to compare with: .*LoadAnnotations'),
    (lambda data: data.update(type='MyData'), "type='MyData' is no dataset"),
    (lambda data: data.update(spilt='val'), "'spilt'"),
    (lambda data: data.pipeline.insert(1, dict(type='Resise')), "type='Resise' is no transform")])
def test_data_that_cannot_be_tested_on(fog, demo_segmentor, tmp_path, change, message):
    change(fog.test_dataloader.dataset)
    with pytest.raises(InputError, match=message):
        check_inputs(fog, demo_segmentor, str(tmp_path))


def test_data_of_no_image(fog, demo_segmentor, tmp_path):
    fog.test_dataloader.dataset.update(indices=[], serialize_data=False)
    with pytest.raises(InputError, match='The test data are 0 images'):
        check_inputs(fog, demo_segmentor, str(tmp_path))


@pytest.mark.parametrize('classes,pixel,message', [
    (2, 2, r'holds the values \[2\]; wanted 0..1'), (3, 2, None), (2, 255, None)])
def test_labels_beyond_the_classes_are_found_before_the_run(demo_segmentor, demo_config, tmp_path,
                                                            classes, pixel, message):
    for name, value in (('image', 7), ('label', pixel)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(tmp_path / name / 'a.png')
    demo_config.test_dataloader.dataset = dict(
        type='BaseSegDataset', data_root=str(tmp_path), img_suffix='.png', seg_map_suffix='.png',
        data_prefix=dict(img_path='image', seg_map_path='label'), test_mode=True,
        metainfo=dict(classes=tuple('abc')[:classes], palette=[[0, 0, 0]] * classes),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
                  dict(type='PackSegInputs')])
    if message is None:
        return check_inputs(demo_config, demo_segmentor, str(tmp_path / 'out'))
    with pytest.raises(InputError, match=message):
        check_inputs(demo_config, demo_segmentor, str(tmp_path / 'out'))


@pytest.mark.slow
def test_another_metric_and_notes_beside_the_report(fog, demo_segmentor, tmp_path, capsys,
                                                    monkeypatch):
    monkeypatch.setattr(segmentation, 'missing_source', lambda cfg: 'the source is missing')
    fog.test_evaluator = [dict(PLAIN, ignore_index=0),
                          dict(type='IoUMetric', iou_metrics=['mDice'], prefix='mine')]
    metrics = run_test(fog, demo_segmentor, str(tmp_path))
    assert {'report/mIoU', 'mine/mDice'} <= set(metrics)
    output = capsys.readouterr().out
    assert 'road (ignored)' in output and f'mine/mDice: {metrics["mine/mDice"]}' in output
    assert 'Note: the source is missing\n' in output


@pytest.mark.slow
def test_the_checksum_of_a_config_does_not_depend_on_the_folder(fog, demo_segmentor, tmp_path):
    checksums = []
    for folder, ignored in (('a', 0), ('b/c', 0), ('d', 1)):
        fog.test_evaluator = dict(PLAIN, ignore_index=ignored)
        run_test(fog, demo_segmentor, str(tmp_path / folder))
        checksums.append(read_report(tmp_path / folder)['details']['config_sha256'])
    assert checksums[0] == checksums[1] != checksums[2]
