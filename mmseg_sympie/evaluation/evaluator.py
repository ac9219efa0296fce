"""What a test run scores: our report in the place of MMSegmentation's, on data that fit it."""
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import DATASETS

from ..errors import InputError
from ..io.config import building, type_name
from ..io.labels import check_label_map, ignored_labels, with_void
from ..registry import SCOPE
from .metric import NO_LABEL

REPORT = f'{SCOPE}.SegmentationReport'
# Arguments of `IoUMetric` that `SegmentationReport` has too, and those that mean nothing to it.
_SHARED = ('ignore_index', 'iou_metrics', 'beta', 'prefix', 'collect_device', 'collect_dir')
_WITHOUT_EFFECT = dict(format_only=False, output_dir=None, nan_to_num=None)


class Evaluator(NamedTuple):
    """The metrics of a run, the report first where there is one, and what was changed."""

    metrics: list[Mapping[str, Any]]
    notes: list[str]

    @property
    def ignored(self) -> Sequence[int]:
        """Labels that are not counted, beside 255."""
        return ignored_labels(self.metrics[0].get('ignore_index'))


def with_report(cfg: Config) -> Evaluator:
    """The evaluator of a config with our report first, in the place of `IoUMetric`.

    Other metrics stay beside the report.
    """
    given = _metrics(cfg.get('test_evaluator'))
    ours = [metric for metric in given if type_name(metric['type'], True).startswith(f'{SCOPE}.')]
    notes: list[str] = []
    if ours:
        others = [metric for metric in given if metric is not ours[0]]
        report = dict(ours[0])
    else:
        replaced = [metric for metric in given if type_name(metric['type']) == 'IoUMetric']
        replaced = [metric for metric in replaced if _counts_alike(metric, replaced[0])]
        others = [metric for metric in given if not any(metric is each for each in replaced)]
        report, notes = _instead_of(replaced)
    if others:
        # Two metrics of one run must not call their numbers the same.
        report.setdefault('prefix', 'report')
        notes += [f'{type_name(metric["type"])} of the config runs beside the report.'
                  for metric in others]
    return Evaluator([report, *others], notes)


def check_data(cfg: Config) -> None:
    """Build the data set and read three of its images, spread evenly, with their labels.

    Raises:
        InputError, OSError: that fails, or the labels are not those of its classes.
    """
    if 'test_dataloader' not in cfg:
        raise InputError(f'{cfg.filename} has no test_dataloader: there is nothing to test on.')
    with building('the test data'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    evaluator = with_report(cfg)
    if type_name(evaluator.metrics[0]['type']) != 'SegmentationReport':
        return
    classes = dataset.metainfo.get('classes')
    if not (classes and len(dataset)):
        raise InputError(f'The test data are {len(dataset)} images of the classes {classes}: '
                         'wanted some, and classes, as in metainfo=dict(classes=[...], '
                         'palette=[...]) of the data set.')
    for index in sorted({0, len(dataset) // 2, len(dataset) - 1}):
        with building(f'image {index} of the test data'):
            samples = dataset[index]['data_samples']
        sample = samples[0] if isinstance(samples, list) else samples  # one view of several
        if 'gt_sem_seg' not in sample:
            raise InputError(NO_LABEL.format(sample.img_path))
        label = with_void(sample.gt_sem_seg.data, evaluator.ignored)
        check_label_map(label, len(classes), sample.get('seg_map_path', sample.img_path))


def _metrics(evaluator: Any) -> list[Mapping[str, Any]]:
    """The configs of one metric, several, or an `Evaluator` of them."""
    if isinstance(evaluator, Mapping):
        evaluator = evaluator.get('metrics', evaluator)
    metrics = [evaluator] if isinstance(evaluator, Mapping) else list(evaluator or [])
    for metric in metrics:
        if not isinstance(metric, Mapping) or 'type' not in metric:
            raise InputError(f'test_evaluator holds {metric!r}: wanted metrics such as '
                             "dict(type='IoUMetric', iou_metrics=['mIoU']).")
    return metrics


def _counts_alike(metric: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(metric.get(key) == other.get(key) for key in ('ignore_index', 'beta', 'prefix'))


def _instead_of(replaced: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The config of a report with the arguments of the `IoUMetric`s, and what became of them."""
    report: dict[str, Any] = dict(type=REPORT)
    left_out = {}
    for metric in replaced:
        for key, value in metric.items():
            if key == 'iou_metrics':
                value = [value] if isinstance(value, str) else list(value)
                report[key] = list(dict.fromkeys([*report.get(key, []), *value]))
            elif key in _SHARED:
                report[key] = value
            elif key != 'type' and _WITHOUT_EFFECT.get(key, ...) != value:
                left_out[key] = value
    if not replaced:
        return report, ['SegmentationReport is added to the evaluator of the config.']
    kept = ', '.join(f'{key}={value!r}' for key, value in report.items() if key != 'type')
    notes = ['IoUMetric of the config is replaced by SegmentationReport'
             + (f', with its {kept}.' if kept else '.')]
    if left_out:
        notes.append('Not taken over from it: '
                     + ', '.join(f'{key}={value!r}' for key, value in left_out.items()) + '.')
    return report, notes
