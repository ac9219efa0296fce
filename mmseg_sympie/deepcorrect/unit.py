"""The correction unit of DeepCorrect: a small residual stack behind some filters of a layer."""
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError


class CorrectionUnit(nn.Module):
    """`x + last_1x1(N x (kxk, BN, ReLU)(ReLU(BN(1x1(BN(x))))))` for some channels of a feature map.

    The last convolution starts at zero, so that a new unit changes nothing at all.

    Args:
        filters: the channels that are corrected; the others pass.
        width: channels inside. None for as many as filters, a whole number for as many in every
            layer, a share between 0 and 1 for a bottleneck (the three variants published).
        num_convs, kernel_size: N and k above.

    Source: DeepCorrect (Borkar and Karam, arXiv 1705.02406).
    """

    filters: Tensor

    def __init__(self, filters: Sequence[int] | Tensor, width: int | float | None = None,
                 num_convs: int = 1, kernel_size: int = 3):
        super().__init__()
        if kernel_size % 2 == 0 or num_convs < 0:
            raise InputError('A correction unit has an odd kernel_size and num_convs from 0, got '
                             f'{kernel_size} and {num_convs}.')
        self.register_buffer('filters', torch.as_tensor(filters, dtype=torch.long))
        count = len(self.filters)
        inner = unit_width(count, width)
        stack = [nn.BatchNorm2d(count), nn.Conv2d(count, inner, 1, bias=False),
                 nn.BatchNorm2d(inner), nn.ReLU()]
        for _ in range(num_convs):
            stack += [nn.Conv2d(inner, inner, kernel_size, padding=kernel_size // 2, bias=False),
                      nn.BatchNorm2d(inner), nn.ReLU()]
        last = nn.Conv2d(inner, count, 1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.body = nn.Sequential(*stack, last)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> 'CorrectionUnit':
        """The unit that has this state dict; its measures follow from the shapes.

        Raises:
            InputError: it is not the state dict of a unit.
        """
        kernels = [value.shape for value in state.values() if value.ndim == 4]
        try:
            unit = cls(state['filters'], int(kernels[0][0]), len(kernels) - 2,
                       int(kernels[1][-1]) if len(kernels) > 2 else 3)
            unit.load_state_dict(state)
        except (IndexError, KeyError, RuntimeError) as error:
            raise InputError(f'not the state dict of a correction unit: {error}') from error
        return unit

    def forward(self, features: Tensor) -> Tensor:
        """Correct (B, C, H, W), all channels of the layer, to the same shape."""
        selected = features.index_select(1, self.filters).to(next(self.parameters()).dtype)
        return features.index_add(1, self.filters, self.body(selected).to(features.dtype))

    def after(self, layer: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        """The forward hook; a linear layer's (..., C) is a row of pixels without neighbours."""
        if self.filters.device != output.device:
            self.to(output.device)  # A frozen unit does not move with the network.
        if isinstance(layer, nn.Linear):
            return self(output.reshape(-1, output.shape[-1], 1, 1)).view(output.shape)
        return self(output)


def unit_width(num_filters: int, width: int | float | None) -> int:
    """Channels inside a unit for that many filters; see `CorrectionUnit`."""
    if width is None:
        return num_filters
    if isinstance(width, float) and 0 < width < 1:
        return max(1, round(width * num_filters))
    if isinstance(width, int) and width > 0:
        return width
    raise InputError('The width of a correction unit is None, a whole number from 1, or a share '
                     f'between 0 and 1, got {width!r}.')
