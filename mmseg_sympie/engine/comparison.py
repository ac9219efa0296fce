"""Tests without and with enhancers, and test runs for an evaluation server."""
import copy
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process

from ..datasets.street_scenes import loads_labels
from ..errors import InputError
from ..evaluation.compare import show_comparison
from ..evaluation.compare_enhancers import compare_enhancers, show_enhancers
from ..evaluation.html import write_page
from ..evaluation.report import read_report, run_names
from ..io.config import building, type_name
from ..io.files import check_writable
from ..registry import MODELS
from .page import check_page, write_report_page, write_variants_page
from .segmentation import check_inputs, run_test, without_enhancer
from .variants import folder_name, is_training_free, variant


def test_and_report(cfg: Config, checkpoint: str | None, out_dir: Path, compare: bool = False,
                    format_only: bool = False, page: Path | None = None) -> None:
    """Test a config; the report goes to `out_dir`.

    Args:
        cfg: the config.
        checkpoint: weights of the segmentor.
        out_dir: folder of the report; of a comparison, of `without` and `with`.
        compare: test without and with the enhancer of the config, and show the difference.
        format_only: zip the label maps of the test split instead of scoring them.
        page: a folder for the report as one page.

    Raises:
        InputError: something that this needs is missing.
    """
    if format_only:
        for_submission(cfg, out_dir / 'submission.zip')
    check_inputs(cfg, checkpoint, str(out_dir))
    assert checkpoint is not None  # That was checked.
    if page:
        check_page(cfg, page)
    if compare:
        run_test(without_enhancer(cfg), checkpoint, str(out_dir / 'without'), 'without enhancer')
        run_test(cfg, checkpoint, str(out_dir / 'with'), 'with enhancer')
    else:
        run_test(cfg, checkpoint, str(out_dir))
    if not is_main_process():
        return
    if compare:
        show_comparison(out_dir / 'without', out_dir / 'with', 'difference', out_dir)
    if page:
        write_report_page(cfg, checkpoint, out_dir, page / 'index.html', compare)


def compare_variants(cfg: Config, checkpoint: str | None, names: Sequence[str],
                     out_dir: Path, page: Path | None = None) -> None:
    """Test with each enhancer named, and show all side by side; `page` as for `test_and_report`."""
    configs = {name: variant(cfg, name) for name in names}
    if page:
        check_page(cfg, page)
    check_inputs(cfg, checkpoint, str(out_dir))
    assert checkpoint is not None  # That was checked.
    for name, each in configs.items():
        with building(f'the model of {name}'):  # now, not after the runs before it
            MODELS.build(copy.deepcopy(each.model))
    for name, each in configs.items():
        run_test(each, checkpoint, str(out_dir / folder_name(name)), name)
    if is_main_process():
        reports = {name: read_report(out_dir / folder_name(name)) for name in names}
        comparison = compare_enhancers(reports, list(filter(is_training_free, names)))
        show_enhancers(comparison, Path(cfg.filename).stem, out_dir)
        if page:
            write_variants_page(cfg, checkpoint, names, out_dir, page / 'index.html')


def compare_reports_of(folders: Sequence[str], out: str | None = None,
                       page: Path | None = None) -> None:
    """Show finished test runs side by side.

    Args:
        folders: of two or more reports; the first is the baseline.
        out: a folder for the tables.
        page: a folder for the numbers as one page.
    """
    for folder in (out, page):
        if folder is not None:
            check_writable(folder)
    if len(folders) == 2:
        show_comparison(folders[0], folders[1], ' -> '.join(folders), out)
        if not page:
            return
    reports = dict(zip(run_names(folders), map(read_report, folders)))
    if len(folders) > 2:
        training_free = list(filter(is_training_free, reports))
        show_enhancers(compare_enhancers(reports, training_free, next(iter(reports))),
                       'comparison', out)
    if page:
        write_page(page / 'index.html', reports)
        print(f'Page: {page}/index.html')


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
