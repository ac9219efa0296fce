"""Any backbone with correction units behind some of its layers."""
import functools
from collections.abc import Mapping, Sequence

from mmengine.config import Config
from torch import Tensor, nn

from ..errors import InputError
from ..io.config import type_name
from ..registry import MODELS
from .corrections import Corrections
from .ranking import chosen_filters


class CorrectedMixin:
    """What a backbone with `corrections` does otherwise than without.

    It stays frozen and in evaluation mode; new units are trained. Units from a file are frozen too,
    and in no state dict: a model then has the same keys with and without them.
    """

    def correct(self, corrections: Corrections, trained: bool) -> None:
        """Take the units in; `trained` says that they come from a file."""
        self.requires_grad_(False)
        corrections.attach(self)
        self.corrections = corrections.requires_grad_(not trained)
        self.units_are_trained = trained
        self.initial = {key: value.clone() for key, value in corrections.state_dict().items()}
        if trained:
            self._register_state_dict_hook(_leave_units_out)
            self._register_load_state_dict_pre_hook(_leave_units_as_they_are, with_module=True)
        self.train()

    def train(self, mode: bool = True) -> nn.Module:
        super().train(False)
        self.corrections.train(mode and not self.units_are_trained)
        return self

    def init_weights(self) -> None:
        super().init_weights()
        # An init_cfg for all layers, here or further out, has overwritten them.
        self.corrections.load_state_dict(self.initial)


@MODELS.register_module()
def CorrectedBackbone(backbone: str | dict, ranking: str | None = None, beta: float = 0.5,
                      layers: Sequence[str] | None = None, unit: Mapping = {},
                      checkpoint: str | None = None, **kwargs) -> nn.Module:
    """A backbone with correction units on the outputs of some layers, before batch norm.

    It is the backbone itself, its type, attributes and names of weights included.

    Args:
        backbone: its config, or the name of its type, with its arguments beside as `kwargs`.
        ranking: file of `tools/rank_filters.py`, for new units that are to be trained.
        beta: share of the filters of a layer that are corrected.
        layers: names; by default all that were ranked.
        unit: arguments of `CorrectionUnit`.
        checkpoint: file of trained units, which says everything that the four above say.

    Raises:
        InputError: neither or both of ranking and checkpoint, or one that does not fit.
    """
    if (ranking is None) == (checkpoint is None):
        raise InputError('CorrectedBackbone wants one of ranking=FILE, for new units, and '
                         f'checkpoint=FILE, for trained ones; got {ranking!r} and {checkpoint!r}.')
    network = MODELS.build({**(dict(type=backbone) if isinstance(backbone, str) else backbone),
                            **kwargs})
    corrections = (Corrections.load(checkpoint) if checkpoint is not None else
                   Corrections.new(chosen_filters(ranking, beta, layers), unit))
    network.__class__ = _corrected(type(network))
    network.correct(corrections, trained=checkpoint is not None)
    return network


def units_checkpoint(cfg: Config) -> list[str]:
    """The file of trained units that a config's model has in it; empty for a model without."""
    model = cfg.model
    while 'module' in model:
        model = model.module
    backbone = model.get('backbone', {})
    if type_name(backbone.get('type')) != 'CorrectedBackbone':
        return []
    return [backbone.checkpoint] if backbone.get('checkpoint') else []


@functools.cache
def _corrected(base: type[nn.Module]) -> type[nn.Module]:
    return type(f'Corrected{base.__name__}', (CorrectedMixin, base), {})


def _leave_units_out(network: nn.Module, state: Mapping[str, Tensor], prefix: str, *rest) -> None:
    for key in [key for key in state if key.startswith(f'{prefix}corrections.')]:
        del state[key]


def _leave_units_as_they_are(network: nn.Module, state: Mapping[str, Tensor], prefix: str,
                             *rest) -> None:
    state.update({f'{prefix}corrections.{key}': value
                  for key, value in network.corrections.state_dict().items()})
