"""SyMPIE and the normalisation behind it as one ONNX graph for images of any size.

The graph says what `enhancer.fast` says, in ONNX's operators; the tests hold them together.
"""
import numpy as np
import onnx
import torch
from onnx import helper

from ..enhancer import NEM, SyMPIE
from ..enhancer.fast import PixelFormat, inference_network
from ..enhancer.levels import LOWEST_255
from ..enhancer.nem import LONGEST_ASPECT_RATIO, VIEW_SHORT_SIDE_PX, VIEW_SIDE_PX
from ..errors import InputError
from ..normalization import IMAGENET_RGB
from ..version import __version__
from .builder import FLOAT, INT64, OPSET, UINT8, Builder

MEAN, STD = (255 * np.array(values, np.float32) for values in IMAGENET_RGB)
IMAGE, NORMALISED = 'image', 'normalised'


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
    vector, levels = _predict(op, image, enhancer, input_order)
    op.Scan(op.Unsqueeze(image, [1]),
            *_fold(op, vector, levels, input_order, output_format.channel_order), num_scan_inputs=4,
            body=_warp_one(output_format))
    op.nodes[-1].output[0] = NORMALISED
    batch = ['batch', 3, 'height', 'width']
    graph = op.graph('sympie', [helper.make_tensor_value_info(IMAGE, UINT8, batch)],
                     [helper.make_tensor_value_info(NORMALISED, FLOAT, batch)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=9,
                              producer_name='mmseg_sympie', producer_version=__version__)
    onnx.checker.check_model(model, full_check=True)
    return model


def _predict(op: Builder, image: str, enhancer: SyMPIE, input_order: str):
    """The 37 numbers (B, 37), and the levels, gain (B, 1) and offset (B, 3)."""
    seen = _thumbnail(op, image, input_order)
    gain, offset = _levels(op, image, seen, **enhancer.minima())
    seen = op.Add(op.Mul(seen, op.Unsqueeze(gain, [2, 3])), op.Unsqueeze(offset, [2, 3]))
    standardised = op.Div(op.Sub(seen, MEAN[:, None, None]), STD[:, None, None])
    network = inference_network(enhancer.nem, torch.float32)
    return _network(op, network, standardised), (gain, offset)


def _levels(op: Builder, image: str, seen: str, min_mean_255=None, min_contrast_255=None):
    """`levels` of what is seen: gain (B, 1) and offset (B, 3)."""
    gain, offset = np.ones((1, 1), np.float32), np.zeros((1, 3), np.float32)
    if min_mean_255 is not None:
        # By rows first, which ONNX Runtime shares out among threads.
        mean = op.ReduceMean(op.ReduceMean(image, [3], keepdims=0), [1, 2], keepdims=0)
        mean = op.Unsqueeze(op.Max(mean, LOWEST_255), [1])
        gain = op.Max(op.Div(float(min_mean_255), mean), 1.0)
    if min_contrast_255 is not None:
        channel_mean = op.ReduceMean(seen, [2, 3])
        difference = op.Sub(seen, channel_mean)
        variance = op.ReduceMean(op.Mul(difference, difference), [1, 2, 3], keepdims=0)
        deviation = op.Sqrt(op.Max(variance, LOWEST_255 ** 2))
        contrast = op.Mul(gain, op.Unsqueeze(deviation, [1]))
        stretch = op.Max(op.Div(float(min_contrast_255), contrast), 1.0)
        offset = op.Mul(op.Mul(op.Sub(1.0, stretch), gain), op.Squeeze(channel_mean, [2, 3]))
        gain = op.Mul(gain, stretch)
    return gain, offset


def _thumbnail(op: Builder, image: str, input_order: str) -> str:
    """`view`: RGB on 0..255, (B, 3, 224, 224)."""
    size = op.Slice(op.Shape(image), [2], [4])
    longest = op.Mul(op.ReduceMin(size, keepdims=0), LONGEST_ASPECT_RATIO)
    is_strip = op.Greater(op.ReduceMax(size, keepdims=0), longest)
    seen = op.If(is_strip, then_branch=_resized(image, strip=True),
                 else_branch=_resized(image, strip=False))
    return op.Gather(seen, [2, 1, 0], axis=1) if input_order == 'bgr' else seen


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


def _network(op: Builder, nem: NEM, features: str) -> str:
    def convolution(module, features):
        return op.Conv(features, module.weight.numpy(), module.bias.numpy(), pads=[1] * 4,
                       kernel_shape=[3, 3])

    def normalisation(module, features):
        return op.BatchNormalization(
            features, *(values.numpy() for values in (module.weight, module.bias,
                                                      module.running_mean, module.running_var)),
            epsilon=module.eps)

    features = op.Relu(convolution(nem.stem[0], features))
    for block in nem.blocks:
        pooled = op.AveragePool(features, kernel_shape=[5, 5], strides=[4, 4], pads=[1] * 4,
                                count_include_pad=1)
        shortcut = convolution(block.conv1, pooled)
        features = op.Relu(normalisation(block.bn1, shortcut))
        features = op.Add(op.Relu(convolution(block.conv2, features)), shortcut)
    pooled = op.ReduceMean(features, [2, 3], keepdims=0)
    return op.Gemm(pooled, nem.head.weight.numpy(), nem.head.bias.numpy(), transB=1)


def _fold(op: Builder, vector: str, levels, input_order: str, output_order: str):
    """`fast.fold` as weights of convolutions: the shift and the matrix, then the filter.

    Returns:
        For each output channel, matrix (B, 3, 1, 3, 1, 1) and bias (B, 3, 1) to a pixel that is
        zero where the filter's border is; and kernel (B, 1, 1, 5, 5) from there to 0..255, of which
        the mean is left to add.
    """
    matrix, shift, kernel = op.Split(vector, [9, 3, 25], axis=1, outputs=3)
    matrix, kernel = op.Reshape(matrix, [-1, 3, 3]), op.Reshape(kernel, [-1, 1, 1, 5, 5])
    gain, offset = levels
    matrix = op.Mul(matrix, op.Unsqueeze(gain, [2]))
    added = op.Div(op.Add(op.Mul(op.Sub(gain, 1.0), MEAN), offset), STD)
    shift = op.Div(op.Add(shift, added), gain)
    matrix = op.Mul(matrix, STD / STD[:, None])
    border = op.Sub(MEAN, op.Mul(shift, STD))
    if input_order == 'bgr':
        matrix, border = op.Gather(matrix, [2, 1, 0], axis=1), op.Gather(border, [2, 1, 0], axis=1)
    if output_order == 'bgr':
        matrix = op.Gather(matrix, [2, 1, 0], axis=2)
    matrix = op.Transpose(matrix, perm=[0, 2, 1])  # row = output_format channel
    bias = op.Neg(op.MatMul(matrix, op.Unsqueeze(border, [2])))
    return op.Unsqueeze(matrix, [2, 4, 5]), bias, kernel


def _warp_one(output_format: PixelFormat) -> onnx.GraphProto:
    """One image with its own weights; ONNX's groups are fixed, so batches are a loop."""
    mean_255 = MEAN if output_format.channel_order == 'rgb' else MEAN[::-1]
    mean, std = (np.array(values, np.float32) for values in output_format.statistics)
    op = Builder('one_')
    op.Scan('matrix', 'bias', op.Div(op.Unsqueeze('kernel', [0]), std.reshape(3, 1, 1, 1, 1)),
            ((mean_255 - mean) / std)[:, None], -mean / std, (255 - mean) / std,
            num_scan_inputs=6, body=_warp_channel())
    op.nodes[-1].output[0] = 'warped'
    return op.graph('warp', [
        helper.make_tensor_value_info('one', FLOAT, [1, 3, 'height', 'width']),
        helper.make_tensor_value_info('matrix', FLOAT, [3, 1, 3, 1, 1]),
        helper.make_tensor_value_info('bias', FLOAT, [3, 1]),
        helper.make_tensor_value_info('kernel', FLOAT, [1, 1, 5, 5])],
        [helper.make_tensor_value_info('warped', FLOAT, [3, 'height', 'width'])])


def _warp_channel() -> onnx.GraphProto:
    """One channel that leaves, normalised.

    ONNX Runtime gives each thread whole channels of a grouped convolution, which leaves one of two
    threads idle for a third of the time, but shares a single channel out among all.
    """
    op = Builder('channel_')
    filtered = op.Conv(op.Conv('one', 'row', 'row_bias'), 'channel_kernel', 'offset', pads=[2] * 4,
                       kernel_shape=[5, 5])
    op.Clip(op.Squeeze(filtered, [0, 1]), 'black', 'white')
    op.nodes[-1].output[0] = 'channel'
    return op.graph('warp_channel', [
        helper.make_tensor_value_info('row', FLOAT, [1, 3, 1, 1]),
        helper.make_tensor_value_info('row_bias', FLOAT, [1]),
        helper.make_tensor_value_info('channel_kernel', FLOAT, [1, 1, 5, 5]),
        helper.make_tensor_value_info('offset', FLOAT, [1]),
        helper.make_tensor_value_info('black', FLOAT, []),
        helper.make_tensor_value_info('white', FLOAT, [])],
        [helper.make_tensor_value_info('channel', FLOAT, ['height', 'width'])])
