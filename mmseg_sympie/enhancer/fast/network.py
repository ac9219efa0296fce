"""The NEM for inference: batch norm merged, half precision, weights packed for the processor."""
import copy
import functools
from typing import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...threads import at_once
from ..nem import NEM, VIEW_SIDE_PX, pool


def network_precision(device: torch.device) -> torch.dtype:
    """What the network runs in: half precision where the device computes it faster."""
    if device.type == 'cuda':
        return torch.float16
    fast_bfloat16 = getattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    return torch.bfloat16 if device.type == 'cpu' and fast_bfloat16() else torch.float32


@torch.no_grad()
def inference_network(nem: NEM, precision: torch.dtype) -> NEM:
    """A copy with batch norm merged into the convolutions before it; the head stays in float32.

    `bn1` of a block cannot be merged: the shortcut takes the features before it.
    """
    nem = copy.deepcopy(nem).eval().requires_grad_(False)
    nem.stem = nn.Sequential(fuse_conv_bn_eval(nem.stem[0], nem.stem[1]), nn.ReLU(inplace=True))
    for block in nem.blocks:
        block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
    nem.stem.to(precision)
    nem.blocks.to(precision)
    return nem.to(memory_format=torch.channels_last)


def prepare_for_cpu(nem: NEM) -> NEM:
    """Change an `inference_network`, in place: weights packed, and later blocks in halves."""
    packable = nem.stem[0].weight.dtype != torch.float16 and PackedConv2d.available()

    def packed(conv: nn.Conv2d, side: int) -> nn.Module:
        return PackedConv2d(conv, side) if packable else conv

    if packable:
        nem.stem = nn.Sequential(PackedConv2d(nem.stem[0], VIEW_SIDE_PX, 'relu'))
    side = VIEW_SIDE_PX
    for number, block in enumerate(nem.blocks):
        side = (side + 2 - 5) // 4 + 1  # of the pooling
        for name in ('conv1', 'conv2'):
            conv = getattr(block, name)
            setattr(block, name, packed(conv, side) if number == 0 else
                    HalvedConv2d(packed(half, side) for half in halves_of(conv)))
    return nem


def run_in_halves(nem: NEM, view: Tensor) -> Tensor:
    """The network by two threads.

    Stem and first block, where most of the time goes, are done by halves of 28 of the block's 56
    rows, each of which comes from four rows of the view and those around. At the cut a convolution
    sees zeros: each half has more rows, for those that this makes wrong, and the lower one begins
    at a multiple of four, in step with the pooling. Later there are few rows and many weights, and
    each thread has half of the channels.

    Args:
        nem: after `prepare_for_cpu`.
        view: (1, 3, 224, 224), RGB, standardised.

    Returns:
        The parameter vector (1, 37).
    """
    def first(rows: Tensor) -> Tensor:
        return nem.blocks[0](nem.stem(rows))

    view = view.to(nem.stem[0].weight.dtype)
    features = torch.cat(at_once(lambda: first(view[:, :, :121])[:, :, :28],
                                 lambda: first(view[:, :, 100:])[:, :, 3:]), dim=2)
    for block in nem.blocks[1:]:
        # As `Block.forward`.
        shortcut = block.conv1.at_once(pool(features))
        features = F.relu(block.bn2(block.conv2.at_once(F.relu(block.bn1(shortcut))))) + shortcut
    return nem.vector(features)


class HalvedConv2d(nn.ModuleList):
    """A convolution as two, of half the output channels each."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([half(features) for half in self], dim=1)

    def at_once(self, features: Tensor) -> Tensor:
        """The same by two threads."""
        return torch.cat(at_once(*(functools.partial(half, features) for half in self)), dim=1)


def halves_of(conv: nn.Conv2d) -> Iterator[nn.Conv2d]:
    """Convolutions of half the output channels each."""
    for weight, bias in zip(conv.weight.chunk(2), conv.bias.chunk(2)):
        half = nn.Conv2d(conv.in_channels, len(weight), conv.kernel_size, padding=conv.padding,
                         device='meta')
        half.weight, half.bias = (nn.Parameter(value, requires_grad=False)
                                  for value in (weight, bias))
        yield half


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
        return torch.ops.mkldnn._convolution_pointwise(
            features, self.weight, self.bias, *self.arguments, self.activation, [], None)
