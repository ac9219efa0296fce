"""The NEM for inference: batch norm fused, half precision, weights packed for the processor."""
import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .nem import NEM
from .thumbnail import VIEW_SIDE_PX


def network_precision(device: torch.device) -> torch.dtype:
    """Choose what the network runs in: half precision where the device computes it faster."""
    if device.type == 'cuda':
        return torch.float16
    fast_bfloat16 = getattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    return torch.bfloat16 if device.type == 'cpu' and fast_bfloat16() else torch.float32


@torch.no_grad()
def inference_network(nem: NEM, precision: torch.dtype) -> NEM:
    """Copy a network with batch norm fused into the convolutions before it.

    The head stays in float32.

    `bn1` of a block cannot be fused: the shortcut takes the features before it.
    """
    nem = copy.deepcopy(nem).eval().requires_grad_(False)
    nem.stem = nn.Sequential(fuse_conv_bn_eval(nem.stem[0], nem.stem[1]), nn.ReLU(inplace=True))
    for block in nem.blocks:
        block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
    nem.stem.to(precision)
    nem.blocks.to(precision)
    return nem.to(memory_format=torch.channels_last)


def pack_weights(nem: NEM) -> NEM:
    """Have an `inference_network` on a CPU keep its weights as they are used, in place."""
    if nem.stem[0].weight.dtype == torch.float16 or not PackedConv2d.available():
        return nem
    side = VIEW_SIDE_PX
    nem.stem = nn.Sequential(PackedConv2d(nem.stem[0], side, 'relu'))
    for block in nem.blocks:
        side = (side + 2 - 5) // 4 + 1  # of the pooling
        block.conv1, block.conv2 = (PackedConv2d(conv, side) for conv in (block.conv1, block.conv2))
    return nem


class PackedConv2d(nn.Module):
    """A convolution with its weights in oneDNN's own order.

    From PyTorch's order they are brought into it at every call, which for the small images inside
    the NEM takes as long as the convolution itself.

    Args:
        conv: on a CPU, float32 or bfloat16.
        side: of the square images that come in.
        activation: 'relu' to apply it in the same pass, or 'none'.
    """

    def __init__(self, conv: nn.Conv2d, side: int, activation: str = 'none'):
        super().__init__()
        self.activation = activation
        self.arguments = list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups
        self.bias = conv.bias
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(
            conv.weight, *self.arguments, [1, conv.in_channels, side, side])

    @staticmethod
    def available() -> bool:
        """PyTorch's compiler uses these two operations too, but does not promise them."""
        return torch.backends.mkldnn.is_available() and all(
            hasattr(torch.ops.mkldnn, name)
            for name in ('_reorder_convolution_weight', '_convolution_pointwise'))

    def forward(self, features: Tensor) -> Tensor:
        """Convolve features (B, C, side, side)."""
        return torch.ops.mkldnn._convolution_pointwise(
            features, self.weight, self.bias, *self.arguments, self.activation, [], None)
