"""Other layers in the place of some layers of a network."""
from collections.abc import Callable

from torch import nn


def replace_layers(network: nn.Module,
                   replacement: Callable[[nn.Module], nn.Module | None]) -> list[nn.Module]:
    """Exchange layers below a network.

    Args:
        network: is changed in place.
        replacement: called for each module below the network; None keeps the module and goes on
            with what is inside.

    Returns:
        The new layers.
    """
    new = []
    for name, child in network.named_children():
        layer = replacement(child)
        if layer is None:
            new += replace_layers(child, replacement)
        else:
            setattr(network, name, layer)
            new.append(layer)
    return new
