"""Shared fixtures: enhancer weights, and a small real data set rendered by the project."""
import contextlib
import copy
import gc
import os
import runpy
import subprocess
import sys
from pathlib import Path

import golden
import pretend_cuda
import pytest
import torch
from commands import ROOT
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from process_settings import settings_of_the_process

from mmseg_sympie.corruptions import cpu
from mmseg_sympie.enhancer.pretrained import convert_published_enhancer

torch.set_num_threads(2)


@pytest.fixture(scope='session', autouse=True)
def imports_are_no_garbage():
    """MMEngine collects garbage with each data set, which takes long with all that is imported."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def mmseg_scope():
    """Every test starts in MMSegmentation's registry, as inside a runner."""
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(autouse=True)
def tools_leave_nothing_behind():
    """Tools that a test runs in this process change nothing for the next."""
    with settings_of_the_process():
        yield


def pytest_collection_modifyitems(items):
    """Tests on real images, and on the whole comparison of the demo, are slow."""
    for item in items:
        if {'demo_comparison', 'real_data'} & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def only_slow_tests_start_python(request, monkeypatch):
    """A test that imports PyTorch in another process is to be marked as slow."""
    if request.node.get_closest_marker('slow'):
        return
    start = subprocess.Popen.__init__

    def start_other_programs(self, args, *rest, **kwargs):
        assert not isinstance(args, list) or str(args[0]) != sys.executable, 'mark the test as slow'
        start(self, args, *rest, **kwargs)

    monkeypatch.setattr(subprocess.Popen, '__init__', start_other_programs)


@pytest.fixture(params=['cpu', 'elsewhere'])
def either_way(request, monkeypatch):
    """Corruptions by the loops for a CPU, then by the operations that other devices take."""
    if request.param == 'elsewhere':
        monkeypatch.setattr(cpu, 'on_cpu', lambda what: False)


@pytest.fixture
def gpu():
    """None for a real GPU, and a pretended one says what it did."""
    real = torch.cuda.is_available()
    if not (real or pretend_cuda.AVAILABLE):
        pytest.skip('needs a GPU or a newer PyTorch')
    with contextlib.nullcontext() if real else pretend_cuda.PretendCuda() as pretended:
        yield pretended


@pytest.fixture(scope='session')
def enhancer_checkpoint(tmp_path_factory) -> str:
    """An enhancer file whose effect can be seen: the golden weights."""
    path = tmp_path_factory.mktemp('enhancer') / 'enhancer.pth'
    torch.save(convert_published_enhancer(golden.published_enhancer(), 'golden'), path)
    return str(path)


@pytest.fixture(scope='session')
def scenes(tmp_path_factory) -> str:
    """Rendered street scenes in ACDC's tree, three for each condition."""
    root = tmp_path_factory.mktemp('scenes')
    with settings_of_the_process(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['render_scenes.py', '--out', str(root), '--train', '4',
                                    '--val', '3', '--seed', '5'])
        runpy.run_path(str(ROOT / 'tools/render_scenes.py'), run_name='__main__')
    return str(root)


@pytest.fixture
def demo_config(scenes, tmp_path) -> Config:
    """The demo's config on the small scenes, without workers."""
    from mmseg_sympie.io.config import load_config
    cfg = load_config(str(ROOT / 'configs/demo.py'), dict(data_root=scenes))
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    cfg.model.backbone.init_cfg = None  # the ImageNet weights do not ship
    cfg.train_pipeline[2].scale, cfg.train_pipeline[3].crop_size = (160, 80), (48, 96)
    cfg.train_dataloader.dataset.pipeline = cfg.train_pipeline
    cfg.train_dataloader.batch_size = 2
    cfg.work_dir = str(tmp_path / 'work')
    cfg.log_level = 'ERROR'
    return cfg


@pytest.fixture(scope='session')
def demo_segmentor() -> str:
    """The trained weights that ship for the demo."""
    return str(ROOT / 'mmseg_sympie/weights/demo_segmentor.pth')


@pytest.fixture(scope='session')
def demo_comparison(scenes, demo_segmentor, tmp_path_factory) -> Path:
    """What `tools/test.py --compare --html` writes for the demo; the page is in `page`."""
    folder = tmp_path_factory.mktemp('comparison')
    subprocess.run([sys.executable, 'tools/test.py', 'configs/demo_sympie.py', demo_segmentor,
                    '--compare', '--out', str(folder), '--html', str(folder / 'page'),
                    '--cfg-options', f'data_root={scenes}'], cwd=ROOT, check=True,
                   capture_output=True)
    return folder


@pytest.fixture
def with_enhancer(enhancer_checkpoint):
    """Switch the enhancer on in a config, as the README says."""
    def switch_on(cfg: Config, **changes) -> Config:
        cfg = copy.deepcopy(cfg)
        cfg.merge_from_dict(dict(model=dict(data_preprocessor=dict(
            type='mmseg_sympie.SyMPIEDataPreprocessor', checkpoint=enhancer_checkpoint,
            precision='float32', **changes))))
        return cfg
    return switch_on


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Real images, where MMSEG_SYMPIE_DATA names them."""
    root = os.environ.get('MMSEG_SYMPIE_DATA')
    if not root:
        pytest.skip('MMSEG_SYMPIE_DATA is not set to a folder with camvid/')
    return Path(root)
