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

from mmseg_sympie.errors import InputError
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
from mmseg_sympie.evaluation.compare_enhancers import (
    compare_enhancers,
    sentences,
    show_enhancers,
)
from mmseg_sympie.evaluation.differences import relative_percent
from mmseg_sympie.evaluation.html.numbers import summary_cards
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


@pytest.mark.parametrize('prediction,label,message', [
    (5, 0, 'predictions hold the class 5, and there are 3 classes'), (5, 2, 'class 5.* 3 classes'),
    (3, 1, 'class 3'), (-1, 1, 'class -1'), (255, 1, 'class 255'),
    (0, 3, 'labels hold the class 3'), (0, 254, 'labels hold the class 254'), (0, -1, 'class -1')])
def test_nothing_is_counted_as_another_class(prediction, label, message):
    predictions, labels = torch.tensor([[0, prediction]]), torch.tensor([[1, label]])
    with pytest.raises(InputError, match=message):
        confusion_matrix(predictions, labels, 3)
    # Where nothing is labelled, any prediction may stand.
    assert confusion_matrix(predictions.abs(), torch.tensor([[1, 255]]), 3).sum() == 1
    assert confusion_matrix(predictions, torch.full((1, 2), 255), 3).sum() == 0


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


def test_ignored_labels_by_hand():
    metric = SegmentationReport(ignore_index=[0, 7])
    metric.dataset_meta = dict(classes=CLASSES)
    # Counted are the three pixels of class 1: one right, one called 0, one called 2.
    metric.process({}, [labelled('x.png', torch.tensor([[0, 1, 1, 1, 7, 255]]),
                                 torch.tensor([[1, 1, 0, 2, 1, 1]]))])
    assert metric.results[0].confusion.tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    # car 1 / 3; road and train are predicted and never occur.
    assert metric.evaluate(1)['mIoU'] == pytest.approx(100 / 9)


@pytest.mark.parametrize('ignore_index', [255, 0, 3, 4])
@pytest.mark.parametrize('iou_metrics,beta', [(['mIoU'], 1), (['mIoU', 'mFscore'], 1),
                                              (['mFscore'], 2), (['mIoU', 'mDice', 'mFscore'], 1)])
def test_further_scores_are_mmsegmentations(ignore_index, iou_metrics, beta):
    generator = torch.Generator().manual_seed(0)
    label, prediction = torch.randint(0, 6, (2, 1, 40, 50), generator=generator)
    label[label == 4], prediction[prediction == 5] = 0, 1  # never occurs; is never predicted
    found, wanted = {}, {}
    for kind, result in ((SegmentationReport, found), (IoUMetric, wanted)):
        metric = kind(ignore_index=ignore_index, iou_metrics=iou_metrics, beta=beta)
        metric.dataset_meta = dict(classes=tuple('abcdef'))
        metric.process({}, [labelled('x.png', label[0], prediction[0])])
        result.update(metric.evaluate(1))
    assert len(wanted) >= 3
    for key, value in wanted.items():
        assert found[key] == pytest.approx(float(value), abs=0.006), key


def test_further_scores_by_hand(scores, tmp_path):
    report = make_report(scores[:1], CLASSES, ignored=[2], further=['mDice', 'mFscore'], beta=2)
    fog = report['scores']['fog']
    # road: precision 6 / 7, recall 6 / 8; car: 1 / 2, 1 / 2; train: 0 / 1, none.
    assert fog['class_precision'] == pytest.approx(dict(road=600 / 7, car=50, train=0))
    assert fog['class_dice'] == pytest.approx(dict(road=1200 / 15, car=50, train=0))
    assert fog['class_fscore']['road'] == pytest.approx(100 * 5 * 6 / 7 * .75 / (4 * 6 / 7 + .75))
    assert fog['class_fscore']['train'] is None and fog['mean_dice'] == pytest.approx(130 / 3)
    write_report(tmp_path, report, scores[:1])
    rows = list(csv.DictReader((tmp_path / 'report.csv').open()))
    assert float(rows[1]['precision']) == 50 and rows[2]['fscore'] == ''
    table = terminal(report_rows(report))
    assert 'F-score' in table and 'train (ignored)' in table and '85.71' in table


def test_unknown_scores():
    with pytest.raises(InputError, match=r"has \['mAP'\]; known are mIoU, mDice, mFscore"):
        SegmentationReport(iou_metrics=['mIoU', 'mAP'])


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


@pytest.mark.parametrize('old, new, percent', [
    (50, 75, 50), (1, 3, 200), (0.9, 50, None), (0, 50, None), (None, 50, None), (50, None, None)])
def test_a_change_in_percent_of_next_to_nothing_says_nothing(old, new, percent):
    assert relative_percent(old, new) == percent


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
    # One image in each condition: nothing to draw from.
    assert fog['miou_interval_95'] is None and fog['labelled_images'] == 1
    assert 'no interval from 1 image.' in verdict(comparison).splitlines()[1]
    assert 'over 2 images (too few to judge).' in verdict(comparison).splitlines()[0]
    write_comparison(tmp_path / 'c', comparison)
    assert {path.name for path in (tmp_path / 'c').iterdir()} == {
        f'compare.{suffix}' for suffix in ('json', 'csv', 'md', 'png')}
    table = terminal(comparison_rows(comparison), summary_rows=2)
    assert '+66.67' in table and '-12.50' in table
    assert 'classes gain' in verdict(comparison)
    assert json.loads((tmp_path / 'c/compare.json').read_text())['classes'] == list(CLASSES)


def test_enhancers_side_by_side(scores, tmp_path, capsys):
    def of(name, *confusions):
        images = [image._replace(confusion=np.array(confusion))
                  for image, confusion in zip(scores, confusions)]
        return report_of(tmp_path / name, images)

    # Pooled, road and car: perfect; and all as road, 16 / 20 and 0, with none of train.
    all_road = [[[8, 0, 0], [2, 0, 0], [0, 0, 0]]] * 2
    reports = dict(none=of('none', FOG, NIGHT), MeanMatch=of('m', *all_road),
                   Levels=of('l', FOG, NIGHT), SyMPIE=of('s', *[np.diag([8, 2, 0])] * 2))
    comparison = compare_enhancers(reports, ['MeanMatch', 'Levels'])
    # none: road 8 / 17, car 3 / 11, train 0 / 1
    none = 100 * (8 / 17 + 3 / 11) / 3
    assert comparison['best_training_free'] == 'MeanMatch'
    pooled = comparison['conditions']['all']
    assert [pooled[name]['miou'] for name in reports] == pytest.approx([none, 40, none, 100])
    change = pooled['SyMPIE']['against_best_training_free']
    assert change['difference'] == pytest.approx(60)
    assert (change['images'], change['labelled_images']) == (2, 2)
    assert comparison['conditions']['fog']['SyMPIE']['against_none']['miou_interval_95'] is None
    assert 'SyMPIE against MeanMatch: +60.00 points of mIoU, 95% interval [+60.00, +60.00] over ' \
           '2 images (too few to judge)' in sentences(comparison)
    show_enhancers(comparison, '', tmp_path / 'c')
    shown = capsys.readouterr().out
    assert 'The best of the others is SyMPIE: 100.00' in shown
    assert 'SyMPIE does not clearly beat the best that needs no training: +60.00 (too few' in shown
    assert len(shown.splitlines()) <= 25 and 'enhancers.md' in shown
    assert {path.suffix for path in (tmp_path / 'c').iterdir()} == {'.json', '.csv', '.md'}
    assert json.loads((tmp_path / 'c/enhancers.json').read_text())['enhancers'] == list(reports)
    reports['SyMPIE'] = {**reports['SyMPIE'], 'ignored_labels': [1]}
    with pytest.raises(InputError, match='SyMPIE ignores the labels'):
        compare_enhancers(reports)


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


def pixel(right):
    """An image of one labelled pixel, or of none."""
    return np.zeros((2, 2), int) if right is None else np.array([[right, 1 - right], [0, 0]])


@pytest.mark.parametrize('before,after,interval', [
    ([], [], None), ([0], [1], None), ([None], [None], None), ([0, None], [1, None], None),
    # Any draw of labelled images gains 100 points; IoU 0 and 0 before, 100 alone after.
    ([0, 0], [1, 1], (100, 100)), ([0, 0, None, None], [1, 1, None, None], (100, 100)),
    ([1, 1, None], [0, 0, None], (-100, -100))])
def test_interval_of_few_images_and_of_images_without_labels(before, after, interval):
    found = bootstrap_interval(*([pixel(each) for each in images] for images in (before, after)))
    assert found == (interval if interval is None else pytest.approx(interval))


@pytest.mark.slow
@pytest.mark.parametrize('images,labelled_images,words', [
    (1, 1, 'no interval from 1 image.'), (3, 0, 'no interval from 0 labelled images.'),
    (3, 1, 'no interval from 1 labelled image.'),
    (2, 2, 'over 2 images (too few to judge)'), (4, 4, 'over 4 images (too few to judge)'),
    (9, 4, 'over 4 labelled images (too few to judge)'), (5, 5, 'over 5 images (clear)'),
    (9, 5, 'over 5 labelled images (clear)')])
def test_no_verdict_on_a_handful(tmp_path, images, labelled_images, words):
    folders = []
    for right in (0, 1):
        scores = [ImageScore(f'/{index}.png', 'fog', pixel(
            right if index < labelled_images else None)) for index in range(images)]
        write_report(tmp_path / str(right), make_report(scores, ('road', 'car')), scores)
        folders.append(read_report(tmp_path / str(right)))
    comparison = compare_reports(*folders)
    assert words in verdict(comparison).splitlines()[0]
    write_comparison(tmp_path, comparison)
    cards = summary_cards(dict(zip(('none', 'x'), folders)), dict(x=comparison))
    assert cards.count('class="gain"') == 2 * ('clear' in words)
    for file in ('compare.json', '0/report.json', '1/report.json'):
        read = json.loads((tmp_path / file).read_text(), parse_constant=pytest.fail)
    assert (read['scores']['all']['miou'] is None) == (labelled_images == 0)
    assert (tmp_path / 'compare.png').is_file()


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
    with pytest.raises(ValueError, match=r'ignore different labels: \[\] and \[2\]'):
        compare_reports(one, {**one, 'ignored_labels': [2]})


def test_missing_and_broken_reports(scores, tmp_path):
    with pytest.raises(FileNotFoundError, match='not the output folder of a finished'):
        read_report(tmp_path)
    report_of(tmp_path, scores)
    (tmp_path / 'report.json').write_text('{"classes": [')
    with pytest.raises(ValueError, match='cannot be read'):
        read_report(tmp_path)


@pytest.mark.parametrize('name', ['report.json', 'per_image.npz'])
@pytest.mark.parametrize('keep', [0, 40])
def test_truncated_reports(scores, tmp_path, name, keep):
    report_of(tmp_path, scores)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:keep])
    with pytest.raises(InputError, match='cannot be read'):
        read_report(tmp_path)


def test_a_report_by_its_file_or_from_before(scores, tmp_path):
    report_of(tmp_path, scores)
    assert read_report(tmp_path / 'report.json')['classes'] == list(CLASSES)
    old = json.loads((tmp_path / 'report.json').read_text())
    del old['ignored_labels']
    # As an editor on Windows saves it.
    (tmp_path / 'report.json').write_text(json.dumps(old), encoding='utf-8-sig')
    assert read_report(tmp_path)['ignored_labels'] == []


@pytest.mark.parametrize('blocked', ['report.csv', 'report.md', 'report.png'])
def test_a_file_that_cannot_be_written_stops_no_other(scores, tmp_path, capsys, blocked):
    (tmp_path / blocked).mkdir()
    metric = SegmentationReport(out_dir=str(tmp_path))
    metric.dataset_meta = dict(classes=CLASSES)
    assert metric.compute_metrics(scores)['mIoU'] > 0
    output = capsys.readouterr().out
    assert f'{blocked} could not be written' in output and 'mIoU of occurring' in output
    assert read_report(tmp_path)['scores']['all']['images'] == 2
    assert sum(path.is_file() for path in tmp_path.iterdir()) == 4


def test_details_of_any_kind_and_any_class_name(scores, tmp_path):
    classes = ('道路', 'Auto', 'été')
    report = make_report(scores, classes, dict(
        data_preprocessor=dict(type=SegmentationReport, mean=(1, float('nan')))))
    write_report(tmp_path, report, scores)
    read = read_report(tmp_path)
    assert read['classes'] == list(classes) and read['details'] == dict(data_preprocessor=dict(
        type='mmseg_sympie.evaluation.metric.SegmentationReport', mean=[1, None]))
    assert '道路' in (tmp_path / 'report.md').read_text(encoding='utf-8')
    assert 'été' in (tmp_path / 'report.csv').read_text(encoding='utf-8')


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
    with pytest.raises(ValueError, match='x.png has no label.*LoadAnnotations'):
        metric.process({}, [dict(img_path='x.png', pred_sem_seg=dict(data=small[None]))])


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


def test_submission_refuses_what_a_train_id_cannot_be(tmp_path):
    metric = Submission(str(tmp_path / 'submission.zip'))
    with pytest.raises(InputError, match='predictions hold the class 300'):
        metric.process({}, [dict(img_path='/a.png', pred_sem_seg=dict(
            data=torch.tensor([[[0, 300]]])))])
