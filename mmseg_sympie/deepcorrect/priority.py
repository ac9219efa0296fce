"""Correction priority: what a model gains from the clean activation of one filter.

Clean and distorted version of an image go through the network together, and the maps of one filter
after the other are replaced by their clean activations (DeepCorrect, arXiv 1705.02406, Sec. III).
"""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode

from ..errors import InputError
from ..io.labels import IGNORE_LABEL, check_classes

Logits = Callable[[Tensor], Tensor]  # RGB images on [0, 1] -> scores (B, classes, ...)

# Of the largest feature map of a pass, all copies together.
VALUES_AT_ONCE = 16_000_000


class CleanActivation(NamedTuple):
    """The output of a layer for a clean image."""

    output: Tensor  # (1, C, H, W), or (1, ..., C) of a linear layer
    copies: int     # of the image that fit into one pass from the layer on


def clean_activation(logits: Logits, layer: nn.Module, image: Tensor) -> CleanActivation:
    """The activation of a layer for a clean image (1, 3, H, W), RGB on [0, 1].

    Raises:
        InputError: the model does not call the layer, or not once, as that of a shared head.
    """
    outputs, sizes = [], []

    def record(module: nn.Module, inputs: tuple, output: Any) -> None:
        if module is layer:
            outputs.append(output)
        if outputs and isinstance(output, Tensor):
            sizes.append(output.numel())

    hook = register_module_forward_hook(record)
    try:
        sizes.append(logits(image).numel())
    finally:
        hook.remove()
    if len(outputs) != 1:
        raise InputError(f'The model calls {layer} {len(outputs)} times for an image, and a filter '
                         'is ranked by one output. Leave this layer out (--layers).')
    return CleanActivation(outputs[0], max(1, VALUES_AT_ONCE // max(sizes)))


def substituted_logits(logits: Logits, layer: nn.Module, image: Tensor, clean: Tensor,
                       replaced: Tensor) -> Tensor:
    """Scores for a distorted image, with some filters replaced by their clean activations.

    The layers below see the image once; from the layer on it is there K times.

    Args:
        logits: the model.
        layer: of the model.
        image: (1, 3, H, W), RGB on [0, 1].
        clean: output of the layer for the clean image.
        replaced: (K, C), bool, the filters that each copy has from the clean image.

    Returns:
        (K, classes, ...).
    """
    channel = clean.ndim - 1 if isinstance(layer, nn.Linear) else 1
    shape = [1] * clean.ndim
    shape[0], shape[channel] = replaced.shape
    mask = replaced.view(shape)
    hook = layer.register_forward_hook(lambda module, inputs, output: torch.where(mask, clean,
                                                                                  output))
    try:
        with _OneImageManyCopies():
            return logits(image)
    finally:
        hook.remove()


class _OneImageManyCopies(TorchFunctionMode):
    """Where a branch around the layer meets the K copies, its single image stands for all of them.

    Most operations broadcast of their own accord, as that image is a batch of one. Concatenation
    does not, and neither can `x += y` make x larger.
    """

    OUT_OF_PLACE: dict[Callable, Callable] = {torch.Tensor.add_: torch.add,
                                              torch.Tensor.mul_: torch.mul}

    def __torch_function__(self, function: Callable, types: tuple, args: tuple = (),
                           kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in (torch.cat, torch.concat) and (*args, kwargs.get('dim', 0))[1] != 0:
            copies = max(len(part) for part in args[0])
            args = ([part.expand(copies, *part.shape[1:]) if len(part) == 1 else part
                     for part in args[0]], *args[1:])
        elif function in self.OUT_OF_PLACE and isinstance(args[1], Tensor) and (
                args[1].numel() > args[0].numel()):
            function = self.OUT_OF_PLACE[function]
        return function(*args, **kwargs)


@dataclass(frozen=True)
class Measure:
    """An error, from counts that are added up over images."""

    count: Callable[[Tensor, Tensor], Tensor]  # scores (K, classes, ...), target (1, ...) -> counts
    # counts (..., K, n) -> (..., K) the error on [0, 1], and another one that breaks its ties
    errors: Callable[[Tensor], tuple[Tensor, Tensor]]


def _count_top1(scores: Tensor, target: Tensor) -> Tensor:
    """(K, 3): one image, wrong or not, cross-entropy."""
    scores = scores.double()
    wrong = (scores.argmax(dim=1) != target).double()
    cross_entropy = F.cross_entropy(scores, target.expand(len(scores)), reduction='none')
    return torch.stack([torch.ones_like(wrong), wrong, cross_entropy], dim=1)


def _top1_errors(counts: Tensor) -> tuple[Tensor, Tensor]:
    return counts[..., 1] / counts[..., 0], counts[..., 2] / counts[..., 0]


def _count_pixels(scores: Tensor, target: Tensor) -> Tensor:
    """(K, 3 * classes): pixels right, predicted and true, by class."""
    classes = scores.shape[1]
    found, labelled = scores.argmax(dim=1), target != IGNORE_LABEL
    check_classes(target[labelled], classes, 'The labels')
    columns = []
    for index in range(classes):
        predicted, true = (found == index) & labelled, target == index
        columns += [area.flatten(1).sum(dim=1).expand(len(scores)) for area in (
            predicted & true, predicted, true)]
    return torch.stack(columns, dim=1).double()


def _areas(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return counts[..., 0::3], counts[..., 1::3], counts[..., 2::3]


def _miou_errors(counts: Tensor) -> tuple[Tensor, Tensor]:
    right, predicted, true = _areas(counts)
    union = predicted + true - right
    iou = torch.where(union > 0, right / union.clamp(min=1), torch.nan)
    return 1 - iou.nanmean(dim=-1), _pixel_errors(counts)[0]


def _pixel_errors(counts: Tensor) -> tuple[Tensor, Tensor]:
    right, _, true = _areas(counts)
    error = 1 - right.sum(dim=-1) / true.sum(dim=-1)
    return error, error


MEASURES = dict(top1=Measure(_count_top1, _top1_errors), miou=Measure(_count_pixels, _miou_errors),
                pixel=Measure(_count_pixels, _pixel_errors))


def priority(without: Tensor, with_clean_filter: Tensor) -> Tensor:
    """Relative drop of the error, averaged over distortion levels.

    Args:
        without: (levels,), the error on distorted images.
        with_clean_filter: (levels, filters), the same with each filter's map from the clean image.

    Returns:
        (filters,); a level without errors counts with 0.
    """
    drop = without[:, None] - with_clean_filter
    return torch.where(without[:, None] > 0, drop / without[:, None], 0.0).mean(dim=0)
