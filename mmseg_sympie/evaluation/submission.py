"""Output for the evaluation servers of ACDC and Dark Zurich."""
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from mmengine.evaluator import BaseMetric
from PIL import Image

from ..errors import InputError
from ..io.files import written_whole
from ..io.labels import MOST_CLASSES, check_classes
from ..registry import METRICS


@METRICS.register_module()
class Submission(BaseMetric):
    """One zip of label maps in train ids, each PNG named like the image it belongs to.

    Args:
        zip_path: the file to write.
        **kwargs: of `BaseMetric`.
    """

    def __init__(self, zip_path: str, **kwargs):
        super().__init__(**kwargs)
        self.zip_path = zip_path

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the label maps of a batch as PNG."""
        for sample in data_samples:
            train_ids = sample['pred_sem_seg']['data'].squeeze(0).cpu()
            check_classes(train_ids, MOST_CLASSES, 'The predictions')
            png = BytesIO()
            Image.fromarray(train_ids.numpy().astype(np.uint8)).save(png, 'PNG')
            self.results.append((f"{Path(sample['img_path']).stem}.png", png.getvalue()))

    def compute_metrics(self, results: Sequence[tuple[str, bytes]]) -> dict[str, float]:
        """Write the zip; there are no numbers."""
        names = [name for name, _ in results]
        if len(set(names)) != len(names):
            raise InputError('Two images have the same file name, so their predictions cannot '
                             'share one zip. Submit the splits separately.')
        with written_whole(self.zip_path) as path, zipfile.ZipFile(path, 'w') as archive:
            for name, png in results:
                archive.writestr(name, png)
        print(f'{len(results)} label maps in train ids: {self.zip_path}')
        return {}
