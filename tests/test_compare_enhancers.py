"""Several enhancers in one table: names, configs and numbers."""
import json

import numpy as np
import pytest
from commands import ROOT

from mmseg_sympie.attachment import find_preprocessor
from mmseg_sympie.engine.segmentation import enhancers_of
from mmseg_sympie.engine.variants import folder_name, is_training_free, variant, with_none
from mmseg_sympie.enhancer.parse import parse_enhancer
from mmseg_sympie.errors import InputError
from mmseg_sympie.evaluation.compare import write_comparison
from mmseg_sympie.evaluation.compare_enhancers import (
    compare_enhancers,
    conclusion,
    enhancer_rows,
    sentences,
    show_enhancers,
)
from mmseg_sympie.evaluation.differences import compare_reports
from mmseg_sympie.evaluation.report import ImageScore, markdown, run_names
from mmseg_sympie.evaluation.scores import make_report
from mmseg_sympie.io.config import load_config

CLASSES = ('road', 'sky')


def report(*right):
    """Of images with 10 pixels of each class, of which so many are right."""
    images = [ImageScore(f'{index}.png', 'night' if index % 2 else 'fog',
                         np.array([[hits, 10 - hits], [10 - hits, hits]]))
              for index, hits in enumerate(right)]
    return dict(make_report(images, CLASSES, details=dict(
        enhancers=['SyMPIE'], config='a.py', checkpoint='a.pth', checkpoint_sha256='0af1',
        date='2026-11-29')),
        images=images)


@pytest.mark.parametrize('text, config', [
    ('GreyWorld', dict(type='GreyWorld')), ('default', dict(type='SyMPIE')),
    ('MeanMatch:90', dict(type='MeanMatch', target=90)),
    ('SourceMatch:strength=0.5,method=gain',
     dict(type='SourceMatch', strength=0.5, method='gain')),
    ('SyMPIE:source=None', dict(type='SyMPIE', source=None)),
    ('a/b.pth', dict(type='SyMPIE', checkpoint='a/b.pth'))])
def test_an_enhancer_by_its_name(text, config):
    assert parse_enhancer(text) == config


@pytest.mark.parametrize('text, message', [
    ('GrayWorld', 'no enhancer .GrayWorld. .did you mean GreyWorld..: wanted one of SourceMatch'),
    ('CLAHE:3', 'wanted NAME:ARGUMENT=VALUE'),
    ('SourceMatch:type=GreyWorld', "each argument once, got 'type=GreyWorld'"),
    ('MeanMatch:target=90,target=110', "each argument once, got 'target=110'")])
def test_no_enhancer_of_that_name(text, message):
    with pytest.raises(InputError, match=message):
        parse_enhancer(text)


@pytest.mark.parametrize('name, enhancers, wrapper', [
    ('none', [], None), ('AlphaBN:alpha=0.3', [], dict(type='mmseg_sympie.AlphaBN', alpha=0.3)),
    ('GreyWorld+SourceMatch', [dict(type='GreyWorld'),
                               dict(type='SourceMatch', source='cityscapes')], None),
    ('AverageWithOriginal+MeanMatch:90', [dict(type='MeanMatch', target=90)],
     dict(type='mmseg_sympie.AverageWithOriginal')),
    ('SyMPIE:source=None', [dict(type='SyMPIE', source=None)], None)])
@pytest.mark.parametrize('config', ['espnetv2_acdc_sympie', 'espnetv2_cityscapes'])
def test_what_a_name_makes_of_a_config(config, name, enhancers, wrapper):
    """A config without an enhancer gets one, and the source of its training data."""
    cfg = load_config(str(ROOT / f'configs/{config}.py'))
    made = variant(cfg, name)
    preprocessor = find_preprocessor(made)[1]
    assert preprocessor.type == 'mmseg_sympie.SyMPIEDataPreprocessor'
    assert preprocessor.mean == cfg.model.data_preprocessor.mean
    assert list(map(dict, enhancers_of(preprocessor))) == enhancers
    if wrapper:
        assert {key: made.model[key] for key in wrapper} == wrapper
        assert made.model.module.type == 'EncoderDecoder'
    else:
        assert made.model.type == 'EncoderDecoder'


def test_names():
    assert with_none(['SyMPIE', 'none', 'SyMPIE']) == ['none', 'SyMPIE']
    assert folder_name('SyMPIE:checkpoint=a/b.pth') == 'SyMPIE_checkpoint=a_b.pth'
    assert is_training_free('GreyWorld+MeanMatch:90') and is_training_free('none') is False
    assert not is_training_free('MeanMatch+SyMPIE') and not is_training_free('TENT')


def test_each_against_none_and_against_the_best_that_was_not_trained():
    """Of 20 pixels of an image 8 wrong: intersection 6 of 14 in each class, 42.86."""
    reports = {'none': report(*[6] * 6), 'GreyWorld': report(*[7] * 6),
               'MeanMatch': report(*[8] * 6), 'SyMPIE': report(*[9] * 6)}
    found = compare_enhancers(reports, ['GreyWorld', 'MeanMatch'])
    assert found['best_training_free'] == 'MeanMatch'
    pooled = found['conditions']['all']
    assert pooled['none']['miou'] == pytest.approx(100 * 6 / 14)
    assert pooled['none']['against_none'] is None
    change = pooled['SyMPIE']['against_best_training_free']
    assert change['difference'] == pytest.approx(100 * (9 / 11 - 8 / 12))
    # All images alike: drawn again, they give the same difference.
    assert change['miou_interval_95'] == pytest.approx([change['difference']] * 2)
    assert pooled['MeanMatch']['against_best_training_free'] is None
    assert enhancer_rows(found)[0] == ['class', 'none', 'GreyWorld', 'MeanMatch', 'SyMPIE']
    assert ['mIoU, night', '42.86', '53.85', '66.67', '81.82'] in enhancer_rows(found)
    assert ['pixel accuracy, night', '60.00', '70.00', '80.00', '90.00'] in enhancer_rows(found)
    assert 'SyMPIE against MeanMatch: +15.15 points' in sentences(found)
    assert 'MeanMatch against MeanMatch' not in sentences(found)


def test_many_enhancers_fit_a_screen(tmp_path, capsys):
    """Of 30, the 14 with the highest mIoU are shown: those that are right most often."""
    reports = {'none': report(6, 5), **{f'e{index}': report(*[index // 4] * 2)
                                       for index in range(11, 40)}}
    show_enhancers(compare_enhancers(reports, list(reports)[1:15]), '', tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 25 and 'The best 14 of 30.' in lines
    assert '| e39 ' in '\n'.join(lines) and '| e11 ' not in '\n'.join(lines)


def test_the_conclusion_says_whether_training_was_worth_it():
    free, learned = {'none': report(*[5] * 6), 'GreyWorld': report(*[7] * 6)}, report(*[9] * 6)
    lines = conclusion(compare_enhancers({**free, 'SyMPIE': learned}, ['GreyWorld']))
    # Of 20 pixels 10, 6 and 2 wrong: IoU 5 / 15, 7 / 13 and 9 / 11.
    assert lines[0].startswith('Without an enhancer, prediction and truth overlap by 33.33%')
    assert lines[1:4] == [
        'The best training-free enhancer is GreyWorld: 53.85, a change of +20.51 (clear).',
        'The best of the others is SyMPIE: 81.82, a change of +48.48 (clear).',
        'SyMPIE beats the best that needs no training: +27.97 (clear).']
    assert lines[4] == 'By condition SyMPIE changes the mIoU by +48.48 (fog), +48.48 (night).'
    worse = conclusion(compare_enhancers({**free, 'SyMPIE': report(*[6] * 6)}, ['GreyWorld']))
    assert worse[3].startswith('SyMPIE does not clearly beat') and '-10.99 (clear)' in worse[3]
    assert 'GreyWorld changes' in worse[4]


def test_a_run_named_twice_and_a_name_with_a_bar():
    assert run_names(['a/x', 'b/x']) == ['a/x', 'b/x'] and run_names(['a/x', 'b/y']) == ['x', 'y']
    with pytest.raises(InputError, match='each run once, got a, b, a'):
        run_names(['a', 'b', 'a'])
    assert markdown([['class', 'a|b'], ['road', '1']]).startswith(r'| class | a\|b |')


def test_files_and_refusals(tmp_path, capsys):
    reports = {'none': report(6, 5), 'SyMPIE': report(7, 9)}
    show_enhancers(compare_enhancers(reports), 'title', tmp_path)
    shown = capsys.readouterr().out
    assert shown.splitlines()[1].replace('|', ' ').split() == [
        'mIoU', 'all', 'fog', 'night', 'change', '95%', 'interval']
    assert 'mIoU, night' not in shown and f'{tmp_path}/enhancers.md' in shown
    show_enhancers(compare_enhancers(reports), 'title')
    assert 'mIoU, night' in capsys.readouterr().out  # There is no file to find it in.
    assert json.loads((tmp_path / 'enhancers.json').read_text())['enhancers'] == ['none', 'SyMPIE']
    assert (tmp_path / 'enhancers.md').read_text().endswith(
        '\n- SyMPIE: SyMPIE, `a.py`, `a.pth`, SHA-256 `0af1`, 2026-11-29\n')
    write_comparison(tmp_path, compare_reports(*reports.values()))
    assert (tmp_path / 'compare.md').read_text().endswith(
        '\n- with: SyMPIE, `a.py`, `a.pth`, SHA-256 `0af1`, 2026-11-29\n')
    assert (tmp_path / 'enhancers.csv').read_text().splitlines()[0] == 'class,none,SyMPIE'
    with pytest.raises(InputError, match='without an enhancer'):
        compare_enhancers({'SyMPIE': report(6)})
    with pytest.raises(InputError, match='of 2 and of 3 images'):
        compare_enhancers({'none': report(6, 5), 'SyMPIE': report(6, 5, 4)})
