"""Train a model.

Example:
    python tools/train.py configs/mobilenetv2_camvid.py --cfg-options data_root=/data/camvid
    python tools/train.py configs/mobilenetv2_camvid.py --resume
"""
import argparse
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmseg_sympie.engine.resume import NEWEST, checkpoint_to_resume, checkpoints_in
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io.config import CfgOptions, building, load_config, parsed_args
from mmseg_sympie.io.files import check_writable
from mmseg_sympie.runtime.distributed import join_processes
from mmseg_sympie.runtime.malloc import tune_malloc_on_cpu


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--work-dir', help='logs and checkpoints; default work_dirs/CONFIG')
    parser.add_argument('--resume', nargs='?', const=NEWEST, metavar='FILE',
                        help='go on from the newest checkpoint in the work dir, or from this one')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={},
                        metavar='KEY=VALUE', help='changes to the config; data_root=FOLDER sets '
                        'the root of all its data sets')
    # The FILE may be left out before the config, too.
    argv = [f'--resume={NEWEST}' if each == '--resume' and following.endswith('.py') else each
            for each, following in zip(sys.argv[1:], [*sys.argv[2:], ''])]
    return parsed_args(parser, argv)


def go_on_or_start(cfg: Config, resume: str | None, load_from: str | None) -> None:
    """Set where the run begins, and say so.

    Args:
        resume: a file, `NEWEST` or None.
        load_from: weights to start from; those in a config are what it is tested with.
    """
    work_dir = Path(cfg.work_dir)
    checkpoint = checkpoint_to_resume(work_dir, resume) if resume else None
    cfg.resume = checkpoint is not None
    cfg.load_from = str(checkpoint) if checkpoint else load_from
    if not is_main_process():
        return
    if checkpoint:
        print(f'Going on from {checkpoint}.')
    elif resume:
        print(f'{work_dir} has no checkpoint to go on from: starting at the beginning.')
    elif saved := checkpoints_in(work_dir):
        print(f'Note: starting at the beginning and overwriting what an earlier run left in '
              f'{work_dir}, up to {saved[-1].name}. --resume goes on from there instead.')


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
    join_processes(cfg, args.launcher)
    if 'train_dataloader' not in cfg:
        raise InputError(f'{args.config} has no train_dataloader: it is for testing only.')
    check_writable(cfg.work_dir)
    go_on_or_start(cfg, args.resume or (NEWEST if cfg.get('resume') else None),
                   args.cfg_options.get('load_from'))
    # Its test data and report are for tools/test.py.
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key, None)
    tune_malloc_on_cpu()
    with building('what the config names'):
        runner = Runner.from_cfg(cfg)
    runner.train()


if __name__ == '__main__':
    with errors_without_traceback():
        main()
