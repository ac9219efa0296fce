"""The pages of docs/: the model zoo is that of the files, and the notebook runs."""
import json
import runpy
from pathlib import Path

import matplotlib
import pytest

from mmseg_sympie.io.config import load_config
from mmseg_sympie.io.files import sha256

ROOT = Path(__file__).parents[1]
ZOO = json.loads((ROOT / 'docs/model_zoo.json').read_text())
MODELS = [model for models in ZOO.values() for model in models]
SHIPPED = ROOT / 'mmseg_sympie/weights'


@pytest.mark.parametrize('model', [each for each in MODELS if 'sha256' in each],
                         ids=lambda model: model['name'])
def test_the_files_of_the_zoo(model, request):
    path = ROOT / model['file']
    if 'original' in model:
        path = request.getfixturevalue('real_data').parent / 'weights' / model['original']
        if not path.is_file():
            pytest.skip(f'{path.name} is not there')
    assert (path.stat().st_size, sha256(path)) == (model['size'], model['sha256'])


def test_all_weights_that_ship_are_in_the_zoo():
    named = {ROOT / model['file'] for model in MODELS if model['file'].startswith('mmseg_sympie')}
    assert named == set(SHIPPED.glob('*.pth'))


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['name'])
def test_the_configs_of_the_zoo(model):
    """A model's config loads its weights; an enhancer's trains it."""
    cfg = load_config(str(ROOT / model['config']))
    if model in ZOO['enhancers']:
        assert cfg.model and cfg.train_cfg
    else:
        assert cfg.load_from == model['file']


def test_the_page_of_the_zoo_is_up_to_date():
    page = runpy.run_path(str(ROOT / 'docs/model_zoo.py'))['page']
    text = (ROOT / 'docs/model_zoo.in.md').read_text()
    assert (ROOT / 'docs/model_zoo.md').read_text() == page(ZOO, text)
    assert all(model['scores'] in page(ZOO, text) for model in MODELS)


def test_the_readme_is_short():
    assert len((ROOT / 'README.md').read_text().splitlines()) <= 150


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    """Top to bottom, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / 'docs/first_look.ipynb').read_text())
    space = {}
    with matplotlib.rc_context({'backend': 'agg'}):
        for cell in notebook['cells']:
            if cell['cell_type'] == 'code':
                exec(compile(''.join(cell['source']), cell['id'], 'exec'), space)
    assert space['brighter'].mean() > space['night'].mean()
    assert set(space['miou']) == {'fog', 'night', 'rain', 'snow'}
    assert all(0 < value < 100 for pair in space['miou'].values() for value in pair)
    assert 'of the pixels change' in capsys.readouterr().out
