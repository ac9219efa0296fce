"""Test a segmentor class by class, with the enhancer of its config, without it, or both.

Example:
    python tools/test.py configs/deeplabv2_acdc_sympie.py
    python tools/test.py configs/deeplabv2_acdc_sympie.py --compare
    python tools/test.py configs/deeplabv2_acdc_sympie.py --compare --html work_dirs/page
    python tools/test.py configs/espnetv2_acdc_sympie.py --compare SourceMatch GreyWorld SyMPIE
    python tools/test.py configs/mobilenetv2_camvid.py my_weights.pth \
        --cfg-options data_root=/data/camvid
"""
import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmseg_sympie.datasets.street_scenes import loads_labels
from mmseg_sympie.engine.page import check_page, write_report_page, write_variants_page
from mmseg_sympie.engine.segmentation import check_inputs, has_enhancer, run_test, without_enhancer
from mmseg_sympie.engine.variants import folder_name, is_training_free, variant, with_none
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.evaluation.compare import show_comparison
from mmseg_sympie.evaluation.compare_enhancers import compare_enhancers, show_enhancers
from mmseg_sympie.evaluation.report import read_report
from mmseg_sympie.io.config import CfgOptions, building, load_config, parsed_args, type_name
from mmseg_sympie.registry import MODELS
from mmseg_sympie.runtime.distributed import join_processes
from mmseg_sympie.runtime.malloc import tune_malloc_on_cpu


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?', help="the segmentor's weights; default: load_from "
                        'of the config')
    parser.add_argument('--out', help='folder of the report; default work_dirs/CONFIG')
    parser.add_argument('--compare', nargs='*', metavar='ENHANCER',
                        help='test without and with the enhancer of the config, and show the '
                        'difference; or with each one named, such as none SourceMatch GreyWorld '
                        'MeanMatch:110 SyMPIE AverageWithOriginal+SyMPIE AlphaBN TENT (arguments '
                        'as in SourceMatch:strength=0.5), one column each')
    parser.add_argument('--html', type=Path, metavar='FOLDER',
                        help='also write FOLDER/index.html: the numbers and some images on one '
                        'page to look at in a browser')
    parser.add_argument('--format-only', action='store_true',
                        help='no scores: write the label maps of the test split as '
                        'OUT/submission.zip for the evaluation server')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={},
                        metavar='KEY=VALUE', help='changes to the config; data_root=FOLDER sets '
                        'the root of all its data sets')
    return parsed_args(parser)


def for_submission(cfg: Config, zip_path: Path) -> None:
    """Test on the unlabelled test split and zip the predictions."""
    dataset = cfg.test_dataloader.dataset
    if type_name(dataset.type, scoped=True) not in ('mmseg_sympie.ACDCDataset',
                                                    'mmseg_sympie.DarkZurichDataset'):
        raise InputError('--format-only is for the servers of ACDC and Dark Zurich, which take '
                         f'train ids; this config tests on {type_name(dataset.type, scoped=True)}.')
    if any(type_name(step.type) == 'ResizeLongSide' for step in dataset.pipeline):
        raise InputError('--format-only needs predictions at the original size, and this config '
                         'scores at another one (ResizeLongSide). Use the plain config.')
    dataset.split = 'test'
    dataset.pipeline = [step for step in dataset.pipeline if not loads_labels(step)]
    cfg.test_evaluator = dict(type='mmseg_sympie.Submission', zip_path=str(zip_path))


def compare_variants(cfg: Config, checkpoint: str | None, names: Sequence[str],
                     out_dir: Path) -> None:
    """Test with each enhancer named, and show all side by side."""
    configs = {name: variant(cfg, name) for name in names}
    check_inputs(cfg, checkpoint, str(out_dir))
    for name, each in configs.items():
        with building(f'the model of {name}'):  # now, not after the runs before it
            MODELS.build(copy.deepcopy(each.model))
    for name, each in configs.items():
        run_test(each, checkpoint, str(out_dir / folder_name(name)), name)
    if is_main_process():
        reports = {name: read_report(out_dir / folder_name(name)) for name in names}
        comparison = compare_enhancers(reports, list(filter(is_training_free, names)))
        show_enhancers(comparison, Path(cfg.filename).stem, out_dir)


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    join_processes(cfg, args.launcher)
    checkpoint = args.checkpoint or cfg.get('load_from')
    out_dir = Path(args.out or f'work_dirs/{Path(args.config).stem}')
    if (args.compare is not None or args.html) and args.format_only:
        raise InputError('--compare and --html need labels and --format-only has none: leave it '
                         'out, or them.')
    if args.compare:
        names = with_none(args.compare)
        if args.html:
            check_page(cfg, args.html)
        compare_variants(cfg, checkpoint, names, out_dir)
        if args.html and is_main_process():
            write_variants_page(cfg, checkpoint, names, out_dir, args.html / 'index.html')
        return
    compare = args.compare is not None
    if compare and not has_enhancer(cfg):
        raise InputError(f'{args.config} has no enhancer to compare with. Use its _sympie or '
                         '_meanmatch variant, or add model.data_preprocessor.type='
                         'mmseg_sympie.SyMPIEDataPreprocessor to --cfg-options.')
    if args.format_only:
        for_submission(cfg, out_dir / 'submission.zip')
    check_inputs(cfg, checkpoint, str(out_dir))
    if args.html:
        check_page(cfg, args.html)
    if compare:
        run_test(without_enhancer(cfg), checkpoint, str(out_dir / 'without'), 'without enhancer')
        run_test(cfg, checkpoint, str(out_dir / 'with'), 'with enhancer')
    else:
        run_test(cfg, checkpoint, str(out_dir))
    if not is_main_process():
        return
    if compare:
        show_comparison(out_dir / 'without', out_dir / 'with', 'difference', out_dir)
    if args.html:
        write_report_page(cfg, checkpoint, out_dir, args.html / 'index.html', compare)


if __name__ == '__main__':
    tune_malloc_on_cpu()
    with errors_without_traceback():
        main()
