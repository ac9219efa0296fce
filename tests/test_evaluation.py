"""Scores, reports and comparisons against numbers worked out by hand."""
import csv
import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from PIL import Image

from mmseg_sympie.evaluation import (
    ImageScore,
    SegmentationReport,
    Submission,
    bootstrap_interval,
    compare_reports,
    confusion_matrix,
    make_report,
    read_report,
    write_report,
)
from mmseg_sympie.evaluation.compare import comparison_rows, verdict, write_comparison
from mmseg_sympie.evaluation.report import report_rows, terminal

CLASSES = ('road', 'car', 'train')
# Rows are true classes. road: 6 of 8 right; car: 1 of 2 right; train never occurs, predicted once.
FOG = np.array([[6, 1, 1], [1, 1, 0], [0, 0, 0]])
NIGHT = np.array([[2, 6, 0], [0, 2, 0], [0, 0, 0]])


@pytest.fixture
def scores():
    return [ImageScore('/d/fog/1.png', 'fog', FOG), ImageScore('/d/night/1.png', 'night', NIGHT)]


def test_confusion_matrix():
    label = torch.tensor([[0, 0, 1], [2, 255, 255]])
    prediction = torch.tensor([[0, 1, 1], [0, 0, 2]])
    assert confusion_matrix(prediction, label, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_report_by_hand(scores):
    report = make_report(scores, CLASSES)
    fog = report['scores']['fog']
    # road 6 / (8 + 7 - 6), car 1 / (2 + 2 - 1), train 0 / 1
    assert fog['class_iou'] == pytest.approx(dict(road=600 / 9, car=100 / 3, train=0))
    assert fog['miou'] == pytest.approx((600 / 9 + 100 / 3) / 3)
    assert fog['miou_occurring'] == pytest.approx((600 / 9 + 100 / 3) / 2)
    assert fog['class_accuracy'] == dict(road=75, car=50, train=None)
    assert fog['mean_accuracy'] == 62.5 and fog['pixel_accuracy'] == 70
    assert fog['images'] == 1 and fog['pixels'] == 10 and fog['occurring_classes'] == 2
    assert report['scores']['night']['class_iou']['train'] is None
    # Pooled: road 8 / (16 + 9 - 8), car 3 / (4 + 10 - 3), train 0 / 1
    pooled = report['scores']['all']
    assert pooled['class_iou'] == pytest.approx(dict(road=800 / 17, car=300 / 11, train=0))
    assert pooled['images'] == 2 and pooled['pixels'] == 20


def test_miou_is_mmsegmentations():
    generator = torch.Generator().manual_seed(0)
    label, prediction = torch.randint(0, 6, (2, 1, 40, 50), generator=generator)
    label[:, :5] = 255
    label[label == 4] = 0       # 4 is predicted but never occurs
    label[label == 5] = prediction[prediction == 5] = 1  # 5 does neither
    sample = dict(img_path='x.png', pred_sem_seg=dict(data=prediction),
                  gt_sem_seg=dict(data=label))
    found, wanted = {}, {}
    for metric, result in ((SegmentationReport(), found), (IoUMetric(), wanted)):
        metric.dataset_meta = dict(classes=tuple('abcdef'))
        metric.process({}, [sample])
        result.update(metric.evaluate(1))
    for key in ('mIoU', 'mAcc', 'aAcc'):
        assert found[key] == pytest.approx(float(wanted[key]), abs=0.006), key


def test_report_files(scores, tmp_path):
    report = make_report(scores, CLASSES, dict(command='tools/test.py x'))
    write_report(tmp_path, report, scores)
    assert {path.name for path in tmp_path.iterdir()} == {
        'report.json', 'report.csv', 'report.md', 'report.png', 'per_image.npz'}
    read = read_report(tmp_path)
    assert read['scores'] == report['scores']
    assert [image.name for image in read['images']] == ['/d/fog/1.png', '/d/night/1.png']
    assert (read['images'][1].confusion == NIGHT).all()
    rows = list(csv.DictReader((tmp_path / 'report.csv').open()))
    assert len(rows) == 9
    assert [row['iou'] for row in rows if row['condition'] == 'night'][2] == ''
    text = (tmp_path / 'report.md').read_text()
    assert '| road | 47.06 |' in text and 'tools/test.py x' in text
    assert Image.open(tmp_path / 'report.png').size[0] > 600


def test_terminal_table_has_classes_conditions_and_means(scores):
    table = terminal(report_rows(make_report(scores, CLASSES)), 'demo')
    for text in ('demo', 'road', 'train', 'IoU fog', 'IoU night', 'mIoU of occurring classes',
                 '47.06', '66.67', 'images'):
        assert text in table


def test_without_conditions_there_is_one_column():
    rows = report_rows(make_report([ImageScore('/a.png', None, FOG)], CLASSES))
    assert rows[0] == ['class', 'IoU', 'accuracy', 'pixels %']


def report_of(folder, scores):
    write_report(folder, make_report(scores, CLASSES), scores)
    return read_report(folder)


def test_comparison_by_hand(scores, tmp_path):
    better = [ImageScore('/moved/data/fog/1.png', 'fog', np.diag([8, 2, 0])),
              ImageScore('/moved/data/night/1.png', 'night',
                         np.array([[1, 7, 0], [0, 2, 0], [0, 0, 0]]))]
    comparison = compare_reports(report_of(tmp_path / 'a', scores),
                                 report_of(tmp_path / 'b', better))
    fog = comparison['conditions']['fog']
    assert fog['class_iou']['car'] == pytest.approx(
        {'without': 100 / 3, 'with': 100, 'difference': 200 / 3, 'relative_percent': 200})
    assert fog['class_iou']['train'] == {'without': 0, 'with': None, 'difference': None,
                                         'relative_percent': None}
    night = comparison['conditions']['night']['class_iou']
    assert night['road']['difference'] == pytest.approx(100 * (1 / 8 - 2 / 8))
    # One image in each condition: drawing it again changes nothing.
    low, high = fog['miou_interval_95']
    assert low == high == pytest.approx(fog['miou']['difference'])
    write_comparison(tmp_path / 'c', comparison)
    assert {path.name for path in (tmp_path / 'c').iterdir()} == {
        f'compare.{suffix}' for suffix in ('json', 'csv', 'md', 'png')}
    table = terminal(comparison_rows(comparison), summary_rows=2)
    assert '+66.67' in table and '-12.50' in table
    assert 'classes gain' in verdict(comparison)
    assert json.loads((tmp_path / 'c/compare.json').read_text())['classes'] == list(CLASSES)


def test_bootstrap_interval_is_that_of_the_binomial():
    # n images of one pixel and one class: IoU is the share of right images; before none is right.
    wrong, right = np.array([[0, 1], [0, 0]]), np.array([[1, 0], [0, 0]])
    before = [wrong] * 100
    after = [right] * 50 + [wrong] * 50
    # mIoU halves the IoU of class 0, because class 1 is predicted and never occurs.
    low, high = bootstrap_interval(before, after)
    # 2.5% and 97.5% points of Binomial(100, 0.5) are 40 and 60.
    assert low == pytest.approx(20, abs=0.6) and high == pytest.approx(30, abs=0.6)


def test_bootstrap_is_paired():
    # Every image gains the same 10 of 100 pixels, though the images differ much among themselves.
    before = [np.array([[share, 100 - share], [0, 0]]) for share in range(0, 90, 3)]
    after = [np.array([[share + 10, 90 - share], [0, 0]]) for share in range(0, 90, 3)]
    low, high = bootstrap_interval(before, after)
    # IoU of class 0 is the share of right pixels, halved by class 1: the gain is 5 in any draw.
    assert low == pytest.approx(5) and high == pytest.approx(5)


def test_a_condition_cannot_have_the_name_of_the_sum():
    with pytest.raises(ValueError, match="condition 'all'"):
        make_report([ImageScore('/a.png', 'all', FOG)], CLASSES)


def test_reports_of_different_images_or_classes(scores, tmp_path):
    one = report_of(tmp_path / 'a', scores)
    other = report_of(tmp_path / 'b', [scores[0], ImageScore('/d/night/2.png', 'night', NIGHT)])
    relabelled = report_of(tmp_path / 'c', [scores[0], scores[1]._replace(confusion=2 * NIGHT)])
    elsewhere = report_of(tmp_path / 'd', [scores[0], scores[1]._replace(condition='rain')])
    for wrong in (other, relabelled, elsewhere):
        with pytest.raises(ValueError, match='not of the same images: /d/night/1.png'):
            compare_reports(one, wrong)
    with pytest.raises(ValueError, match='of 2 and of 1 images'):
        compare_reports(one, report_of(tmp_path / 'e', scores[:1]))
    with pytest.raises(ValueError, match='different classes'):
        compare_reports(one, {**one, 'classes': ['x']})


def test_missing_and_broken_reports(scores, tmp_path):
    with pytest.raises(FileNotFoundError, match='not the output folder of a finished'):
        read_report(tmp_path)
    report_of(tmp_path, scores)
    (tmp_path / 'report.json').write_text('{"classes": [')
    with pytest.raises(ValueError, match='cannot be read'):
        read_report(tmp_path)


def labelled(path, label, prediction):
    return dict(img_path=path, seg_map_path=f'{path}.label', gt_sem_seg=dict(data=label[None]),
                pred_sem_seg=dict(data=prediction[None]))


def test_metric_names_a_label_that_does_not_fit():
    metric = SegmentationReport()
    metric.dataset_meta = dict(classes=CLASSES)
    small, large = torch.zeros(2, 2, dtype=torch.long), torch.zeros(4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match='x.png.label has size'):
        metric.process({}, [labelled('x.png', small, large)])
    with pytest.raises(ValueError, match=r'holds the values \[33\]; wanted 0..2'):
        metric.process({}, [labelled('x.png', small + 33, small)])


def test_report_survives_a_disk_that_filled_up(scores, tmp_path, monkeypatch, capsys):
    import mmseg_sympie.evaluation.metric as module
    monkeypatch.setattr(module.tempfile, 'mkdtemp', lambda prefix: str(tmp_path / 'refuge'))
    blocked = tmp_path / 'file'
    blocked.write_text('a file where the folder should be')
    metric = SegmentationReport(out_dir=str(blocked))
    metric.dataset_meta = dict(classes=CLASSES)
    metric.compute_metrics([tuple(score) for score in scores])
    assert 'the report is in' in capsys.readouterr().out
    assert read_report(tmp_path / 'refuge')['scores']['all']['images'] == 2


def test_submission_is_one_zip_of_train_ids(tmp_path):
    metric = Submission(str(tmp_path / 'submission.zip'))
    label = torch.tensor([[[0, 18], [13, 2]]])
    metric.process({}, [dict(img_path='/d/GOPR1_frame_1_rgb_anon.png',
                             pred_sem_seg=dict(data=label))])
    metric.evaluate(1)
    with zipfile.ZipFile(tmp_path / 'submission.zip') as archive:
        assert archive.namelist() == ['GOPR1_frame_1_rgb_anon.png']
        image = Image.open(BytesIO(archive.read('GOPR1_frame_1_rgb_anon.png')))
    assert image.mode == 'L' and np.asarray(image).tolist() == label[0].tolist()
