"""Enhancer and segmentor as one ONNX graph."""
import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import onnx
import torch
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from ..data_preprocessor import EnhancerMixin
from ..errors import InputError
from .builder import OPSET
from .enhancer import NORMALISED, enhancer_onnx

OUTPUTS = ('labels', 'logits')


def segmentor_onnx(model: BaseSegmentor, output: str = 'labels') -> onnx.ModelProto:
    """A model from `image`, uint8 (B, 3, H, W), BGR, to `labels` or `logits` at its resolution.

    Args:
        model: with an enhancer in its data preprocessor that `enhancer_onnx` takes.
        output: 'labels', uint8 (B, H, W), or 'logits', float32 (B, classes, H, W).

    Raises:
        InputError: what of the model a single graph for whole images cannot do.
    """
    check_model(model)
    preprocessor = model.data_preprocessor
    enhancer = enhancer_onnx(preprocessor.enhancers[0], 'bgr', preprocessor.output_format)
    batch = {0: 'batch', 2: 'height', 3: 'width'}
    file: Any = io.BytesIO()  # The exporter takes it, but does not say so.
    with warnings.catch_warnings(), torch.no_grad(), _what_cannot_be_a_graph(model), \
            _descriptors_silenced():
        warnings.simplefilter('ignore')  # of constants that depend on no size
        torch.onnx.export(
            WholeImage(model, output).eval(), (torch.zeros(2, 3, 96, 128),), file,
            input_names=[NORMALISED], output_names=[output], opset_version=OPSET, dynamo=False,
            dynamic_axes={NORMALISED: batch, output: (batch if output == 'logits' else
                                                      {0: 'batch', 1: 'height', 2: 'width'})})
    segmentor = onnx.load_from_string(file.getvalue())
    segmentor.ir_version = enhancer.ir_version
    segmentor = onnx.compose.add_prefix(segmentor, 'segmentor_', rename_inputs=False,
                                        rename_outputs=False)
    merged = onnx.compose.merge_models(enhancer, segmentor, io_map=[(NORMALISED, NORMALISED)])
    onnx.checker.check_model(merged)
    return merged


@contextmanager
def _what_cannot_be_a_graph(model: BaseSegmentor) -> Iterator[None]:
    """Say in a line what PyTorch's exporter says with the whole graph behind it."""
    try:
        yield
    except Exception as error:
        pools = [name for name, module in model.named_modules() if isinstance(
            module, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)) and _parts(module) != {1}]
        reason = (str(error).strip().splitlines() or [''])[0]
        if pools or 'adaptive' in reason:
            which = f' ({", ".join(pools[:3])})' if pools else ''
            reason = (f'adaptive pooling to a fixed number of parts{which} needs images of one '
                      'size, and the graph takes any')
        else:
            reason = f'{type(error).__name__}: {reason[:400]}'
        raise InputError('The model cannot be exported as one graph for images of any size: '
                         f'{reason}. Export the enhancer alone (leave the config out).') from error


@contextmanager
def _descriptors_silenced() -> Iterator[None]:
    """PyTorch's exporter prints the whole graph from C++ before it raises an error."""
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        for descriptor in (1, 2):
            os.dup2(sink, descriptor)
        yield
    finally:
        for descriptor, own in zip((1, 2), kept):
            os.dup2(own, descriptor)
            os.close(own)
        os.close(sink)


def _parts(pool: nn.Module) -> set:
    size = pool.output_size
    return set(size) if isinstance(size, tuple) else {size}


class WholeImage(nn.Module):
    """Normalised images (B, 3, H, W) -> logits or labels, by one pass of the segmentor."""

    def __init__(self, model: BaseSegmentor, output: str):
        super().__init__()
        self.model, self.output = model, output

    def forward(self, image: Tensor) -> Tensor:
        """Segment images (B, 3, H, W), normalised."""
        size = tuple(image.shape[2:])
        logits = self.model.encode_decode(image, [dict(ori_shape=size, img_shape=size,
                                                       pad_shape=size)])
        return logits if self.output == 'logits' else logits.argmax(dim=1).to(torch.uint8)


def check_model(model: BaseSegmentor) -> None:
    """Raise InputError for what cannot be exported."""
    preprocessor = model.data_preprocessor
    if not isinstance(preprocessor, EnhancerMixin) or len(preprocessor.enhancers) != 1:
        raise InputError(f'Wanted a model with one enhancer, got {preprocessor}. Name one by '
                         '--enhancer.')
    if model.test_cfg.mode != 'whole':
        raise InputError(f'The model is tested with test_cfg.mode={model.test_cfg.mode!r}, and a '
                         "graph takes whole images: add --cfg-options model.test_cfg.mode=whole, "
                         'after seeing what that costs in IoU.')
    padding = getattr(preprocessor, 'test_cfg', None)
    if padding:
        raise InputError('The data preprocessor pads at test time (test_cfg='
                         f'{padding}), and the graph does not: add --cfg-options '
                         'model.data_preprocessor.test_cfg=None.')
    if not 1 < model.out_channels <= 256:
        raise InputError(f'The model has {model.out_channels} output channels: wanted one for each '
                         'class, and labels that fit into 8 bits.')
