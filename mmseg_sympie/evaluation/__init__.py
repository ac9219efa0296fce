"""Reports: per class, per condition, with and without an enhancer."""
from .confusion import confusion_matrix
from .differences import bootstrap_interval, compare_reports
from .metric import SegmentationReport
from .report import read_report, write_report
from .scores import ImageScore, make_report
from .submission import Submission

__all__ = ['ImageScore', 'SegmentationReport', 'Submission', 'bootstrap_interval',
           'compare_reports', 'confusion_matrix', 'make_report', 'read_report', 'write_report']
