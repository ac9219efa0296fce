"""The built wheel alone, away from the repository: configs by name, the demo, a test."""
import os
import shutil
import subprocess
import sys

import pytest
from commands import ROOT

pytestmark = pytest.mark.slow  # all wait for a process

FILES = ('mmseg_sympie', 'configs', 'docs', 'setup.py', 'pyproject.toml', 'MANIFEST.in',
         'README.md', 'LICENSE')


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """An empty folder, and a function that runs `python -m mmseg_sympie` of the wheel there."""
    root = tmp_path_factory.mktemp('wheel')
    (root / 'source').mkdir()
    for name in FILES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / 'source' / name)
    pip = [sys.executable, '-m', 'pip', '--quiet', '--no-input', '--disable-pip-version-check']
    subprocess.run([*pip, 'wheel', '--no-deps', '--no-build-isolation', '--no-index', '--wheel-dir',
                    root, root / 'source'], check=True, capture_output=True)
    wheel, = root.glob('*.whl')
    subprocess.run([*pip, 'install', '--no-deps', '--no-index', '--target', root / 'site', wheel],
                   check=True, capture_output=True)
    (root / 'empty').mkdir()
    environment = {**os.environ, 'PYTHONPATH': str(root / 'site')}

    def run(*arguments):
        done = subprocess.run([sys.executable, '-m', 'mmseg_sympie', *map(str, arguments)],
                              cwd=root / 'empty', env=environment, text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    return root, run


def test_the_wheel_has_all_that_it_needs(installed):
    root, _ = installed
    site = root / 'site'
    for path in ('mmseg_sympie/py.typed', 'mmseg_sympie/configs/_base_/runtime.py'):
        assert (site / path).is_file()
    wanted = {path.relative_to(ROOT) for path in (ROOT / 'configs').rglob('*.py')}
    assert wanted == {path.relative_to(site / 'mmseg_sympie')
                      for path in (site / 'mmseg_sympie/configs').rglob('*.py')}
    assert 'sympie = mmseg_sympie.cli:main' in next(
        site.glob('*.dist-info/entry_points.txt')).read_text()
    assert not (site / 'tests').exists() and not (site / 'tools').exists()


def test_configs_are_listed(installed):
    root, run = installed
    text = run('configs', 'demo', 'espnetv2_acdc')
    assert str(root / 'site/mmseg_sympie/configs') in text
    for word in ('demo_sympie', 'ACDCDataset', 'data/demo', 'demo_segmentor.pth', 'SyMPIE',
                 'espnetv2_acdc_sympie'):
        assert word in text
    assert 'camvid' not in text


def test_the_demo_and_a_test_by_name(installed):
    root, run = installed
    text = run('demo', '--val', 1)
    assert 'clearly beat the best that needs no training' in text and 'are synthetic' in text
    assert (root / 'empty/work_dirs/demo_sympie/enhancers.json').is_file()
    run('test', 'demo_meanmatch', '--cfg-options', 'test_dataloader.dataset.conditions=[fog]')
    assert (root / 'empty/work_dirs/demo_meanmatch/report.json').is_file()
    assert {path.name for path in (root / 'empty').iterdir()} == {'data', 'work_dirs'}
