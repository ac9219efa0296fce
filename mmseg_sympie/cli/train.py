"""Train a model.

Example:
    python tools/train.py configs/mobilenetv2_camvid.py --cfg-options data_root=/data/camvid
    python tools/train.py configs/mobilenetv2_camvid.py --resume
"""
import argparse
from collections.abc import Sequence

from .options import add_cfg_options

NEWEST = 'newest'  # as in engine/resume.py


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('config')
    parser.add_argument('--work-dir', help='logs and checkpoints; default work_dirs/CONFIG')
    parser.add_argument('--resume', nargs='?', const=NEWEST, metavar='FILE',
                        help='go on from the newest checkpoint in the work dir, or from this one')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    add_cfg_options(parser)


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; the FILE of --resume may be left out before the config, too."""
    return parser.parse_args([
        f'--resume={NEWEST}' if each == '--resume' and following.endswith('.py') else each
        for each, following in zip(argv, [*argv[1:], ''])])


def main(args: argparse.Namespace) -> None:
    """Train."""
    from ..engine.training import train
    train(args)
