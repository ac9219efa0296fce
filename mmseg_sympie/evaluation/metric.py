"""The report as an MMEngine metric: any MMSegmentation config can name it as its evaluator."""
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from ..errors import InputError
from ..io.labels import check_label_map, ignored_labels, with_void
from ..registry import METRICS
from .confusion import confusion_matrix
from .report import percent, report_rows, terminal, write_report
from .run_record import RunRecord
from .scores import FURTHER_SCORES, POOLED, ImageScore, make_report

NO_LABEL = '{} has no label to compare with: the test pipeline needs LoadAnnotations.'


@METRICS.register_module()
class SegmentationReport(BaseMetric):
    """Per-class IoU and accuracy, pooled and per condition; a table on the terminal, files on disk.

    Args:
        out_dir: where report.json, .csv, .md, .png and per_image.npz go; no files if None.
        title: above the table.
        details: what the report says of the run, where it has no `record`.
        ignore_index: a label, or several, that is not counted, beside 255.
        iou_metrics: as of MMSegmentation's `IoUMetric`: also 'mDice' and 'mFscore'.
        beta: of the F-score.
        **kwargs: of `BaseMetric`.
    """

    record: RunRecord | None = None  # What the run was made of.
    shows_table = True  # Or leave it to the files, as of one run among several.
    default_prefix = ''  # None would have MMEngine warn that there is none.

    def __init__(self, out_dir: str | None = None, title: str = '',
                 details: Mapping[str, Any] = {},
                 ignore_index: int | Sequence[int] | None = None,
                 iou_metrics: Sequence[str] = ('mIoU',), beta: float = 1, **kwargs):
        super().__init__(**kwargs)
        self.out_dir, self.title, self.details = out_dir, title, details
        self.ignored, self.beta = ignored_labels(ignore_index), beta
        self.scores = [iou_metrics] if isinstance(iou_metrics, str) else list(iou_metrics)
        unknown = sorted(set(self.scores) - {'mIoU', *FURTHER_SCORES})
        if unknown:
            raise InputError(f'iou_metrics has {unknown}; known are mIoU, '
                             f'{", ".join(FURTHER_SCORES)}.')

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch."""
        num_classes = len(self.dataset_meta['classes'])
        for sample in data_samples:
            prediction = sample['pred_sem_seg']['data'].squeeze(0)
            if 'gt_sem_seg' not in sample:
                raise InputError(NO_LABEL.format(sample['img_path']))
            label = sample['gt_sem_seg']['data'].squeeze(0).to(prediction.device)
            path = sample.get('seg_map_path', sample['img_path'])
            if label.shape != prediction.shape:
                raise InputError(f'The label {path} has size {tuple(label.shape)}, the prediction '
                                 f'{tuple(prediction.shape)}: image and label must be of one size.')
            label = with_void(label, self.ignored)
            check_label_map(label, num_classes, path)
            self.results.append(ImageScore(sample['img_path'], sample.get('condition'),
                                           confusion_matrix(prediction, label, num_classes)))

    def compute_metrics(self, results: Sequence[ImageScore]) -> dict[str, float]:
        """Write and show the report; returns its main numbers by name."""
        results = [ImageScore(*result) for result in results]  # MMEngine hands back plain tuples.
        report = make_report(results, self.dataset_meta['classes'],
                             self.details if self.record is None else self.record.details(),
                             self.ignored, self.scores, self.beta)
        if self.out_dir is not None:  # before anything is shown, which may fail
            self.out_dir = _write(self.out_dir, report, results)
        pooled = report['scores'][POOLED]
        if self.out_dir is not None and not self.shows_table:
            print(f'{self.title}: mIoU {percent(pooled["miou"])}; table in '
                  f'{self.out_dir}/report.md')
        else:
            print(terminal(report_rows(report), self.title))
            if self.out_dir is not None:
                print(f'Report: {self.out_dir}')
        metrics = dict(aAcc=pooled['pixel_accuracy'], mIoU=pooled['miou'],
                       mIoU_occurring=pooled['miou_occurring'], mAcc=pooled['mean_accuracy'])
        metrics.update({name: pooled[f'mean_{key}'] for score in self.scores
                        for name, key in FURTHER_SCORES.get(score, {}).items()})
        metrics.update({f'{condition}/mIoU': summary['miou']
                        for condition, summary in report['scores'].items() if condition != POOLED})
        return metrics


def _write(folder: str, report: Mapping[str, Any], results: Sequence[ImageScore]) -> str:
    """Write a report, if need be to a temporary folder; returns where it is."""
    try:
        write_report(folder, report, results)
        return folder
    except OSError as error:
        # Hours of testing must not be lost to a disk that filled up meanwhile.
        refuge = tempfile.mkdtemp(prefix='mmseg_sympie_report_')
        write_report(refuge, report, results)
        print(f'Cannot write to {folder} ({error}); the report is in {refuge} instead.')
        return refuge
