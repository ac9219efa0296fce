"""Measure the source domain of a model: the statistics of the images it was trained on."""
import copy
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from tqdm import tqdm

from ..enhancer.image_statistics import ImageSample
from ..enhancer.source_statistics import SourceStatistics
from ..errors import InputError
from ..io.config import building, enter_scope
from ..io.images import read_rgb


def training_images(cfg: Config) -> list[str]:
    """Paths of the images that a config trains on.

    Raises:
        InputError: the config has no training data.
    """
    if not cfg.get('train_dataloader'):
        raise InputError(f'{cfg.filename} has no train_dataloader. Name the config that the model '
                         'was trained with, or a folder with its training images.')
    enter_scope(cfg)
    with building('the training data'):
        dataset = DATASETS.build(copy.deepcopy(cfg.train_dataloader.dataset))
    return [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]


def measure_source(paths: Sequence[str], limit: int | None = None,
                   origin: str = '') -> SourceStatistics:
    """Statistics of image files.

    Args:
        paths: the image files.
        limit: of so many, spread evenly over all; by default of every one.
        origin: what the result says of where it comes from.

    Raises:
        InputError: a file cannot be read, or there are fewer than two.
    """
    if limit is not None and limit < len(paths):
        paths = [paths[index * len(paths) // limit] for index in range(limit)]
    return SourceStatistics.of(map(_sample, tqdm(paths, unit='image', desc='source statistics',
                                                 disable=None)), origin)


def _sample(path: str) -> ImageSample:
    return ImageSample(torch.from_numpy(np.array(read_rgb(path))).permute(2, 0, 1)[None])
