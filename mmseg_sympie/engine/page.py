"""Test runs as one page to look at in a browser, with images chosen from the test set."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from ..attachment import find_preprocessor, has_enhancer
from ..evaluation.compare_enhancers import NONE
from ..evaluation.html import write_page
from ..evaluation.panels import beside
from ..evaluation.report import read_report
from ..evaluation.scores import POOLED
from ..io.config import type_name
from ..io.files import check_writable
from .panels import applied, build_test_set, choose_images, make_panels
from .segmentation import enhancers_of, without_enhancer
from .variants import folder_name, variant


class Run(NamedTuple):
    """A finished test run: its config, and the folder of its report."""

    cfg: Config
    folder: Path


def check_page(cfg: Config, folder: Path) -> None:
    """Raise InputError or OSError now where `write_report_page` could not do its work later."""
    applied(cfg, 0)
    check_writable(folder)


def write_report_page(cfg: Config, checkpoint: str, out_dir: Path, page: Path,
                      compare: bool) -> None:
    """One page to look at the reports of `tools/test.py` in `out_dir`.

    Args:
        cfg: of the run.
        checkpoint: weights of the segmentor.
        out_dir: the folder of the report.
        page: the file to write.
        compare: whether the reports are in `without` and `with`, or a single one in `out_dir`.
    """
    enhancers = enhancers_of(find_preprocessor(cfg)[1]) if has_enhancer(cfg) else []
    name = '+'.join(type_name(each['type']) for each in enhancers) or NONE
    write_runs_page({NONE: Run(without_enhancer(cfg), out_dir / 'without'),
                     name: Run(cfg, out_dir / 'with')} if compare
                    else {name: Run(cfg, out_dir)}, checkpoint, page)


def write_variants_page(cfg: Config, checkpoint: str, names: Sequence[str], out_dir: Path,
                        page: Path) -> None:
    """As `write_report_page`, with a column for each variant; the first is the baseline."""
    write_runs_page({name: Run(variant(cfg, name), out_dir / folder_name(name))
                     for name in names}, checkpoint, page)


def write_runs_page(runs: Mapping[str, Run], checkpoint: str, page: Path) -> None:
    """One page of runs on the same images with the same segmentor; the first is the baseline.

    Images are chosen by the change that the run with the highest mIoU made, for each condition by
    itself.
    """
    reports = {name: read_report(run.folder) for name, run in runs.items()}
    baseline, *others = reports
    best = max(others, key=lambda name: reports[name]['scores'][POOLED]['miou'] or 0,
               default=baseline)
    dataset = build_test_set(runs[baseline].cfg)
    conditions = {image.condition for image in reports[baseline]['images']}
    chosen = choose_images(dataset, reports[best], reports[baseline] if others else None,
                           count=2 if conditions == {None} else 1, by_condition=True)
    if others:
        columns = [make_panels(run.cfg, checkpoint, dataset, list(chosen), (1,))
                   for run in runs.values()]
        panels = [beside(each, list(runs)) for each in zip(*columns)]
    else:
        cfg = runs[baseline].cfg
        panels = list(make_panels(cfg, checkpoint, dataset, list(chosen),
                                  (0, 1) if has_enhancer(cfg) else (0,)))
    write_page(page, reports, list(zip(chosen.values(), panels)), dataset.metainfo['palette'], best)
    print(f'Page: {page}')
