"""One test run from a config: check what it needs, run it, report it."""
import copy
import hashlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm

from ..attachment import find_preprocessor, has_enhancer, known_source
from ..deepcorrect.backbone import units_checkpoint
from ..enhancer.build import enhancer_configs
from ..enhancer.fast import network_precision
from ..enhancer.pretrained import shipped
from ..enhancer.source_statistics import load_source
from ..errors import InputError
from ..evaluation import SegmentationReport
from ..evaluation.evaluator import check_data, with_report
from ..evaluation.run_record import RunRecord, versions
from ..io.config import building, enter_scope, type_name
from ..io.files import check_writable, plain, sha256
from ..io.home import home_path
from ..io.labels import check_same_classes
from ..models.published_weights import SEGMENTOR
from ..registry import MODELS
from .preparation import best_device, leave_out_repeated_warnings
from .segmentor_weights import load_segmentor, missing_weights, segmentor_inside


class ProgressBar(Hook):
    """A bar over the batches of a test run."""

    priority = 'VERY_LOW'

    def before_test(self, runner: Runner) -> None:
        """Open the bar."""
        self._bar = tqdm(total=len(runner.test_dataloader), unit='batch', desc='test',
                         disable=None if runner.rank == 0 else True)

    def after_test_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Count a batch."""
        self._bar.update()

    def after_test(self, runner: Runner) -> None:
        """Close the bar."""
        self._bar.close()


def enhancers_of(preprocessor: dict) -> Sequence[dict]:
    """The configs of the enhancers in the config of a data preprocessor of ours, in order."""
    return enhancer_configs(preprocessor.get('enhancer', dict()), preprocessor.get('checkpoint'),
                            preprocessor.get('source'))


def missing_source(cfg: Config) -> str | None:
    """What to say where SyMPIE's own weights run without a source, and Cityscapes' is wanted."""
    path, preprocessor = find_preprocessor(cfg)
    if not has_enhancer(cfg) or 'source' in preprocessor or known_source(cfg) != 'cityscapes':
        return None
    forgotten = any(type_name(each['type']) == 'SyMPIE' and not {'source', 'checkpoint'} & set(each)
                    for each in enhancers_of(preprocessor))
    return ('SyMPIE runs without a source: it brightens images, which a model trained on '
            f"Cityscapes does not want. Set {'.'.join(path)}.source=cityscapes, or None if that is "
            'meant.') if forgotten else None


def without_enhancer(cfg: Config) -> Config:
    """The same config with nothing in front of the segmentor."""
    cfg = copy.deepcopy(cfg)
    find_preprocessor(cfg)[1].update(enhancer=None, checkpoint=None, smoothing=None)
    return cfg


def check_inputs(cfg: Config, checkpoint: str | None, out_dir: str) -> None:
    """Name everything that is missing at once, before any work is done.

    Raises:
        InputError: data, weights or the output folder are not as the config needs them.
    """
    enter_scope(cfg)
    problems = []
    if checkpoint is None:
        problems.append('No segmentor checkpoint: name one after the config, or as `load_from` in '
                        'it.')
    elif '://' in checkpoint:
        problems.append(f'The {SEGMENTOR} {checkpoint} is an address: download it and name the '
                        'file.')
    elif not Path(checkpoint).is_file():
        problems.append(missing_weights(checkpoint))
    cfg = copy.deepcopy(cfg)  # Building changes nested entries in place.
    steps = (lambda: build_enhancers(cfg), lambda: check_data(cfg),
             lambda: check_writable(out_dir))
    for step in steps:
        try:
            step()
        except (InputError, OSError) as error:
            problems.append(str(error))
    if problems:
        raise InputError('\n- '.join(['cannot start the test:', *problems]))


def build_enhancers(cfg: Config) -> None:
    """Build the data preprocessor, if it has enhancers, to see whether that works."""
    with building('the data preprocessor'):
        if has_enhancer(cfg):
            MODELS.build(find_preprocessor(cfg)[1])


def run_test(cfg: Config, checkpoint: str, out_dir: str, title: str = '') -> dict[str, float]:
    """Test a segmentor; the report goes to `out_dir`, with the whole config beside it.

    With a title, as of one run among several, the table by class is left to the files.

    A config with `IoUMetric` gets `SegmentationReport` instead. When the run stops early, by Ctrl-C
    or a broken file, the images done so far are reported in `out_dir/partial`.

    Raises:
        InputError: model, weights and data set do not fit together.
    """
    record = record_run(cfg, checkpoint)  # of the config as it came
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = str(Path(out_dir) / 'logs')
    cfg.load_from = None  # Loaded below, strictly and without running code from the file.
    cfg.log_level = 'WARNING'
    leave_out_repeated_warnings()
    evaluator = with_report(cfg)
    cfg.test_evaluator = evaluator.metrics
    cfg.setdefault('test_cfg', dict(type='TestLoop'))
    with building('what the config names'):
        runner = Runner.from_cfg(cfg)
        classes = runner.test_dataloader.dataset.metainfo['classes']
    check_same_classes(segmentor_inside(runner.model), classes)
    load_segmentor(runner.model, checkpoint)
    metric = runner.test_evaluator.metrics[0]
    if isinstance(metric, SegmentationReport):
        metric.out_dir, metric.title, metric.record = out_dir, title, record
        metric.shows_table = not title
    runner.register_hook(ProgressBar())
    if runner.rank == 0:
        for note in filter(None, [missing_source(cfg), *evaluator.notes]):
            print(f'Note: {note}')
    try:
        metrics = runner.test()
    except BaseException:
        if runner.rank == 0:
            _report_partly(runner, out_dir)
        raise
    if len(evaluator.metrics) > 1 and runner.rank == 0:
        for name, value in metrics.items():
            if not name.startswith(f'{metric.prefix}/'):
                print(f'{name}: {value}')
    return metrics


def record_run(cfg: Config, checkpoint: str) -> RunRecord:
    """What makes a result: config, weights with checksums, data, versions, command and date."""
    preprocessor = find_preprocessor(cfg)[1]
    enhancers = enhancers_of(preprocessor) if has_enhancer(cfg) else []
    types = [type_name(each['type']) for each in enhancers]
    sources = [each['source'] for each in enhancers if each.get('source')]
    weights = [shipped(each.get('source')) for each in enhancers
               if type_name(each['type']) == 'SyMPIE' and not each.get('checkpoint')]
    device = torch.device(best_device())
    precision = preprocessor.get('precision') or str(network_precision(device))
    return RunRecord(
        command=shlex.join(sys.argv), date=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        config=cfg.filename, checkpoint=checkpoint, checkpoint_sha256=sha256(checkpoint),
        config_sha256=hashlib.sha256(cfg.pretty_text.encode()).hexdigest(),
        model=_model_name(cfg.model), data=_data_facts(cfg), enhancers=types,
        data_preprocessor=plain(dict(preprocessor)),
        further_sha256={path: sha256(path) for path in (*_checkpoints_below(preprocessor),
                                                        *units_checkpoint(cfg))},
        shipped_sha256=sha256(weights[-1]) if weights else None,
        source=load_source(sources[-1])._asdict() if sources else None,
        precision=precision if 'SyMPIE' in types else None, versions=dict(versions()),
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu')


def _model_name(model: Mapping[str, Any]) -> str:
    parts: list[Any] = [model.get(part) for part in ('decode_head', 'backbone')]
    if not all(isinstance(part, Mapping) and 'type' in part for part in parts):
        inside = model.get('module')  # of test-time augmentation
        return type_name(model['type']) + (f' of {_model_name(inside)}' if inside else '')
    return ' on '.join(type_name(part['type']) for part in parts)


def _data_facts(cfg: Config) -> dict[str, Any]:
    """Type and root of the test data, and whether `tools/render_scenes.py` rendered them."""
    dataset = cfg.test_dataloader.dataset
    root = dataset.get('data_root')
    return dict(type=type_name(dataset.type), root=root,
                synthetic=root is not None and (home_path(root) / 'render.json').is_file())


def _checkpoints_below(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node['checkpoint']] if isinstance(node.get('checkpoint'), str) else []
        return own + [path for value in node.values() for path in _checkpoints_below(value)]
    if isinstance(node, (list, tuple)):
        return [path for value in node for path in _checkpoints_below(value)]
    return []


def _report_partly(runner: Runner, out_dir: str) -> None:
    metric = next(iter(getattr(runner.test_evaluator, 'metrics', [])), None)
    if metric is None:
        return
    done, total = len(metric.results), len(runner.test_dataloader.dataset)
    share = ' in this process' if runner.world_size > 1 else ''
    print(f'\nStopped after {done} of {total} images{share}.')
    if done and isinstance(metric, SegmentationReport):
        metric.out_dir = str(Path(out_dir) / 'partial')
        metric.title, metric.shows_table = f'PARTIAL: {done} of {total} images{share}', True
        if metric.record is not None:
            metric.record = replace(metric.record, partial=metric.title)
        metric.compute_metrics(metric.results)
