"""Measure the source domain of a model: the statistics of the images it was trained on."""
import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DATASETS
from tqdm import tqdm

from ..enhancer.image_statistics import ImageSample
from ..enhancer.source_statistics import SourceStatistics
from ..errors import InputError
from ..io.config import building, enter_scope, type_name
from ..io.images import SUFFIXES, files_below, read_rgb
from ..io.labels import is_label_map
from .segmentor_config import image_pipeline


def images_below(folder: Path) -> list[str]:
    """Paths of all images below a folder.

    Raises:
        InputError: there are none, or label maps are among them.
    """
    paths = [folder / file for file in files_below(folder)]
    if not paths:
        raise InputError(f'{folder} holds no images ({", ".join(SUFFIXES)}).')
    labels = [path for path in paths if is_label_map(path)]
    if labels:
        raise InputError(f'{folder} holds label maps ({len(labels)} of {len(paths)} files, such as '
                         f'{labels[0]}: a PNG of one channel with few values). Name a folder of '
                         'images alone.')
    return list(map(str, paths))


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


def resize_of_tests(cfg: Config) -> Compose:
    """What gives images the size at which a config tests: detail is a matter of size."""
    steps = image_pipeline(cfg) if cfg.get('test_dataloader') else []
    enter_scope(cfg)
    with building('the test pipeline'):
        return Compose([step for step in steps if type_name(step['type']).startswith('Resize')])


def measure_source(paths: Sequence[str], origin: str = '',
                   resize: Compose | None = None) -> SourceStatistics:
    """Statistics of image files.

    Args:
        paths: the image files.
        origin: what the result says of where it comes from.
        resize: of each image before; by default they are taken as they are.

    Raises:
        InputError: a file cannot be read, or fewer than two are of more than one colour.
    """
    def sample(path: str) -> ImageSample:
        image = dict(img=np.array(read_rgb(path)))
        image = resize(image) if resize else image
        return ImageSample(torch.from_numpy(image['img']).permute(2, 0, 1)[None])

    return SourceStatistics.of(
        map(sample, tqdm(paths, unit='image', desc='source statistics', disable=None)), origin)
