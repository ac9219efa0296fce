"""SyMPIE and the normalisation behind it as one ONNX graph for images of any size.

The two passes over the image are written in ONNX's operators, as a backend of `enhancer.fast`; what
leads from thumbnail and mean to the folded warp is traced from PyTorch.
"""
import io
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from ..enhancer import SyMPIE
from ..enhancer.fast import FastSyMPIE
from ..enhancer.folding import PixelFormat, fold
from ..enhancer.inference_network import inference_network
from ..enhancer.thumbnail import (
    LONGEST_ASPECT_RATIO,
    VIEW_SHORT_SIDE_PX,
    VIEW_SIDE_PX,
    ThumbnailAndMean,
)
from ..errors import InputError
from ..runtime.version import __version__
from .builder import FLOAT, INT64, OPSET, UINT8, Builder

IMAGE, NORMALISED = 'image', 'normalised'
FOLDED = ('matrix', 'row_bias', 'kernel', 'offset')


def enhancer_onnx(enhancer: SyMPIE, input_order: str,
                  output_format: PixelFormat) -> onnx.ModelProto:
    """A model from `image`, uint8 (B, 3, H, W), to `normalised`, float32 (B, 3, H, W).

    Args:
        enhancer: one application; its 37 numbers depend on each image alone.
        input_order: channel order of the images that come, 'bgr' or 'rgb'.
        output_format: channel order and normalisation of what comes out.

    Raises:
        InputError: more than one application, or a match to a source.
    """
    if enhancer.source is not None:
        raise InputError('The match to a source cannot be exported yet: leave source out of the '
                         'enhancer.')
    if enhancer.iterations != 1:
        raise InputError(f'An exported enhancer is applied once, got iterations='
                         f'{enhancer.iterations}: run the file several times.')
    op = Builder()
    image = op.Cast(IMAGE, to=FLOAT)
    thumbnail = _thumbnail(op, image)
    # By rows first, which ONNX Runtime shares out among threads.
    mean = op.ReduceMean(op.ReduceMean(image, [3], keepdims=0), [1, 2], keepdims=0)
    folded = _traced(op, FoldedPrediction(enhancer, input_order, output_format), thumbnail,
                     op.Unsqueeze(mean, [1]))
    op.Scan(op.Unsqueeze(image, [1]), *folded, num_scan_inputs=5, body=_warp_one(output_format))
    op.nodes[-1].output[0] = NORMALISED
    batch: list[str | int | None] = ['batch', 3, 'height', 'width']
    graph = op.graph('sympie', [helper.make_tensor_value_info(IMAGE, UINT8, batch)],
                     [helper.make_tensor_value_info(NORMALISED, FLOAT, batch)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=9,
                              producer_name='mmseg_sympie', producer_version=__version__)
    onnx.checker.check_model(model, full_check=True)
    return model


class FoldedPrediction(nn.Module):
    """Thumbnail and mean -> the folded warp, written for a filter with zero padding.

    Args:
        enhancer: in evaluation mode.
        input_order: channel order of the images that come, 'bgr' or 'rgb'.
        output_format: of the result of the warp.
    """

    def __init__(self, enhancer: SyMPIE, input_order: str, output_format: PixelFormat):
        super().__init__()
        self.network = inference_network(enhancer.nem, torch.float32)
        self.fast = FastSyMPIE(enhancer, input_order, torch.float32)
        self.fast.networks[torch.device('cpu'), torch.float32] = self.network  # not packed
        self.output_format = output_format

    def forward(self, thumbnail: Tensor, mean: Tensor) -> tuple[Tensor, ...]:
        """Predict and fold.

        Args:
            thumbnail: (B, 3, 224, 224), on 0..255 in the input order.
            mean: (B, 1), on 0..255.

        Returns:
            As weights of convolutions, for each output channel, matrix (B, 3, 1, 3, 1, 1) and
            bias (B, 3, 1) to a pixel that is zero outside the image; kernel (B, 1, 1, 5, 5), and
            offset (B, 3, 1) from there to the output.
        """
        parameters = self.fast.predict_from(ThumbnailAndMean(thumbnail, mean))
        folded = fold(parameters, self.fast.input_order, self.output_format)
        matrix = folded.matrix.transpose(1, 2)  # row = output channel
        outside = matrix @ folded.border[..., None]
        offset = folded.bias[..., None] + folded.kernel.sum(dim=(1, 2))[:, None, None] * outside
        return (matrix[:, :, None, :, None, None], -outside, folded.kernel[:, None, None], offset)


def _traced(op: Builder, module: nn.Module, *inputs: str) -> tuple[str, ...]:
    """Add the nodes of a `FoldedPrediction`; the names of its outputs."""
    file: Any = io.BytesIO()  # The exporter takes it, but does not say so.
    example = torch.zeros(2, 3, VIEW_SIDE_PX, VIEW_SIDE_PX), torch.zeros(2, 1)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # of constants that depend on no size
        torch.onnx.export(
            module.eval(), example, file, input_names=list(inputs), output_names=list(FOLDED),
            opset_version=OPSET, dynamo=False,
            dynamic_axes=dict.fromkeys((*inputs, *FOLDED), {0: 'batch'}))
    graph = onnx.compose.add_prefix(onnx.load_from_string(file.getvalue()), 'predicted_',
                                    rename_inputs=False, rename_outputs=False).graph
    op.nodes += graph.node
    op.constants += graph.initializer
    return FOLDED


def _thumbnail(op: Builder, image: str) -> str:
    """`view`: (B, 3, 224, 224), on 0..255 in the input order."""
    size = op.Slice(op.Shape(image), [2], [4])
    longest = op.Mul(op.ReduceMin(size, keepdims=0), LONGEST_ASPECT_RATIO)
    is_strip = op.Greater(op.ReduceMax(size, keepdims=0), longest)
    return op.If(is_strip, then_branch=_resized(image, strip=True),
                 else_branch=_resized(image, strip=False))


def _resized(image: str, strip: bool) -> onnx.GraphProto:
    """The thumbnail; cutting the middle out of what is no strip would copy the whole image."""
    op = Builder('strip_' if strip else 'image_')
    size = op.Slice(op.Shape(image), [2], [4])
    short = op.ReduceMin(size, keepdims=1)
    if strip:
        whole, size = size, op.Min(size, op.Expand(op.Mul(short, LONGEST_ASPECT_RATIO), [2]))
        image = _central(op, image, whole, size)
    resized = op.Div(op.Mul(size, VIEW_SHORT_SIDE_PX), short)
    is_view = op.Equal(op.ReduceMax(op.Abs(op.Sub(size, VIEW_SIDE_PX)), keepdims=1), [0])
    resized = op.Where(is_view, size, resized)
    sizes = op.Concat(op.Slice(op.Shape(image), [0], [2]), resized, axis=0)
    small = op.Resize(image, '', '', sizes, mode='linear', antialias=1,
                      coordinate_transformation_mode='half_pixel')
    seen = _central(op, small, resized, op.Expand([VIEW_SIDE_PX], [2]))
    return op.graph('thumbnail', [], [helper.make_tensor_value_info(
        seen, FLOAT, ['batch', 3, VIEW_SIDE_PX, VIEW_SIDE_PX])])


def _central(op: Builder, image: str, size: str, wanted: str) -> str:
    """Cut the middle out; an odd rest is halved as torchvision does, to the even number."""
    start = op.Cast(op.Round(op.Div(op.Cast(op.Sub(size, wanted), to=FLOAT), 2.0)), to=INT64)
    return op.Slice(image, start, op.Add(start, wanted), [2, 3])


def _warp_one(output_format: PixelFormat) -> onnx.GraphProto:
    """One image with its own weights; ONNX's groups are fixed, so batches are a loop."""
    black, white = (np.array(output_format.statistics.of(value), np.float32)
                    for value in (0.0, 255.0))
    op = Builder('one_')
    op.Scan('matrices', 'biases', 'offsets', black, white, num_scan_inputs=5,
            body=_warp_channel())
    op.nodes[-1].output[0] = 'warped'
    return op.graph('warp', [
        helper.make_tensor_value_info('one', FLOAT, [1, 3, 'height', 'width']),
        helper.make_tensor_value_info('matrices', FLOAT, [3, 1, 3, 1, 1]),
        helper.make_tensor_value_info('biases', FLOAT, [3, 1]),
        helper.make_tensor_value_info('filter', FLOAT, [1, 1, 5, 5]),
        helper.make_tensor_value_info('offsets', FLOAT, [3, 1])],
        [helper.make_tensor_value_info('warped', FLOAT, [3, 'height', 'width'])])


def _warp_channel() -> onnx.GraphProto:
    """One output channel; the image and its filter come from the graph around.

    ONNX Runtime gives each thread whole channels of a grouped convolution, which leaves one of two
    threads idle for a third of the time, but shares a single channel out among all.
    """
    op = Builder('channel_')
    filtered = op.Conv(op.Conv('one', 'row', 'bias'), 'filter', 'shift', pads=[2] * 4,
                       kernel_shape=[5, 5])
    op.Clip(op.Squeeze(filtered, [0, 1]), 'black', 'white')
    op.nodes[-1].output[0] = 'channel'
    return op.graph('warp_channel', [
        helper.make_tensor_value_info('row', FLOAT, [1, 3, 1, 1]),
        helper.make_tensor_value_info('bias', FLOAT, [1]),
        helper.make_tensor_value_info('shift', FLOAT, [1]),
        helper.make_tensor_value_info('black', FLOAT, []),
        helper.make_tensor_value_info('white', FLOAT, [])],
        [helper.make_tensor_value_info('channel', FLOAT, ['height', 'width'])])
