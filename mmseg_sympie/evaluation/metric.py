"""The report as an MMEngine metric: any MMSegmentation config can name it as its evaluator."""
import tempfile
from typing import Any, Dict, Mapping, Optional, Sequence

from mmengine.evaluator import BaseMetric

from ..errors import InputError
from ..labels import has_unknown_labels
from ..registry import METRICS
from .confusion import confusion_matrix
from .report import POOLED, ImageScore, make_report, report_rows, terminal, write_report


@METRICS.register_module()
class SegmentationReport(BaseMetric):
    """Per-class IoU and accuracy, pooled and per condition; a table on the terminal, files on disk.

    Args:
        out_dir: where report.json, .csv, .md, .png and per_image.npz go; no files if None.
        title: above the table.
        details: what the report says of the run (config, weights, versions).
        **kwargs: of `BaseMetric`.
    """

    default_prefix = ''  # None would have MMEngine warn that there is none.

    def __init__(self, out_dir: Optional[str] = None, title: str = '',
                 details: Mapping[str, Any] = {}, **kwargs):
        super().__init__(**kwargs)
        self.out_dir, self.title, self.details = out_dir, title, details

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        num_classes = len(self.dataset_meta['classes'])
        for sample in data_samples:
            prediction = sample['pred_sem_seg']['data'].squeeze(0)
            label = sample['gt_sem_seg']['data'].squeeze(0).to(prediction.device)
            path = sample.get('seg_map_path', sample['img_path'])
            if label.shape != prediction.shape:
                raise InputError(f'The label {path} has size {tuple(label.shape)}, the prediction '
                                 f'{tuple(prediction.shape)}: image and label must be of one size.')
            if has_unknown_labels(label, num_classes):
                raise InputError(f'The label {path} holds the values {label.unique().tolist()}; '
                                 f'wanted 0..{num_classes - 1} and 255 (ignored).')
            self.results.append(ImageScore(sample['img_path'], sample.get('condition'),
                                           confusion_matrix(prediction, label, num_classes)))

    def compute_metrics(self, results: Sequence[ImageScore]) -> Dict[str, float]:
        results = [ImageScore(*result) for result in results]  # MMEngine hands back plain tuples.
        report = make_report(results, self.dataset_meta['classes'], self.details)
        print(terminal(report_rows(report), self.title))
        if self.out_dir is not None:
            self._write(report, results)
        pooled = report['scores'][POOLED]
        metrics = dict(aAcc=pooled['pixel_accuracy'], mIoU=pooled['miou'],
                       mIoU_occurring=pooled['miou_occurring'], mAcc=pooled['mean_accuracy'])
        metrics.update({f'{condition}/mIoU': summary['miou']
                        for condition, summary in report['scores'].items() if condition != POOLED})
        return metrics

    def _write(self, report: Mapping[str, Any], results: Sequence[ImageScore]) -> None:
        try:
            write_report(self.out_dir, report, results)
            print(f'Report: {self.out_dir}')
        except OSError as error:
            # Hours of testing must not be lost to a disk that filled up meanwhile.
            refuge = tempfile.mkdtemp(prefix='mmseg_sympie_report_')
            write_report(refuge, report, results)
            print(f'Cannot write to {self.out_dir} ({error}); the report is in {refuge} instead.')
