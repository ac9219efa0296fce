"""Configs in every style and encoding, the options of a command line, and their mistakes."""
import argparse
import copy

import pytest
import torch
from mmengine.config import DictAction
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import DATASETS
from mmseg.models import SegDataPreProcessor
from torch import nn

from mmseg_sympie.attachment import attach, is_enhanced
from mmseg_sympie.cli.options import CfgOptions, config_value, device
from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.datasets import ACDCDataset, CamVidDataset
from mmseg_sympie.datasets.street_scenes import loads_labels
from mmseg_sympie.engine.comparison import for_submission
from mmseg_sympie.engine.page import write_report_page
from mmseg_sympie.engine.segmentation import check_inputs, enhancers_of, has_enhancer, run_test
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.evaluation import read_report
from mmseg_sympie.io.config import (
    building,
    forget_pretrained,
    is_python_style,
    load_config,
    type_name,
)
from mmseg_sympie.registry import MODELS

LAZY = '''
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs
from mmseg.models import SegDataPreProcessor
from mmseg_sympie.datasets import ACDCDataset
model = dict(data_preprocessor=dict(type=SegDataPreProcessor, mean=[1., 2, 3]))
test_dataloader = dict(dataset=dict(type=ACDCDataset, pipeline=[
    dict(type=LoadImageFromFile), dict(type=LoadAnnotations), dict(type=PackSegInputs)]))
'''


@pytest.mark.parametrize('kind,name,scoped', [
    ('MeanMatch', 'MeanMatch', 'MeanMatch'),
    ('mmseg_sympie.ACDCDataset', 'ACDCDataset', 'mmseg_sympie.ACDCDataset'),
    (ACDCDataset, 'ACDCDataset', 'mmseg_sympie.ACDCDataset'),
    (SegDataPreProcessor, 'SegDataPreProcessor', 'mmseg.SegDataPreProcessor'),
    (load_config, 'load_config', 'mmseg_sympie.load_config')])
def test_a_type_is_a_string_or_a_class(kind, name, scoped):
    assert type_name(kind) == name and type_name(kind, scoped=True) == scoped


def test_types_that_are_classes_are_read_as_their_names(tmp_path):
    (tmp_path / 'lazy.py').write_text(LAZY)
    cfg = load_config(str(tmp_path / 'lazy.py'))
    assert is_python_style(str(tmp_path / 'lazy.py'))
    assert loads_labels(cfg.test_dataloader.dataset.pipeline)
    assert not loads_labels(cfg.test_dataloader.dataset.pipeline[::2])
    assert not is_enhanced(cfg.model.data_preprocessor)
    attached = attach(cfg)
    assert attached.model.data_preprocessor.type == 'mmseg_sympie.SyMPIEDataPreprocessor'
    assert attached.model.data_preprocessor.mean == [1, 2, 3] and has_enhancer(attached)
    attached.model.data_preprocessor.type = SyMPIEDataPreprocessor
    assert has_enhancer(attached)
    from mmseg_sympie.enhancer import SyMPIE
    assert enhancers_of(dict(enhancer=dict(type=SyMPIE), checkpoint='x')) == [
        dict(type=SyMPIE, checkpoint='x')]
    model = dict(norm_cfg=dict(type=nn.SyncBatchNorm))
    forget_pretrained(model)
    assert model['norm_cfg']['type'] == 'BN'


def test_a_config_in_json_and_one_in_another_format(tmp_path):
    (tmp_path / 'a.json').write_text('{"model": {"type": "EncoderDecoder"}}')
    assert load_config(str(tmp_path / 'a.json')).model.type == 'EncoderDecoder'
    (tmp_path / 'a.png').write_bytes(b'')
    with pytest.raises(InputError, match='a.png is no config: wanted a .py'):
        load_config(str(tmp_path / 'a.png'))


@pytest.mark.parametrize('base,child', [
    ('a = 1\n', "_base_ = ['./base.py']\nb = 2\n"),
    ('a = 1\n', "from mmengine.config import read_base\nwith read_base():\n"
                "    from .base import *\nb = 2\n")])
def test_configs_with_byte_order_marks(tmp_path, base, child):
    for name, text in (('base', base), ('child', child)):
        (tmp_path / f'{name}.py').write_text(text, encoding='utf-8-sig')
    cfg = load_config(str(tmp_path / 'child.py'))
    assert (cfg.a, cfg.b) == (1, 2)


@pytest.mark.parametrize('content,message', [
    (b'a = (1\n', 'SyntaxError'), (b'a = 1 / 0\n', 'ZeroDivisionError'),
    (b"name = 'Stra\xdfe'\n", 'not in UTF-8 .byte 0xdf'),
    (b"custom_imports = dict(imports=['no_such_module'])\n", 'no_such_module'),
    (b"_base_ = ['./a.py']\n_base_.nothing\n", 'cannot be read'),
    (b'from no_such_module import Net\nmodel = dict(type=Net)\n', 'no_such_module')])
def test_a_config_that_cannot_be_read_is_named(tmp_path, content, message):
    (tmp_path / 'a.py').write_text('a = 1\n')
    (tmp_path / 'bad.py').write_bytes(content)
    with pytest.raises(InputError, match=rf'The config \S*bad.py cannot be read: .*{message}|'
                                         rf'bad.py {message}'):
        load_config(str(tmp_path / 'bad.py'))


def test_a_missing_base_is_a_missing_file(tmp_path):
    (tmp_path / 'a.py').write_text("_base_ = ['./none.py']\n")
    with pytest.raises(FileNotFoundError, match='none.py'):
        load_config(str(tmp_path / 'a.py'))


def test_options_that_do_not_fit(tmp_path):
    (tmp_path / 'a.py').write_text('model = dict(size=[1, 2])\n')
    with pytest.raises(InputError, match='--cfg-options do not fit .*a.py'):
        load_config(str(tmp_path / 'a.py'), {'model.size.9': 1})


@pytest.mark.parametrize('words', [['foo'], ['a=1', 'foo'], ['=1'], ['a=[1,2']])
def test_options_that_are_no_pairs(words, capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(['--cfg-options', *words])
    assert stopped.value.code == 2
    assert f'{words[-1]!r} is not KEY=VALUE' in capsys.readouterr().err
    given = parser.parse_args(['--cfg-options', 'a.b=1', 'c=[1,2]', '--cfg-options', 'd=x=y'])
    assert given.cfg_options == {'a.b': 1, 'c': [1, 2], 'd': 'x=y'}


@pytest.mark.parametrize('text,wanted', [
    ('1', 1), ('1e-3', 0.001), ('true', True), ('None', None), ('', ''),
    ('"x"', 'x'), ('1,2', [1, 2]), ('1,', [1]), ('[1,2]', [1, 2]), ('(64,96)', (64, 96)),
    ('[]', []), ('()', ()), ('[a,(1,2.5),[b]]', ['a', (1, 2.5), ['b']]),
    ('[(1,2),c]', [(1, 2), 'c']),
    ('1,,2', [1, '', 2]), ('[1],[2]x', [[1], '[2]x'])])
def test_values_are_read_as_mmengine_reads_them(text, wanted):
    assert config_value(text) == wanted == DictAction._parse_iterable(text)


def test_a_data_set_without_images(tmp_path):
    (tmp_path / 'leftImg8bit').mkdir()
    with pytest.raises(InputError, match='build the data: there is no image where data_root'):
        with building('the data'):
            DATASETS.build(dict(type='mmseg.CityscapesDataset', data_root=str(tmp_path),
                                data_prefix=dict(img_path='leftImg8bit', seg_map_path='gtFine')))


def test_a_base_of_mmsegmentation(tmp_path):
    before = dict(MODULE2PACKAGE)
    (tmp_path / 'mine.py').write_text("_base_ = ['mmseg::_base_/datasets/cityscapes.py']\n")
    assert load_config(str(tmp_path / 'mine.py')).dataset_type == 'CityscapesDataset'
    assert before == MODULE2PACKAGE


@pytest.mark.parametrize('text,wanted', [
    ('my data/acdc', 'my data/acdc'), (' 1 ', 1), ('[a b, 2]', ['a b', 2]),
    ('(1, 2)', (1, 2)), ('"a b"', 'a b')])
def test_spaces_in_paths_stay(text, wanted):
    assert config_value(text) == wanted


PREPROCESSOR = dict(type='mmseg_sympie.SyMPIEDataPreprocessor')


@pytest.mark.parametrize('registry,cfg,message', [
    (MODELS, dict(type='mmseg_sympie.SyMPIEDataPreprocesor'),
     "type='mmseg_sympie.SyMPIEDataPreprocesor' is no model.*Did you mean "
     "'mmseg_sympie.SyMPIEDataPreprocessor'.*custom_imports"),
    (MODELS, dict(PREPROCESSOR, enhancer=dict(type='MeanMach')), "type='MeanMach' is no model"),
    (MODELS, dict(PREPROCESSOR, enhancer=dict(type='MeanMatch', tarket=1)), "'tarket'"),
    (MODELS, dict(PREPROCESSOR, meen=[1, 2, 3]), "'meen'"),
    (MODELS, dict(PREPROCESSOR, smoothing=dict(evry=8)), "'evry'"),
    (DATASETS, dict(type='MyOwnData'), "type='MyOwnData' is no dataset.*custom_imports"),
    (DATASETS, dict(type='mmseg_sympie.ACDCDataset', data_rot='x'), "data_ro")])
def test_what_cannot_be_built_is_named(registry, cfg, message):
    with pytest.raises(InputError, match=rf'Cannot build the part: .*{message}'), \
            building('the part'):
        registry.build(cfg)


def test_a_forgotten_import_ends_a_tool_with_a_message():
    with pytest.raises(SystemExit, match="Error: type='Unheard' is no model"), \
            errors_without_traceback():
        MODELS.build(dict(type='Unheard'))
    with pytest.raises(KeyError), errors_without_traceback():  # a bug of ours stays one
        {}['key']


@pytest.mark.parametrize('text', ['cudda', 'cuda:99', 'cuda:x', ''])
def test_a_device_that_is_not_there(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f'no device {text!r} here'):
        device(text)
    assert device('cpu') == 'cpu'


WHOLE = '''
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import DefaultSampler
from mmengine.runner import TestLoop
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs
from mmseg.evaluation import IoUMetric
from mmseg.models import EncoderDecoder, FCNHead
from mmseg.models.backbones import UNet
from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.datasets import ACDCDataset
from mmseg_sympie.enhancer import SyMPIE
default_scope = None
model = dict(
    type=EncoderDecoder,
    data_preprocessor=dict(type=SyMPIEDataPreprocessor, enhancer=dict(type=SyMPIE)),
    backbone=dict(type=UNet, base_channels=4, num_stages=2, strides=(1, 1), enc_num_convs=(1, 1),
                  dec_num_convs=(1,), downsamples=(True,), enc_dilations=(1, 1),
                  dec_dilations=(1,), norm_cfg=dict(type='BN')),
    decode_head=dict(type=FCNHead, in_channels=4, in_index=1, channels=4, num_convs=1,
                     concat_input=False, num_classes=19, norm_cfg=dict(type='BN')),
    test_cfg=dict(mode='whole'))
test_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=ACDCDataset, data_root={root!r}, conditions=['fog'], indices=1,
                 test_mode=True, pipeline=[dict(type=LoadImageFromFile),
                                           dict(type=LoadAnnotations), dict(type=PackSegInputs)]))
test_evaluator = dict(type=IoUMetric, ignore_index=10)
test_cfg = dict(type=TestLoop)
'''


@pytest.mark.slow
def test_a_config_in_pythons_style_is_tested_and_reported(scenes, tmp_path, capsys):
    (tmp_path / 'lazy.py').write_text(WHOLE.replace('{root!r}', repr(scenes)))
    cfg = load_config(str(tmp_path / 'lazy.py'))
    torch.save(MODELS.build(copy.deepcopy(cfg.model)).state_dict(), tmp_path / 'w.pth')
    check_inputs(cfg, str(tmp_path / 'w.pth'), str(tmp_path))
    run_test(cfg, str(tmp_path / 'w.pth'), str(tmp_path))
    report = read_report(tmp_path)
    assert report['ignored_labels'] == [10]
    details = report['details']
    assert details['data_preprocessor']['type'].endswith('.SyMPIEDataPreprocessor')
    assert 'sha256 of the shipped enhancer' in details
    assert 'SyMPIEDataPreprocessor' in (tmp_path / 'report.md').read_text()
    write_report_page(cfg, str(tmp_path / 'w.pth'), tmp_path, tmp_path / 'i.html', False)
    assert 'with SyMPIE, on 1 images' in (tmp_path / 'i.html').read_text(encoding='utf-8')
    for_submission(cfg, tmp_path / 's.zip')
    assert cfg.test_dataloader.dataset.split == 'test'
    assert len(cfg.test_dataloader.dataset.pipeline) == 2
    for wrong in (CamVidDataset, 'mmseg.ACDCDataset', 'ACDCDataset'):
        cfg.test_dataloader.dataset.type = wrong
        with pytest.raises(InputError, match=r'this config tests on (mmseg\w*\.)?\w+Dataset\.'):
            for_submission(cfg, tmp_path / 's.zip')


def test_a_config_of_an_installed_package_is_one_to_inherit_from():
    name = 'mmseg::segformer/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024.py'
    with pytest.raises(InputError, match=f"write one with _base_ = .'{name}'"):
        load_config(name)
