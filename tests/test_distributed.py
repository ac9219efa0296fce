"""Two processes give the same report as one."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run_test(config, checkpoint, out, processes):
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nnodes=1',
              f'--nproc-per-node={processes}'] if processes > 1 else [sys.executable]
    subprocess.run(
        [*launch, 'tools/test.py', config, checkpoint, '--out', str(out),
         '--launcher', 'pytorch' if processes > 1 else 'none'],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=300,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1',
             'CUDA_VISIBLE_DEVICES': ''})
    return json.loads((out / 'report.json').read_text())['scores']


def test_two_gloo_processes_equal_one(demo_config, with_enhancer, demo_segmentor, tmp_path):
    cfg = with_enhancer(demo_config)
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.test_dataloader.dataset.conditions = ['fog', 'snow', 'night']  # 9 images: not a multiple
    cfg.test_dataloader.batch_size = 1
    config = tmp_path / 'config.py'
    cfg.dump(str(config))
    one, two = (run_test(str(config), demo_segmentor, tmp_path / str(n), n) for n in (1, 2))
    assert two['all']['images'] == 9
    assert two['all']['class_pixels'] == one['all']['class_pixels']
    for condition in one:
        assert two[condition]['miou'] == pytest.approx(one[condition]['miou'], abs=1e-3)
