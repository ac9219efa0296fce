"""An enhancer and the normalisation behind it as one ONNX graph for images of any size.

The two passes over the image are written in ONNX's operators, as a backend of `enhancer.fast`; what
leads from measurements to the folded warp is traced from PyTorch.
"""
import io
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from ..enhancer.detail import Detail
from ..enhancer.dwm import WarpParameters
from ..enhancer.fast import FastClosedForm, FastSyMPIE, fast_path
from ..enhancer.folding import PixelFormat, fold
from ..enhancer.image_statistics import ImageStatistics
from ..enhancer.inference_network import inference_network
from ..enhancer.thumbnail import VIEW_SIDE_PX
from ..errors import InputError
from ..runtime.version import __version__
from .builder import FLOAT, OPSET, UINT8, Builder
from .measurements import GRIDS, MEASURED, Measurements, measure

IMAGE, NORMALISED = 'image', 'normalised'
FOLDED = ('matrix', 'row_bias', 'kernel', 'offset', 'exponent')  # the last where there are curves


def enhancer_onnx(enhancer: nn.Module, input_order: str,
                  output_format: PixelFormat) -> onnx.ModelProto:
    """A model from `image`, uint8 (B, 3, H, W), to `normalised`, float32 (B, 3, H, W).

    Args:
        enhancer: SyMPIE, applied once, or a `ClosedFormEnhancer`, in evaluation mode.
        input_order: channel order of the images that come, 'bgr' or 'rgb'.
        output_format: channel order and normalisation of what comes out.

    Raises:
        InputError: another enhancer, or more than one application.
    """
    fast = fast_path(enhancer, input_order, torch.float32)
    if fast is None:
        raise InputError(f'{type(enhancer).__name__} cannot be exported: wanted SyMPIE, '
                         'SourceMatch or another enhancer in closed form.')
    iterations = getattr(enhancer, 'iterations', 1)
    if iterations != 1:
        raise InputError(f'An exported enhancer is applied once, got iterations={iterations}: run '
                         'the file several times.')
    prediction = _traced(FoldedPrediction(fast, output_format))
    op = Builder()
    image = op.Cast(IMAGE, to=FLOAT)
    measure(op, image, {name for node in prediction.node for name in node.input})
    op.nodes += prediction.node
    op.constants += prediction.initializer
    if len(prediction.output) == len(FOLDED):
        # `tone_curve`; Pow takes longer.
        image = op.Mul(op.Exp(op.Mul(op.Log(op.Div(image, 255.0)), 'exponent')), 255.0)
        image = op.Pad(image, [0, 0, 2, 2, 0, 0, 2, 2], mode='edge')  # `with_repeated_border`
    op.Scan(op.Unsqueeze(image, [1]), *FOLDED[:4], num_scan_inputs=5,
            body=_warp_one(output_format, fast, padded=len(prediction.output) == len(FOLDED)),
            output=NORMALISED)
    batch: list[str | int | None] = ['batch', 3, 'height', 'width']
    graph = op.graph('sympie', [helper.make_tensor_value_info(IMAGE, UINT8, batch)],
                     [helper.make_tensor_value_info(NORMALISED, FLOAT, batch)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=9,
                              producer_name='mmseg_sympie', producer_version=__version__)
    onnx.checker.check_model(model, full_check=True)
    return model


class FoldedPrediction(nn.Module):
    """Measurements -> the folded warp, written for a filter with zero padding.

    Args:
        fast: of the enhancer.
        output_format: of the result of the warp.
    """

    def __init__(self, fast: FastSyMPIE | FastClosedForm, output_format: PixelFormat):
        super().__init__()
        self.fast, self.output_format = fast, output_format
        if isinstance(fast, FastSyMPIE):
            self.network = inference_network(fast.enhancer.nem, torch.float32)
            fast.networks[torch.device('cpu'), torch.float32] = self.network  # not packed

    def forward(self, thumbnail: Tensor, mean: Tensor, *measured: Tensor) -> tuple[Tensor, ...]:
        """Predict and fold.

        Args:
            thumbnail: (B, 3, 224, 224), on 0..255 in the input order.
            mean: (B, 1), on 0..255.
            *measured: `ImageStatistics`, the pixel grid and `Detail`, in the input order.

        Returns:
            As weights of convolutions, for each output channel, matrix (B, 3, 1, 3, 1, 1) and
            bias (B, 3, 1) to a pixel that is zero outside the image; kernel (B, 1, 1, 5, 5), and
            offset (B, 3, 1) from there to the output; and the exponents (B, 3, 1, 1) of tone curves
            before, if there are any.
        """
        folded = fold(self._predicted(thumbnail, mean, *measured), self.fast.input_order,
                      self.output_format)
        matrix = folded.matrix.transpose(1, 2)  # row = output channel
        outside = matrix @ folded.border[..., None]
        offset = folded.bias[..., None] + folded.kernel.sum(dim=(1, 2))[:, None, None] * outside
        weights = (matrix[:, :, None, :, None, None], -outside, folded.kernel[:, None, None],
                   offset)
        return (weights if folded.exponent is None else
                (*weights, folded.exponent[..., None, None]))

    def _predicted(self, *measured: Tensor) -> WarpParameters:
        thumbnail, mean, *others = measured
        if self.fast.input_order == 'bgr':
            thumbnail, black, channel_mean, covariance, *grids = (
                part.flip(1) for part in (thumbnail, *others))
            others = [black, channel_mean, covariance.flip(2), *grids]
        sample: Any = Measurements(thumbnail, mean, *others)
        if not isinstance(self.fast, FastSyMPIE):
            return self.fast.enhancer.warp_parameters(sample)
        return self.fast.predict_from(sample.thumbnail_and_mean
                                      if self.fast.enhancer.source is None else sample)


def _traced(prediction: FoldedPrediction) -> onnx.GraphProto:
    """Its nodes, from the names in `MEASURED` to those in `FOLDED`."""
    file: Any = io.BytesIO()  # The exporter takes it, but does not say so.
    grid = 255 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    example = (torch.zeros(2, 3, VIEW_SIDE_PX, VIEW_SIDE_PX), torch.zeros(2, 1),
               *ImageStatistics.of(grid), grid, *Detail.of(grid))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # of constants that depend on no size
        outputs = FOLDED[:len(prediction.eval()(*example))]
        axes = dict.fromkeys((*MEASURED, *outputs), {0: 'batch'})
        axes.update(dict.fromkeys(GRIDS, {0: 'batch', 2: 'rows', 3: 'columns'}))
        torch.onnx.export(
            prediction, example, file, input_names=list(MEASURED), output_names=list(outputs),
            opset_version=OPSET, dynamo=False, dynamic_axes=axes)
    return onnx.compose.add_prefix(onnx.load_from_string(file.getvalue()), 'predicted_',
                                   rename_inputs=False, rename_outputs=False).graph


def _warp_one(output_format: PixelFormat, fast: FastSyMPIE | FastClosedForm,
              padded: bool) -> onnx.GraphProto:
    """One image with its own weights; ONNX's groups are fixed, so batches are a loop.

    Args:
        output_format: of the result.
        fast: of the enhancer.
        padded: whether the image comes with two pixels around it.
    """
    clamps = getattr(fast.enhancer, 'clamps', True)
    black, white = (np.array(output_format.statistics.of(value) if clamps else [infinity] * 3,
                             np.float32)
                    for value, infinity in ((0.0, -np.inf), (255.0, np.inf)))
    op = Builder('one_')
    op.Scan('matrices', 'biases', 'offsets', black, white, num_scan_inputs=5,
            body=_warp_channel(padded), output='warped')
    return op.graph('warp', [
        helper.make_tensor_value_info('one', FLOAT, [1, 3, 'height', 'width']),
        helper.make_tensor_value_info('matrices', FLOAT, [3, 1, 3, 1, 1]),
        helper.make_tensor_value_info('biases', FLOAT, [3, 1]),
        helper.make_tensor_value_info('filter', FLOAT, [1, 1, 5, 5]),
        helper.make_tensor_value_info('offsets', FLOAT, [3, 1])],
        [helper.make_tensor_value_info('warped', FLOAT, [3, 'rows', 'columns'])])


def _warp_channel(padded: bool) -> onnx.GraphProto:
    """One output channel; the image and its filter come from the graph around.

    ONNX Runtime gives each thread whole channels of a grouped convolution, which leaves one of two
    threads idle for a third of the time, but shares a single channel out among all.
    """
    op = Builder('channel_')
    coloured = op.Conv('one', 'row', 'bias')
    filtered = op.Conv(coloured, 'filter', 'shift', pads=[0 if padded else 2] * 4,
                       kernel_shape=[5, 5])
    op.Clip(op.Squeeze(filtered, [0, 1]), 'black', 'white', output='channel')
    return op.graph('warp_channel', [
        helper.make_tensor_value_info('row', FLOAT, [1, 3, 1, 1]),
        helper.make_tensor_value_info('bias', FLOAT, [1]),
        helper.make_tensor_value_info('shift', FLOAT, [1]),
        helper.make_tensor_value_info('black', FLOAT, []),
        helper.make_tensor_value_info('white', FLOAT, [])],
        [helper.make_tensor_value_info('channel', FLOAT, ['rows', 'columns'])])
