"""Two processes give the same report as one."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_sympie.io.checkpoints import read_checkpoint

pytestmark = pytest.mark.slow  # each starts a process

ROOT = Path(__file__).parents[1]


def run_tool(tool, *args, processes):
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nnodes=1',
              f'--nproc-per-node={processes}'] if processes > 1 else [sys.executable]
    result = subprocess.run(
        [*launch, f'tools/{tool}.py', *map(str, args), '--launcher',
         'pytorch' if processes > 1 else 'none'],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1',
             'CUDA_VISIBLE_DEVICES': ''})
    assert result.returncode == 0, result.stderr[-3000:]


def test_two_gloo_processes_equal_one(demo_config, with_enhancer, demo_segmentor, tmp_path):
    cfg = with_enhancer(demo_config)
    cfg.test_dataloader.dataset.conditions = ['fog', 'snow', 'night']  # 9 images: not a multiple
    cfg.test_dataloader.batch_size = 1
    config = tmp_path / 'config.py'
    cfg.dump(str(config))
    scores = []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        run_tool('test', config, demo_segmentor, '--out', out, processes=processes)
        scores.append(json.loads((out / 'report.json').read_text())['scores'])
    one, two = scores
    assert two['all']['images'] == 9
    assert two['all']['class_pixels'] == one['all']['class_pixels']
    for condition in one:
        assert two[condition]['miou'] == pytest.approx(one[condition]['miou'], abs=1e-3)


def test_two_gloo_processes_train(demo_config, with_enhancer, tmp_path):
    cfg = with_enhancer(demo_config)
    cfg.merge_from_dict(dict(train_cfg=dict(max_iters=1),
                             default_hooks=dict(checkpoint=dict(interval=1))))
    config = tmp_path / 'config.py'
    cfg.dump(str(config))
    run_tool('train', config, '--work-dir', tmp_path / 'work', processes=2)
    state = read_checkpoint(tmp_path / 'work/iter_1.pth')['state_dict']
    assert 'decode_head.branches.0.weight' in state
    assert not any('enhancer' in key for key in state)


@pytest.mark.skipif(not Path('/proc/self/task').is_dir(), reason='reads the names of threads')
def test_threads_of_gloo_end_before_python():
    script = '''
import atexit
from pathlib import Path

def show(when):
    print(when, len(list(Path('/proc/self/task').iterdir())))

atexit.register(show, 'threads at the end:')  # Registered first, it runs last.
import torch
from mmengine.config import Config
from mmseg_sympie.runtime.distributed import join_processes
show('threads before:')
join_processes(Config(), 'pytorch')
torch.distributed.all_reduce(torch.ones(1))
show('threads joined:')
'''
    result = subprocess.run(
        [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, 'RANK': '0', 'WORLD_SIZE': '1', 'MASTER_ADDR': 'localhost',
             'MASTER_PORT': '0', 'CUDA_VISIBLE_DEVICES': ''})
    before, joined, end = map(int, re.findall(r'threads .*: (\d+)', result.stdout))
    assert joined > before and end == before
