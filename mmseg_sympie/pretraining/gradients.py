"""Gradients of several losses, each clipped by itself, and the moving average of the weights."""
import functools
from collections.abc import Iterable

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn


class SeparateGradients:
    """The gradients of several losses for the same parameters, kept apart until they are clipped.

    Over the steps of gradient accumulation, each loss has its sum.

    Args:
        num_losses: the last one counts the steps of accumulation.
        max_norm: of each loss, for each parameter tensor by itself.
    """

    def __init__(self, num_losses: int, max_norm: float):
        self.max_norm = max_norm
        self.sums: list[list[Tensor | None]] = [[] for _ in range(num_losses)]

    def backward(self, index: int, loss: Tensor, parameters: Iterable[nn.Parameter],
                 optim_wrapper: OptimWrapper) -> None:
        """Add the gradient of loss `index`; the parameters keep none."""
        parameters = list(parameters)
        loss = optim_wrapper.scale_loss(loss)
        scaler = getattr(optim_wrapper, 'loss_scaler', None)
        if index == len(self.sums) - 1:
            optim_wrapper.backward(loss)  # counts the steps of gradient accumulation
        else:
            (loss if scaler is None else scaler.scale(loss)).backward()
        kept = self.sums[index] or [None] * len(parameters)
        self.sums[index] = [_sum([old, parameter.grad])
                            for old, parameter in zip(kept, parameters)]
        for parameter in parameters:
            parameter.grad = None

    def clip_and_add(self, parameters: Iterable[nn.Parameter],
                     optim_wrapper: OptimWrapper) -> None:
        """Give the parameters the sum of the clipped gradients, and start anew."""
        scaler = getattr(optim_wrapper, 'loss_scaler', None)
        limit = self.max_norm * (1.0 if scaler is None else scaler.get_scale())
        for parameter, *gradients in zip(parameters, *self.sums):
            parameter.grad = _sum([None if gradient is None else clip_to_norm(gradient, limit)
                                   for gradient in gradients])
        self.sums = [[] for _ in self.sums]


def _sum(gradients: Iterable[Tensor | None]) -> Tensor | None:
    """Of those that there are; a loss has none for a parameter that it does not depend on."""
    given = [gradient for gradient in gradients if gradient is not None]
    return functools.reduce(torch.add, given) if given else None


def clip_to_norm(gradient: Tensor, max_norm: float) -> Tensor:
    """Scale a gradient tensor down to a norm, if it is larger."""
    norm = gradient.norm()
    return gradient * (max_norm / (norm + 1e-6)).clamp(max=1.0)


@torch.no_grad()
def update_average(average: nn.Module, student: nn.Module, rate: float) -> None:
    """`average <- rate * average + (1 - rate) * student`, for parameters and running statistics."""
    for old, new in zip(average.state_dict().values(), student.state_dict().values()):
        if old.is_floating_point():
            old.lerp_(new.to(old.dtype), 1 - rate)
        else:
            old.copy_(new)
