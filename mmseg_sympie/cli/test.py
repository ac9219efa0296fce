r"""Test a segmentor class by class, with the enhancer of its config, without it, or both.

Example:
    python tools/test.py configs/deeplabv2_acdc_sympie.py
    python tools/test.py configs/deeplabv2_acdc_sympie.py --compare
    python tools/test.py configs/deeplabv2_acdc_sympie.py --compare --html work_dirs/page
    python tools/test.py configs/espnetv2_acdc_sympie.py --compare SourceMatch GreyWorld SyMPIE
    python tools/test.py configs/mobilenetv2_camvid.py my_weights.pth \
        --cfg-options data_root=/data/camvid
"""
import argparse
import os
from pathlib import Path

from ..errors import InputError
from .options import add_cfg_options

RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')  # as the launchers set them

def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?', help="the segmentor's weights, a file or an "
                        'address; default: load_from of the config')
    parser.add_argument('--out', help='folder of the report; default work_dirs/CONFIG')
    parser.add_argument('--compare', nargs='*', metavar='ENHANCER',
                        help='test without and with the enhancer of the config (where it has '
                        'none, with the default), and show the difference; or with each one '
                        'named, such as none SourceMatch GreyWorld MeanMatch:110 SyMPIE '
                        'AverageWithOriginal+SyMPIE AlphaBN TENT (arguments as in '
                        'SourceMatch:strength=0.5), one column each')
    parser.add_argument('--html', type=Path, metavar='FOLDER',
                        help='also write FOLDER/index.html: the numbers and some images on one '
                        'page to look at in a browser')
    parser.add_argument('--format-only', action='store_true',
                        help='no scores: write the label maps of the test split as '
                        'OUT/submission.zip for the evaluation server')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    add_cfg_options(parser)


def begin(args: argparse.Namespace) -> None:
    """Find the config, and say what will be done."""
    if (args.compare is not None or args.html) and args.format_only:
        raise InputError('--compare and --html need labels and --format-only has none: leave it '
                         'out, or them.')
    from ..io.shipped import find_config
    args.config = find_config(args.config)
    name = Path(args.config).stem
    args.out = args.out or f'work_dirs/{name}'
    if all(os.environ.get(rank, '0') == '0' for rank in RANKS):
        print(f'Test of {name}, results in {args.out}. Loading ...', flush=True)


def main(args: argparse.Namespace) -> None:
    """Test as the options say; the tables are printed by the reports."""
    from mmengine.dist import is_main_process

    from ..attachment import find_preprocessor, has_enhancer
    from ..engine.comparison import compare_variants, test_and_report
    from ..engine.segmentation import enhancers_of
    from ..engine.segmentor_config import with_enhancer
    from ..engine.segmentor_weights import checkpoint_of
    from ..engine.variants import with_none
    from ..enhancer.build import names_of
    from ..io.config import load_config
    from ..runtime.distributed import join_processes
    from ..runtime.malloc import tune_malloc_on_cpu
    tune_malloc_on_cpu()
    cfg = load_config(args.config, args.cfg_options)
    join_processes(cfg, args.launcher)
    checkpoint = checkpoint_of(cfg, args.checkpoint)
    out_dir = Path(args.out)
    if args.compare is not None and not args.compare and not has_enhancer(cfg):
        cfg = with_enhancer(cfg)
        if is_main_process():
            print(f'{args.config} has no enhancer; attached: '
                  f'{names_of(enhancers_of(find_preprocessor(cfg)[1]))}.', flush=True)
    if args.compare:
        compare_variants(cfg, checkpoint, with_none(args.compare), out_dir, args.html)
    else:
        test_and_report(cfg, checkpoint, out_dir, args.compare is not None, args.format_only,
                        args.html)
