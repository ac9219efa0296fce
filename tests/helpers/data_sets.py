"""Data sets of ours, built on a folder."""
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

PIPELINE = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
            dict(type='PackSegInputs')]


def build(name: str, root: Path, **kwargs) -> BaseDataset:
    """Without training transforms, by MMSegmentation's registry."""
    kwargs = {**dict(test_mode=True, pipeline=PIPELINE), **kwargs}
    return DATASETS.build(dict(type=f'mmseg_sympie.{name}', data_root=str(root), **kwargs))
