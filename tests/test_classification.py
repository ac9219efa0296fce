"""Accuracy of classifiers: counts worked out by hand, streams of images, and the whole tool."""
import csv
import json

import numpy as np
import pytest
import torch
from commands import tool
from PIL import Image
from torchvision.models import mobilenet_v2

from mmseg_sympie.corruptions.by_name import corruption_names
from mmseg_sympie.datasets.photographs import Photographs
from mmseg_sympie.datasets.vizwiz import VizWizClassification
from mmseg_sympie.engine.batches import (
    Loading,
    corrupted_batches,
    folder_batches,
    severity_folders,
    vizwiz_batches,
)
from mmseg_sympie.engine.classification import build_classifiers, build_enhancers, count
from mmseg_sympie.enhancer import MeanMatch
from mmseg_sympie.enhancer.pretrained import SHIPPED
from mmseg_sympie.errors import InputError
from mmseg_sympie.evaluation.classification import (
    EVERY,
    Tally,
    corruption_rows,
    make_accuracy_report,
    summary_rows,
    write_accuracy_report,
)
from mmseg_sympie.io.files import sha256

LOADING = Loading(batch_size=2, workers=0, device='cpu')


def write_image(path, grey, size=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (size, size), (grey,) * 3).save(path)


def brightness_class(image):
    """A classifier whose class is the mean on 0..255, in tens."""
    classes = (image.mean(dim=(1, 2, 3)) * 25.5 + 1e-3).long().clamp(0, 99)
    return torch.nn.functional.one_hot(classes, 100).float()


@pytest.fixture
def tally():
    """Two corruptions, one with two severities, four images, one enhancer."""
    tally, files = Tally(), list('abcd')
    for corruption, severity, without, with_ in (
            ('clean', '0', '1111', '1110'), ('blur', '1', '1100', '1110'),
            ('blur', '2', '1000', '1000'), ('fog', '1', '0000', '0011')):
        without, with_ = ([digit == '1' for digit in text] for text in (without, with_))
        tally.add('net', 'none', corruption, severity, files, without, without)
        tally.add('net', 'better', corruption, severity, files, with_, without)
    return tally


def test_averages_are_over_severities_then_corruptions(tally):
    report = make_accuracy_report(tally, dict(Blur=('blur', 'glass'), Weather=('fog',), Noise=()))
    assert report['groups'] == dict(Blur=['blur'], Weather=['fog'])
    without, with_ = (report['classifiers']['net'][name] for name in ('none', 'better'))
    assert without['corruptions'] == dict(blur=37.5, fog=0)  # (50 + 25) / 2
    assert with_['corruptions'] == dict(blur=50, fog=50)  # (75 + 25) / 2
    assert (without['all'], with_['all']) == (18.75, 50)
    assert (without['clean'], with_['clean']) == (100, 75)
    assert with_['groups'] == dict(Blur=50, Weather=50)
    assert with_['cells']['blur']['1'] == dict(images=4, correct=3, gained=1, lost=0)
    assert with_['cells']['clean']['0'] == dict(images=4, correct=3, gained=0, lost=1)
    change = with_['change']
    assert change['all']['points'] == 31.25
    assert change['all']['relative_percent'] == pytest.approx(166.6667)
    assert change['clean'] == dict(points=-25, relative_percent=-25)


def test_interval_takes_the_image_as_the_unit(tally):
    # Changes of a, b, c, d over three tests each: 0, 0, 2, 1; mean 3/12 = 25%.
    # Residuals from 0.75 an image: -0.75, -0.75, 1.25, 0.25; squares sum to 2.75.
    spread = 1.96 * np.sqrt(2.75 * 4 / 3) / 12
    assert tally.interval_95('net', 'better') == pytest.approx(
        [25 - 100 * spread, 25 + 100 * spread])


def test_tables_and_files(tally, tmp_path):
    report = make_accuracy_report(tally, dict(Blur=('blur',)), dict(seed=0))
    assert corruption_rows(report, 'net') == [
        ['corruption', 'group', 'none', 'better', 'better +', 'better %'],
        ['blur', 'Blur', '37.50', '50.00', '+12.50', '+33.33'],
        ['fog', '', '0.00', '50.00', '+50.00', '-'],
        ['all', '', '18.75', '50.00', '+31.25', '+166.67'],
        ['clean', '', '100.00', '75.00', '-25.00', '-25.00']]
    rows = summary_rows(report)
    assert rows[0][:6] == ['classifier', 'enhancer', 'clean', 'Blur', 'all', 'change']
    assert rows[1][:6] == ['net', 'none', '100.00', '37.50', '18.75', '']
    assert rows[2][:6] == ['net', 'better', '75.00', '50.00', '50.00', '+31.25']
    write_accuracy_report(tmp_path, report)
    assert json.loads((tmp_path / 'accuracy.json').read_text()) == report
    with (tmp_path / 'accuracy.csv').open() as file:
        found = [row for row in csv.DictReader(file) if row['enhancer'] == 'better']
    assert [(row['corruption'], row['severity'], row['accuracy']) for row in found] == [
        ('clean', '0', '75.0'), ('blur', '1', '75.0'), ('blur', '2', '25.0'), ('fog', '1', '50.0')]
    assert '| fog |  | 0.00 | 50.00 | +50.00 | - |' in (tmp_path / 'accuracy.md').read_text()
    assert Image.open(tmp_path / 'accuracy.png').width > 300


def test_counts_need_one_answer_an_image():
    with pytest.raises(InputError, match='2 files, 1 answers and 1 of the baseline'):
        Tally().add('net', 'none', 'fog', '1', ['a', 'b'], [True], [True])


def test_corruption_on_the_fly(tmp_path):
    # Darkening at severity 3 divides by 4: 201 -> 50.25 and 101 -> 25.25 are other classes, and
    # matching the mean to 101 puts the second one right, the first one never.
    for grey, label in ((201, 20), (101, 10), (102, 10)):
        write_image(tmp_path / f'{label}/{grey}.png', grey)
    tally, answers = Tally(), {}
    batches = corrupted_batches(Photographs(tmp_path, 8, 8), LOADING, ['darken'], [3], seed=0)
    count(batches, 4, dict(net=brightness_class), dict(match=MeanMatch(101.5)), tally, answers)
    report = make_accuracy_report(tally)['classifiers']['net']
    assert answers == {}
    assert report['none']['cells'] == dict(
        clean={'0': dict(images=3, correct=3, gained=0, lost=0)},
        darken={'3': dict(images=3, correct=0, gained=0, lost=0)})
    assert report['match']['cells'] == dict(
        clean={'0': dict(images=3, correct=2, gained=0, lost=1)},
        darken={'3': dict(images=3, correct=2, gained=2, lost=0)})


def test_mixed_corruptions_change_the_images(tmp_path):
    write_image(tmp_path / '0/a.png', 128, 224)
    dataset = Photographs(tmp_path)
    clean, mixed = corrupted_batches(dataset, LOADING, ['mixed'], [5], seed=0)
    assert list(clean.rows) == ['clean'] and list(mixed.rows) == ['mixed']
    assert mixed.severity == '5' and mixed.image.shape == (1, 3, 224, 224)
    assert (mixed.image - clean.image).abs().mean() > 0.01
    assert 0 <= mixed.image.min() and mixed.image.max() <= 1


def test_names_of_corruptions():
    assert len(corruption_names(['imagenet-c'])) == 15
    assert len(corruption_names(['imagenet-c-bar'])) == 10
    assert len(corruption_names(['pool'])) == 23
    assert corruption_names(['fog', 'mixed', 'fog']) == ['fog', 'mixed']
    with pytest.raises(InputError, match="Unknown corruption 'rain'; known are imagenet-c, "):
        corruption_names(['rain'])


@pytest.mark.parametrize('tree,wanted', [
    (('fog/1/3', 'fog/5/3', 'snow/1/3'), {('fog', '1'), ('fog', '5'), ('snow', '1')}),
    (('weather/fog/1/3', 'blur/zoom/2/3'), {('fog', '1'), ('zoom', '2')}),
    (('plasma/4.75/n01', 'plasma/10.00/n01'), {('plasma', '4.75'), ('plasma', '10.00')}),
    (('1/n01', '2/n01'), {('root', '1'), ('root', '2')}),
    (('1', '2'), set()), (('n01', 'n02'), set())])
def test_trees_of_corrupted_images_are_recognised(tmp_path, tree, wanted):
    for folder in tree:
        write_image(tmp_path / 'root' / folder / 'a.png', 10)
    assert set(severity_folders(tmp_path / 'root')) == wanted


def test_trees_are_taken_pixel_for_pixel(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    (tmp_path / 'fog/2/7').mkdir(parents=True)
    Image.fromarray(rgb).save(tmp_path / 'fog/2/7/a.png')
    datasets = {key: Photographs(path, None, None)
                for key, path in severity_folders(tmp_path).items()}
    batch, = folder_batches(datasets, LOADING)
    assert list(batch.rows) == ['fog'] and batch.severity == '2' and batch.files == ['7/a.png']
    assert torch.equal((batch.image[0] * 255).round().byte(),
                       torch.from_numpy(rgb).permute(2, 0, 1))
    assert batch.is_right(torch.tensor([7])).tolist() == [True]


def test_vizwiz_counts_each_flaw(tmp_path):
    for name, grey in (('a.png', 31), ('b.png', 51), ('c.png', 71)):
        write_image(tmp_path / name, grey)
    (tmp_path / 'ann.json').write_text(json.dumps({
        'a.png': dict(labels=[3, 9], flaws=dict(BLR=True, DRK=True)),
        'b.png': dict(labels=[4], flaws=dict(BLR=True)),  # 5 is no category; the first one wins
        'c.png': dict(labels=[7], flaws=dict(NON=True))}))
    dataset = VizWizClassification(tmp_path / 'ann.json', tmp_path, short_side_px=8, crop_px=8)
    tally = Tally()
    count(vizwiz_batches(dataset, LOADING), 2, dict(net=brightness_class), {}, tally, {})
    cells = {key[2]: counts[:2].tolist() for key, counts in tally.cells.items()}
    # images, correct: the answer to b is category 3, the first of equals, which is wrong
    assert cells == {'blur': [2, 1], 'dark': [1, 1], 'clean': [1, 1], EVERY: [3, 2]}


@pytest.mark.slow
def test_names_of_enhancers(enhancer_checkpoint):
    enhancers = build_enhancers(['MeanMatch', 'none', 'default', enhancer_checkpoint,
                                 f'MeanMatch:90+{enhancer_checkpoint}'], [1, 4])
    assert list(enhancers) == ['MeanMatch', 'default', 'default x4', 'enhancer', 'enhancer x4',
                               'MeanMatch:90+enhancer', 'MeanMatch:90+enhancer x4']
    first, second = enhancers['MeanMatch:90+enhancer x4'][0]
    assert (first.target, second.iterations) == (90, 4)
    assert enhancers['enhancer'][1]['sha256'] == [sha256(enhancer_checkpoint)]
    assert enhancers['default'][1]['sha256'] == [sha256(SHIPPED)]
    for wrong, message in {'MeanMatch:dark': "target is a mean on 0..255, got 'dark'",
                           'SourceMatch:source=cityscapes,strength=dark': 'strength is from 0 to 1',
                           'SourceMatch': "wanted the source, such as source='cityscapes'",
                           'GreyWorld:tarket=3': "enhancer GreyWorld:tarket=3: .*'tarket'"}.items():
        with pytest.raises(InputError, match=message):
            build_enhancers([wrong])
    with pytest.raises(FileNotFoundError, match='nothing.pth does not exist'):
        build_enhancers(['nothing.pth'])


def test_unknown_classifiers_are_named():
    with pytest.raises(InputError, match='The classifier nosuch: Failed to find model'):
        build_classifiers(['nosuch'])
    with pytest.raises(InputError, match="torchvision has no model 'nosuch'"):
        build_classifiers(['torchvision:nosuch:weights.pth'])


# tools/test_classifier.py

@pytest.fixture(scope='module')
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp('classifier') / 'random.pth'
    torch.manual_seed(0)
    torch.save(mobilenet_v2().state_dict(), path)
    return f'torchvision:mobilenet_v2:{path}'


@pytest.mark.slow
def test_tool_on_clean_images(classifier, enhancer_checkpoint, tmp_path):
    for index in range(3):
        write_image(tmp_path / f'data/{index}/a.png', 40 * (index + 1), 256)
    output = tool('test_classifier', '--classifier', classifier, '--data', tmp_path / 'data',
                  '--corruptions', 'darken', 'gaussian_noise', '--severities', 1, 5, '--enhancer',
                  enhancer_checkpoint, '--enhancer', 'MeanMatch', '--iterations', 1, 2,
                  '--out', tmp_path / 'out', '--batch-size', 2, '--device', 'cpu')
    report = json.loads((tmp_path / 'out/accuracy.json').read_text())
    variants = report['classifiers']['mobilenet_v2']
    assert list(variants) == ['none', 'enhancer', 'enhancer x2', 'MeanMatch']
    for summary in variants.values():
        assert {name: {severity: counts['images'] for severity, counts in cells.items()}
                for name, cells in summary['cells'].items()} == dict(
                    clean={'0': 3}, darken={'1': 3, '5': 3}, gaussian_noise={'1': 3, '5': 3})
    assert report['groups'] == dict(Noise=['gaussian_noise'], Street=['darken'])
    details = report['details']
    assert len(details['classifiers']['mobilenet_v2']['sha256']) == 64
    assert details['seed'] == 0 and details['images'] == 3 and 'torch' in details['versions']
    assert '60 answers in' in output and 'enhancer x2 +' in output
    for name in ('accuracy.csv', 'accuracy.md', 'accuracy.png'):
        assert (tmp_path / 'out' / name).stat().st_size > 100


@pytest.mark.slow
def test_tool_writes_answers_where_there_are_no_labels(classifier, tmp_path):
    write_image(tmp_path / 'images/a.jpg', 90, 64)
    (tmp_path / 'ann.json').write_text(json.dumps(dict(
        categories=[dict(id=291, wordnet_id='n02129165')], images=['a.jpg'])))
    tool('test_classifier', '--classifier', classifier, '--data', tmp_path / 'images', '--vizwiz',
         tmp_path / 'ann.json', '--out', tmp_path / 'out', '--device', 'cpu')
    answers = json.loads((tmp_path / 'out/predictions/mobilenet_v2-none.json').read_text())
    assert answers == [['a.jpg', 291]]
    assert not (tmp_path / 'out/accuracy.json').exists()


@pytest.mark.slow
def test_tool_refuses_labels_that_are_not_the_classifiers(classifier, tmp_path):
    for name in ('cat', 'dog'):
        write_image(tmp_path / f'data/{name}/a.png', 50)
    output = tool('test_classifier', '--classifier', classifier, '--data', tmp_path / 'data',
                  '--out', tmp_path / 'out', '--device', 'cpu', fails=True)
    assert 'has 2 class folders and mobilenet_v2 1000 classes' in output


@pytest.mark.slow
def test_tool_reports_what_is_done_before_a_broken_image(classifier, tmp_path):
    for name in ('a', 'b'):
        write_image(tmp_path / f'data/fog/1/5/{name}.png', 50, 32)
    (tmp_path / 'data/fog/1/5/b.png').write_bytes(b'broken')
    output = tool('test_classifier', '--classifier', classifier, '--data', tmp_path / 'data',
                  '--out', tmp_path / 'out', '--batch-size', 1, '--device', 'cpu', fails=True)
    assert 'b.png cannot be read as an image' in output and 'Stopped early' in output
    report = json.loads((tmp_path / 'out/partial/accuracy.json').read_text())
    assert report['details']['partial'].startswith('PARTIAL')
    assert report['classifiers']['mobilenet_v2']['none']['cells']['fog']['1']['images'] == 1
