"""Run a segmentor on single test images, without and with the enhancers, to look at the results."""
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmengine.registry import DATASETS
from torch import Tensor
from tqdm import tqdm

from ..attachment import attach, find_preprocessor, is_enhanced
from ..enhancer import WarpParameters
from ..errors import InputError
from ..evaluation.differences import paired
from ..evaluation.evaluator import with_report
from ..evaluation.metric import NO_LABEL
from ..evaluation.panels import (
    KINDS,
    Correction,
    Panel,
    choose,
    choose_by_condition,
    image_ious,
)
from ..io.config import building, enter_scope
from ..io.labels import check_same_classes, with_void
from ..registry import MODELS
from .preparation import best_device, leave_out_repeated_warnings
from .segmentation import enhancers_of
from .segmentor_weights import load_segmentor, segmentor_inside


def build_test_set(cfg: Config) -> BaseDataset:
    """The data set that the config tests on."""
    enter_scope(cfg)
    with building('the test data'):
        return DATASETS.build(copy.deepcopy(cfg.test_dataloader.dataset))


def image_paths(dataset: BaseDataset) -> Sequence[str]:
    """The file of each image of a data set, in order."""
    return [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]


def choose_images(dataset: BaseDataset, report: Mapping[str, Any],
                  without: Mapping[str, Any] | None = None, kinds: Sequence[str] = KINDS,
                  count: int = 2, by_condition: bool = False) -> dict[int, str]:
    """Index in the data set -> kind, by each image's mean IoU or its change.

    Args:
        dataset: the test set.
        report: from `read_report`.
        without: the same of the run that the change is from; None to choose by the IoU itself.
        kinds: which images: the best, the median, the worst.
        count: images of each kind.
        by_condition: so many for each condition by itself, night first.

    Raises:
        InputError: the reports are of other images.
    """
    images = report['images']
    scores = image_ious(images)
    if without is not None:
        before, images = paired(without['images'], images)
        scores = image_ious(images) - image_ious(before)
    index_of = {path: index for index, path in enumerate(image_paths(dataset))}
    places = (choose_by_condition(scores, [image.condition for image in images], kinds, count)
              if by_condition else choose(scores, kinds, count))
    chosen = {images[place].name: kind for place, kind in places.items()}
    for name in chosen:
        if name not in index_of:
            raise InputError(f'The report is of other images than the test set: {name} is not in '
                             'it. Run `tools/test.py` again with this config and these options.')
    return {index_of[name]: kind for name, kind in chosen.items()}


def make_panels(cfg: Config, checkpoint: str, dataset: BaseDataset, indices: Sequence[int],
                applications: Sequence[int] = (0, 1)) -> Iterator[Panel]:
    """What enhancers and segmentor make of some images of a data set.

    Args:
        cfg: of the test run.
        checkpoint: weights of the segmentor.
        dataset: from `build_test_set`.
        indices: of the images in the data set.
        applications: how often all enhancers of the config are applied, one result for each; 0 is
            the image as it is.

    Raises:
        InputError: the weights do not fit, or an image has no label.
    """
    device = torch.device(best_device())
    leave_out_repeated_warnings()
    with building('the model'):
        model = MODELS.build(copy.deepcopy(cfg.model))
    segmentor = segmentor_inside(model)
    check_same_classes(segmentor, dataset.metainfo['classes'])
    load_segmentor(model, checkpoint)
    model.to(device).eval()
    preprocessors = [applied(cfg, times).to(device) for times in applications]
    ignored = with_report(cfg).ignored
    for index in tqdm(indices, unit='image', desc='panels', disable=None):
        packed = dataset[index]
        sample, image = (value[0] if isinstance(value, list) else value  # one view of several
                         for value in (packed['data_samples'], packed['inputs']))
        if 'gt_sem_seg' not in sample:
            raise InputError(NO_LABEL.format(sample.img_path))
        predictions = []
        for preprocessor in preprocessors:
            segmentor.data_preprocessor = preprocessor
            predictions.append(predict_labels(model, packed))
        images, predicted = zip(*(enhanced(preprocessor, image)
                                  for preprocessor in preprocessors))
        yield Panel(
            name=sample.img_path, condition=sample.get('condition'), variants=applications,
            images=list(images), predictions=predictions,
            truth=_eight_bits(with_void(sample.gt_sem_seg.data, ignored)),
            corrections=[each and of_one_image(each) for each in predicted])


def of_one_image(parameters: WarpParameters) -> Correction:
    """The parameters of the first image of a batch, as arrays."""
    matrix, shift, kernel, exponent = parameters
    return Correction(matrix[0].numpy(), shift[0].numpy(), kernel[0].numpy(),
                      np.ones(3) if exponent is None else exponent[0].numpy())


def applied(cfg: Config, times: int) -> BaseDataPreprocessor:
    """The data preprocessor of a config with all its enhancers applied so many times in a row."""
    if not is_enhanced(find_preprocessor(cfg)[1]):
        cfg = attach(cfg, enhancer=[])
    preprocessor = copy.deepcopy(find_preprocessor(cfg)[1])
    # No smoothing: the images are no frames of a video in order.
    preprocessor.update(enhancer=list(enhancers_of(preprocessor)) * times, checkpoint=None,
                        smoothing=None)
    return MODELS.build(preprocessor)


def enhanced(preprocessor: BaseDataPreprocessor,
             image: Tensor) -> tuple[np.ndarray, WarpParameters | None]:
    """An image as the segmentor gets it before normalisation, and what was predicted for it.

    Args:
        preprocessor: with enhancers, or without.
        image: (3, H, W) in the preprocessor's incoming channel order, on 0..255.

    Returns:
        (H, W, 3), RGB, uint8; and the parameters of the last enhancer that says any (SyMPIE, and
        last in the row SourceMatch and its like), at its last application, on the
        path and in the precision that the preprocessor takes: None if there is none.
    """
    with recorded_predictions(preprocessor) as predicted:
        result = preprocessor.enhance([image.to(preprocessor.device)])[0].cpu()
    rgb = result.flip(0) if preprocessor.channel_order == 'bgr' else result
    picture = rgb.float().round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()
    return picture, predicted[-1] if predicted else None


@contextmanager
def recorded_predictions(preprocessor: BaseDataPreprocessor) -> Iterator[list[WarpParameters]]:
    """A list that gets, on the CPU, what the preprocessor's enhancers predict meanwhile."""
    found = []

    def recorded(predict: Callable) -> Callable:
        def call(*args, **kwargs):
            parameters = predict(*args, **kwargs)
            found.append(WarpParameters(*(None if value is None else value.float().cpu()
                                          for value in parameters)))
            return parameters
        return call

    watched = [each for each in (*preprocessor.enhancers, preprocessor.fast)
               if hasattr(each, 'predict')]
    for each in watched:
        each.predict = recorded(each.predict)
    try:
        yield found
    finally:
        for each in watched:
            del each.predict


@torch.no_grad()
def predict_labels(model: BaseModel, packed: dict) -> np.ndarray:
    """The classes (h, w) that a model, perhaps one with test-time augmentation, sees."""
    data = pseudo_collate([copy.deepcopy(packed)])  # Samples are written into.
    return _eight_bits(model.test_step(data)[0].pred_sem_seg.data)


def _eight_bits(labels: Tensor) -> np.ndarray:
    """Labels (1, h, w), which `check_same_classes` has found to fit -> (h, w), uint8."""
    return labels.squeeze(0).to(torch.uint8).cpu().numpy()
