"""Train a segmentor, or pretrain an enhancer, from a config."""
import argparse
import logging
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from ..errors import InputError
from ..io.config import building, load_config
from ..io.files import check_writable
from ..runtime.distributed import join_processes
from ..runtime.malloc import tune_malloc_on_cpu
from .resume import NEWEST, checkpoint_to_resume, checkpoints_in


def train(args: argparse.Namespace) -> None:
    """Train as the options of the command say.

    Raises:
        InputError: the config is for testing only, or the work dir not what it should be.
    """
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
        runner = TerseRunner.from_cfg(cfg)
    if is_main_process():
        print(f'Log, settings and checkpoints: {cfg.work_dir}')
    runner.train()


class TerseRunner(Runner):
    """A runner whose terminal shows the progress and warnings; its log file has everything."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """As MMEngine's, with a filter on what is printed."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_progress)
        return logger


def _is_progress(record: logging.LogRecord) -> bool:
    """Whether a message is a line of an interval, of an evaluation or of a checkpoint."""
    return record.levelno > logging.INFO or record.getMessage().startswith(
        ('Iter(', 'Epoch(', 'Saving checkpoint', 'Load checkpoint', 'resumed'))


def go_on_or_start(cfg: Config, resume: str | None, load_from: str | None) -> None:
    """Set where the run begins, and say so.

    Args:
        cfg: with its work dir; changed in place.
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
