"""Modules that are used, but neither trained nor saved."""
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar('M', bound=nn.Module)


class Frozen(Generic[M]):
    """A frozen module that the module which holds it does not own.

    As this is no `nn.Module`, nothing that PyTorch or MMEngine does to the owner reaches the module
    inside: the names in its `state_dict()` are the same with and without it, its `parameters()` do
    not give it to the optimiser, `train()` leaves it in evaluation mode, DDP does not synchronise
    it, and `init_weights()` does not overwrite trained weights. It is copied and pickled with the
    owner, but does not move with it either: take it by `on(device)`.

    Args:
        module: is frozen in place.
    """

    def __init__(self, module: M):
        self.module = freeze(module)

    def on(self, device: torch.device) -> M:
        """The module, moved to a device; its precision stays."""
        return self.module.to(device)


def freeze(module: M) -> M:
    """The module itself, now in evaluation mode and with parameters that take no gradients."""
    module.eval()  # Some of MMSegmentation's return nothing.
    return module.requires_grad_(False)
