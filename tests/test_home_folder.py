"""`~` in every path of a config, an option or an argument."""
from pathlib import Path

import pytest
import torch
from data_sets import build

from mmseg_sympie.cli import parse_args
from mmseg_sympie.datasets.photographs import Photographs
from mmseg_sympie.io.config import load_config
from mmseg_sympie.io.files import sha256
from mmseg_sympie.io.home import expand_home


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    return tmp_path


@pytest.mark.parametrize('value,wanted', [
    ('~/a.pth', 'HOME/a.pth'), ('~', 'HOME'), ('torchvision:vgg16:~/a.pth',
                                               'torchvision:vgg16:HOME/a.pth'),
    ('MeanMatch+~/a.pth', 'MeanMatch+HOME/a.pth'), (Path('~/a'), 'HOME/a'),
    # No home folders:
    ('a~', 'a~'), ('a/~/b', 'a/~/b'), ('https://host/~me/x', 'https://host/~me/x'),
    ('~nobody_of_this_name/x', '~nobody_of_this_name/x'),
    (Path('~nobody_of_this_name/x'), '~nobody_of_this_name/x'), (3, 3), (None, None)])
def test_where_it_is_the_home_folder(home, value, wanted):
    found = expand_home(value)
    assert type(found) is type(value) or isinstance(value, Path)
    assert str(found) == str(wanted).replace('HOME', str(home))


def test_anywhere_in_a_config_and_its_options(home, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text("load_from = '~/a.pth'\ndata_root = '~/data'\nwork_dir = '~/work'\n"
                    "model = dict(data_preprocessor=dict(enhancer=[\n"
                    "    dict(type='SyMPIE', checkpoint='~/b.pth')]),\n"
                    "    scale=(4, '~/c', [2, '~/d']))\n"
                    "test_dataloader = dict(dataset=dict(data_root=data_root, source='x'))\n")
    cfg = load_config('~/config.py')
    assert (cfg.load_from, cfg.work_dir) == (f'{home}/a.pth', f'{home}/work')
    assert cfg.test_dataloader.dataset.data_root == cfg.data_root == f'{home}/data'
    assert cfg.model.data_preprocessor.enhancer[0].checkpoint == f'{home}/b.pth'
    assert cfg.model.scale == (4, f'{home}/c', [2, f'{home}/d'])
    cfg = load_config(str(path), {'data_root': '~/other', 'model.backbone.ranking': '~/r.json',
                                  'test_dataloader.dataset.source': '~/s'})
    assert cfg.test_dataloader.dataset.data_root == f'{home}/other'
    assert cfg.test_dataloader.dataset.source == f'{home}/s'
    assert cfg.model.backbone.ranking == f'{home}/r.json'


def test_on_a_command_line(home):
    args = parse_args('visualize', ['~/c.py', '--out=~/o', '--images', '~/a.png', 'b.png',
                                    '--cfg-options', 'load_from=~/x.pth', 'a.b=[~/y,z]'])
    assert (args.config, args.out) == (f'{home}/c.py', home / 'o')
    assert args.images == [f'{home}/a.png', 'b.png']
    assert args.cfg_options == {'load_from': f'{home}/x.pth', 'a.b': [f'{home}/y', 'z']}


def test_in_arguments_of_python(home):
    torch.save({}, home / 'x.pth')
    assert sha256('~/x.pth') == sha256(home / 'x.pth')
    (home / 'photos').mkdir()
    with pytest.raises(ValueError, match='photos has no images'):
        Photographs('~/photos', labels=None)
    with pytest.raises(FileNotFoundError, match=f'no images were found below {home}/photos'):
        build('CityscapesDataset', '~/photos')
