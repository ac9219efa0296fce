"""Any backbone with correction units behind some of its layers."""
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from torch import nn

from ..errors import InputError
from ..io.config import type_name
from ..registry import MODELS
from ..runtime.frozen import Frozen
from ..runtime.subclass import in_front_of
from .corrections import Corrections
from .ranking import chosen_filters


@MODELS.register_module()
class CorrectedBackbone(nn.Module):
    """A frozen backbone with correction units on the outputs of some layers, before batch norm.

    The object is the backbone itself (`in_front_of`), its attributes and names of weights included.
    New units are trained. Units from a file are `Frozen`: a model has the same names of weights
    with and without them.

    Args:
        backbone: its config, or the name of its type, with its arguments beside as `kwargs`.
        ranking: file of `tools/rank_filters.py`, for new units that are to be trained.
        beta: share of the filters of a layer that are corrected.
        layers: names; by default all that were ranked.
        unit: arguments of `CorrectionUnit`.
        checkpoint: file of trained units, in the place of the four above.
        **kwargs: arguments of the backbone.

    Raises:
        InputError: neither or both of ranking and checkpoint, or one that does not fit.
    """

    corrections: Corrections | Frozen[Corrections]

    def __new__(cls, backbone: str | dict, **kwargs) -> Any:
        """An object of a subclass of the backbone's class."""
        cfg = _as_config(backbone)
        with MODELS.switch_scope_and_registry(cfg.get('_scope_')) as registry:
            base = registry.get(cfg['type']) if isinstance(cfg['type'], str) else cfg['type']
        if base is None:
            raise InputError(f'There is no backbone {cfg["type"]!r}. Name its scope, as in '
                             "'mmpretrain.VGG', and install its package.")
        return object.__new__(in_front_of(cls, base))

    def __init__(self, backbone: str | dict, ranking: str | None = None, beta: float = 0.5,
                 layers: Sequence[str] | None = None, unit: Mapping = {},
                 checkpoint: str | None = None, **kwargs):
        if (ranking is None) == (checkpoint is None):
            raise InputError('CorrectedBackbone wants one of ranking=FILE, for new units, and '
                             f'checkpoint=FILE, for trained ones; got {ranking!r} and '
                             f'{checkpoint!r}.')
        arguments = {**_as_config(backbone), **kwargs}
        arguments.pop('type')
        with MODELS.switch_scope_and_registry(arguments.pop('_scope_', None)):
            super().__init__(**arguments)
        self.requires_grad_(False)
        if checkpoint is not None:
            units = Corrections.load(checkpoint)
            self.corrections = Frozen(units)
        elif ranking is not None:
            units = Corrections.new(chosen_filters(ranking, beta, layers), unit)
            self.corrections = units
            self.initial = {key: value.clone() for key, value in units.state_dict().items()}
        units.attach(self)
        self.train()

    def train(self, mode: bool = True) -> 'CorrectedBackbone':
        """Switch new units; all else stays in evaluation mode."""
        super().train(False)
        units = getattr(self, 'corrections', None)  # Not yet in the backbone's constructor.
        if isinstance(units, Corrections):
            units.train(mode)
        return self

    def init_weights(self) -> None:
        """As the backbone, without effect on the units."""
        getattr(super(), 'init_weights', lambda: None)()
        if isinstance(self.corrections, Corrections):
            # An init_cfg for all layers, here or further out, has overwritten them.
            self.corrections.load_state_dict(self.initial)


def _as_config(backbone: str | dict) -> dict:
    return dict(type=backbone) if isinstance(backbone, str) else backbone


def units_checkpoint(cfg: Config) -> list[str]:
    """The file of trained units that a config's model has in it; empty for a model without."""
    model = cfg.model
    while 'module' in model:
        model = model.module
    backbone = model.get('backbone', {})
    if type_name(backbone.get('type')) != 'CorrectedBackbone':
        return []
    return [backbone.checkpoint] if backbone.get('checkpoint') else []
