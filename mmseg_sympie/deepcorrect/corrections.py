"""Correction units of a whole network: which filters, behind which layers, and their file."""
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from ..errors import InputError
from ..io.checkpoints import read_checkpoint, unwrap_state_dict
from .unit import CorrectionUnit

UNITS = 'correction units'
FilterLayer = nn.Conv2d | nn.Linear


class Corrections(nn.ModuleDict):
    """Correction units by the name of their layer.

    Its state dict holds all there is to know, so that a file of it can be put on top of the network
    that it was trained for.
    """

    def __init__(self, units: Mapping[str, CorrectionUnit]):
        # A module's name has no dots.
        super().__init__({layer.replace('.', '/'): unit for layer, unit in units.items()})

    @classmethod
    def new(cls, filters: Mapping[str, Sequence[int]], unit: Mapping = {}) -> 'Corrections':
        """Units that change nothing yet.

        Args:
            filters: those to correct, by layer.
            unit: arguments of `CorrectionUnit`.
        """
        return cls({layer: CorrectionUnit(chosen, **unit) for layer, chosen in filters.items()})

    @classmethod
    def load(cls, path: str | Path) -> 'Corrections':
        """Trained units from a file of their state dict.

        Raises:
            FileNotFoundError, InputError: there is none, or it is something else.
        """
        state = unwrap_state_dict(read_checkpoint(path, UNITS), path, UNITS)
        by_layer: dict[str, dict[str, Tensor]] = {}
        for key, value in state.items():
            name, _, rest = key.partition('.')
            by_layer.setdefault(name.replace('/', '.'), {})[rest] = value
        try:
            return cls({layer: CorrectionUnit.from_state(part)
                        for layer, part in by_layer.items()})
        except InputError as error:
            raise InputError(f'The {UNITS} {path} do not fit: {error}. Wanted the units alone, as '
                             'their training writes them (trained.pth).') from error

    def attach(self, network: nn.Module) -> None:
        """Put each unit behind its layer of `network`, before the batch norm that follows it.

        The network and its state dict stay as they are otherwise.

        Raises:
            InputError: it has no such layer, or one with fewer filters.
        """
        for name, unit in self.items():
            assert isinstance(unit, CorrectionUnit)
            layer = find_layer(network, name.replace('/', '.'))
            if int(unit.filters.max()) >= num_filters(layer):
                raise InputError(
                    f'Filter {int(unit.filters.max())} of layer {name.replace("/", ".")} is to be '
                    f'corrected, and it has {num_filters(layer)}: units and network do not belong '
                    'together.')
            # A bound method, which copy.deepcopy binds to the copied unit.
            layer.register_forward_hook(unit.after)


def find_layer(network: nn.Module, name: str) -> FilterLayer:
    """The convolution or linear layer of this name.

    Raises:
        InputError: there is none.
    """
    layers = filter_layers(network)
    if name not in layers:
        raise InputError(f'{type(network).__name__} has no convolution or linear layer {name!r}; '
                         f'it has {", ".join(layers)}.')
    return layers[name]


def filter_layers(network: nn.Module) -> dict[str, FilterLayer]:
    """All layers whose filters can be ranked and corrected, by name."""
    return {name: module for name, module in network.named_modules()
            if isinstance(module, (nn.Conv2d, nn.Linear))}


def num_filters(layer: FilterLayer) -> int:
    """Channels of its output."""
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
