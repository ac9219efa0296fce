"""Enhancer and segmentor as one ONNX graph."""
import io
import warnings

import onnx
import torch
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from ..data_preprocessor import EnhancerMixin
from ..enhancer.fast import FastSyMPIE
from ..errors import InputError
from .builder import OPSET
from .enhancer import NORMALISED, enhancer_onnx

OUTPUTS = ('labels', 'logits')


def segmentor_onnx(model: BaseSegmentor, output: str = 'labels') -> onnx.ModelProto:
    """A model from `image`, uint8 (B, 3, H, W), BGR, to `labels` or `logits` at its resolution.

    Args:
        model: with SyMPIE in its data preprocessor.
        output: 'labels', uint8 (B, H, W), or 'logits', float32 (B, classes, H, W).

    Raises:
        InputError: what of the model a single graph for whole images cannot do.
    """
    check_model(model)
    preprocessor = model.data_preprocessor
    enhancer = enhancer_onnx(preprocessor.enhancers[0], 'bgr', preprocessor.leaving)
    batch = {0: 'batch', 2: 'height', 3: 'width'}
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
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


class WholeImage(nn.Module):
    """Normalised images (B, 3, H, W) -> logits or labels, by one pass of the segmentor."""

    def __init__(self, model: BaseSegmentor, output: str):
        super().__init__()
        self.model, self.output = model, output

    def forward(self, image: Tensor) -> Tensor:
        size = tuple(image.shape[2:])
        logits = self.model.encode_decode(image, [dict(ori_shape=size, img_shape=size,
                                                       pad_shape=size)])
        return logits if self.output == 'logits' else logits.argmax(dim=1).to(torch.uint8)


def check_model(model: BaseSegmentor) -> None:
    """Raise InputError for what cannot be exported."""
    preprocessor = model.data_preprocessor
    if not isinstance(preprocessor, EnhancerMixin) or len(
            preprocessor.enhancers) != 1 or not isinstance(preprocessor.fast, FastSyMPIE):
        raise InputError('Wanted a model with SyMPIE alone as enhancer, got '
                         f'{preprocessor}.')
    if model.test_cfg.mode != 'whole':
        raise InputError(f'The model is tested with test_cfg.mode={model.test_cfg.mode!r}, and a '
                         "graph takes whole images: add --cfg-options model.test_cfg.mode=whole, "
                         'after seeing what that costs in IoU.')
    if getattr(preprocessor, 'test_cfg', None):
        raise InputError('The data preprocessor pads at test time (test_cfg='
                         f'{preprocessor.test_cfg}), and the graph does not: add --cfg-options '
                         'model.data_preprocessor.test_cfg=None.')
    if not 1 < model.out_channels <= 256:
        raise InputError(f'The model has {model.out_channels} output channels: wanted one for each '
                         'class, and labels that fit into 8 bits.')
