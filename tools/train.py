"""Train a model.

Example:
    python tools/train.py configs/mobilenetv2_camvid.py --cfg-options data_root=/data/camvid
"""
import argparse
from pathlib import Path

from mmengine.runner import Runner

from mmseg_sympie.allocator import keep_freed_memory_without_gpu
from mmseg_sympie.config import CfgOptions, building, load_config
from mmseg_sympie.distributed import join_processes
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.files import check_writable


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--work-dir', help='logs and checkpoints; default work_dirs/CONFIG')
    parser.add_argument('--resume', action='store_true',
                        help='go on from the last checkpoint in the work dir')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={},
                        metavar='KEY=VALUE', help='changes to the config; data_root=FOLDER sets '
                        'the root of all its data sets')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
    join_processes(cfg, args.launcher)
    cfg.resume = args.resume
    # A config's load_from is what it is tested with, not where it starts.
    cfg.load_from = args.cfg_options.get('load_from')
    if 'train_dataloader' not in cfg:
        raise InputError(f'{args.config} has no train_dataloader: it is for testing only.')
    check_writable(cfg.work_dir)
    # Its test data and report are for tools/test.py.
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key, None)
    keep_freed_memory_without_gpu()
    with building('what the config names'):
        runner = Runner.from_cfg(cfg)
    runner.train()


if __name__ == '__main__':
    with errors_without_traceback():
        main()
