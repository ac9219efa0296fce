"""Training on images of which a share is distorted: correction units alone, or all weights."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ..corruptions import corrupt, draw
from ..corruptions.pools import ALL
from ..errors import InputError
from ..io.files import written_whole
from ..pretraining.upstream import UpstreamModel
from ..registry import HOOKS, MODELS
from ..runtime.distributed import unwrapped
from ..runtime.frozen import Frozen
from .corrections import Corrections
from .ranking import chosen_filters


@MODELS.register_module()
class DistortionTrainer(BaseModel):
    """Teach a trained model to bear distortions, by its own loss on clean and distorted images.

    With `corrections`, the model stays frozen and in evaluation mode, and correction units in it
    are all that is trained and saved (DeepCorrect); without, all its weights are (fine-tuning).
    For the images of one source of a `PretrainingStream`.

    Args:
        upstream: config of the model (`pretraining/upstream.py`).
        corrections: `ranking`, `beta` and `layers` as for `CorrectedBackbone`, and `unit`.
        corruptions: their names, equally likely.
        severities: equally likely, 1 to 5.
        distorted_share: of each batch.
        l1: weight of the sum of the absolute weights of all trained convolutions.
        autocast: 'bfloat16' runs the model in it, on a CPU too.
        seed: of the corruptions; they depend on seed, step and process alone, so that a resumed run
            goes on exactly.
    """

    own_targets = False

    def __init__(self, upstream: dict, corruptions: Sequence[str],
                 corrections: dict | None = None, severities: Sequence[int] = (1, 2, 3, 4, 5),
                 distorted_share: float = 0.5, l1: float = 0.0, autocast: str | None = None,
                 seed: int = 0, data_preprocessor: dict | None = None):
        super().__init__(data_preprocessor)
        unknown = sorted(set(corruptions) - set(ALL))
        if unknown or not corruptions:
            raise InputError(f'Unknown corruptions {unknown}; wanted some of {", ".join(ALL)}.')
        if not set(severities) or not set(severities) <= {1, 2, 3, 4, 5}:
            raise InputError(f'severities are of 1 to 5, at least one, got {list(severities)}.')
        if not 0 <= distorted_share <= 1:
            raise InputError(f'distorted_share is from 0 to 1, got {distorted_share}.')
        if autocast not in (None, 'bfloat16'):
            raise InputError(f"autocast is 'bfloat16' or None, got {autocast!r}.")
        self.pool = {name: ALL[name] for name in corruptions}
        self.severities, self.distorted_share = list(severities), distorted_share
        self.l1, self.seed = l1, seed
        self.autocast = autocast and getattr(torch, autocast)
        self.frozen = Frozen(MODELS.build(upstream))
        model = self.frozen.module.model
        # What is trained is a module of this one's too, and so in the checkpoint.
        if corrections is None:
            self.trained = model.requires_grad_(True)
        else:
            self.trained = _new_units(model, **corrections)
        for module in (model, self.trained):
            module.to(memory_format=torch.channels_last)
        self.register_buffer('step', torch.zeros((), dtype=torch.long))

    @property
    def upstream(self) -> tuple[UpstreamModel]:
        """The model, in the form in which a `Pretrainer` has its models."""
        return (self.frozen.module,)

    def init_weights(self) -> None:
        """Nothing: weights are set in the constructor."""

    def forward(self, inputs: Tensor, source: Tensor, target: dict[int, Tensor],
                mode: str = 'loss') -> dict[str, Tensor]:
        """Losses of a batch of `stack_images`."""
        if mode != 'loss':
            raise InputError('DistortionTrainer is for training; test the model it trained.')
        image = inputs.float().contiguous(memory_format=torch.channels_last) / 255
        image = self.distort(image)
        upstream = self.frozen.on(image.device)
        with torch.autocast(image.device.type, self.autocast or torch.bfloat16,
                            enabled=self.autocast is not None):
            losses = dict(loss_task=upstream.loss(image, target[0]))
        if self.l1:
            losses['loss_l1'] = self.l1 * sum(
                module.weight.abs().sum() for module in self.trained.modules()
                if isinstance(module, nn.Conv2d))
        self._check(losses['loss_task'].detach())
        self.step += 1
        return losses

    def _check(self, loss: Tensor) -> None:
        buffers = dict(self.trained.named_buffers())
        finite = [value.isfinite().all() for value in (loss, *buffers.values())]
        if not torch.stack(finite).all():  # asks a GPU once
            broken = [name for name, value in buffers.items() if not value.isfinite().all()]
            raise InputError(
                f'In step {int(self.step) + 1} the loss is {loss.item()}'
                + (f' and {broken[0]} holds NaN or infinity' if broken else '')
                + '. Go on from the last checkpoint (--resume) in float32 (model.autocast=None), '
                'with a lower optim_wrapper.optimizer.lr or with clipped gradients '
                '(optim_wrapper.clip_grad).')

    def distort(self, image: Tensor) -> Tensor:
        """Images (B, 3, H, W), RGB on [0, 1], with the first ones of the batch distorted."""
        seed = (self.seed * 1_000_003 + int(self.step)) * 4099 + get_rank()
        drawn = draw(len(image), self.pool, torch.Generator().manual_seed(seed), self.severities)
        drawn.severity[round(self.distorted_share * len(image)):] = 0
        return corrupt(image, drawn, self.pool,
                       torch.Generator(image.device).manual_seed(seed))


def _new_units(model: nn.Module, ranking: str, beta: float = 0.5,
               layers: Sequence[str] | None = None, unit: dict | None = None) -> Corrections:
    units = Corrections.new(chosen_filters(ranking, beta, layers), unit or {})
    units.attach(getattr(model, 'backbone', model))
    return units


@HOOKS.register_module()
class ExportTrained(Hook):
    """At the end, `trained.pth`: correction units, or all weights; and how many were trained."""

    def before_train(self, runner: Runner) -> None:
        """Log the number of trained parameters."""
        number = sum(parameter.numel() for parameter in _trained(runner).parameters())
        runner.logger.info(f'{number:,} trained parameters')

    def after_train(self, runner: Runner) -> None:
        """Write the file."""
        if runner.rank == 0:
            path = Path(runner.work_dir) / 'trained.pth'
            # Given a path, torch.save writes its name into the file, and so into its checksum.
            with written_whole(path) as partial, partial.open('wb') as file:
                torch.save(_trained(runner).state_dict(), file)


def _trained(runner: Runner) -> nn.Module:
    model: Any = unwrapped(runner.model)
    return model.trained
