"""DeepCorrect: repair the filters that a distortion hurts most (arXiv 1705.02406)."""
from .backbone import CorrectedBackbone
from .corrections import Corrections
from .trainer import DistortionTrainer, ExportTrained
from .unit import CorrectionUnit

__all__ = ['CorrectedBackbone', 'CorrectionUnit', 'Corrections', 'DistortionTrainer',
           'ExportTrained']
