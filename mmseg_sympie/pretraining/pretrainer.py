"""Algorithm 1 of SyMPIE: train an enhancer through frozen models, without pairs of images."""
import copy
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import get_state_dict
from torch import Tensor, nn

from ..corruptions import POOL, Draw, corrupt, draw
from ..corruptions.pools import ALL
from ..enhancer.adjustment import Adjustment
from ..enhancer.build import build_enhancer
from ..enhancer.nem import NEM
from ..enhancer.pretrained import MINIMA
from ..errors import InputError
from ..normalization import IMAGENET_RGB
from ..registry import MODELS
from ..runtime.distributed import unwrapped
from ..runtime.frozen import Frozen
from .gradients import SeparateGradients, update_average
from .matching import match_each
from .upstream import UpstreamModel, build_upstream


@MODELS.register_module()
class Pretrainer(BaseModel):
    """A student enhancer, its averaged copy, and frozen upstream models.

    For corrupted images X with targets Y, student U and averaged copy U_EMA:
    `l1 = CE(M(U(X)), Y)` and `l2 = CE(M(U(U_EMA(X))), Y)`; minimised is `l1 + 0.5 l2`, and then
    `theta_EMA <- 0.9 theta_EMA + 0.1 theta`, batch-norm statistics included. The second loss keeps
    images good that are corrected already.

    Args:
        upstream: configs of frozen models (`upstream.py`); model i is for the images of source i of
            the `PretrainingStream`, and the losses are averaged over the images. A config may name
            the model's `source` domain: its images are then matched to that, and what is learned
            is a correction of the match.
        enhancer: arguments of `SyMPIE`, such as `min_mean_255`; by default trained from the
            identity transform, or from its `checkpoint`.
        corruptions: their names, each as likely as its number of mentions; by default the paper's
            pool of 23.
        severities: equally likely; 0 leaves an image clean.
        second_loss_weight, averaging_rate: 0.5 and 0.9 in the paper.
        max_gradient_norm: of each loss, for each parameter tensor by itself (not in the paper, in
            the published code).
        own_targets: targets are what the upstream model predicts for the clean image
            (pseudo-labels), not labels.
        batch_norm_steps: after so many steps, batch norm keeps its running statistics. With small
            batches of mixed corruptions those of a batch are noise, which made the student's loss
            higher than its averaged copy's. None: never, as published.
        autocast: 'bfloat16' runs the networks in it, on a CPU too; the warp stays in float32. For
            float16 use MMEngine's `AmpOptimWrapper` instead.
        compile: `torch.compile` for the enhancer's network and upstream classifiers.
        seed: of the corruptions; they depend on seed, step and process alone, so that a resumed run
            goes on exactly.
    """

    student: Any  # a SyMPIE, in several processes in a wrapper
    average: Any  # a SyMPIE

    def __init__(self, upstream: Sequence[dict], enhancer: dict | None = None,
                 corruptions: Sequence[str] | None = None,
                 severities: Sequence[int] = (0, 1, 2, 3, 4, 5), second_loss_weight: float = 0.5,
                 averaging_rate: float = 0.9, max_gradient_norm: float = 1.0,
                 own_targets: bool = False, batch_norm_steps: int | None = None,
                 autocast: str | None = None, compile: bool = False, seed: int = 0,
                 data_preprocessor: dict | None = None):
        super().__init__(data_preprocessor)
        unknown = sorted(set(corruptions or ()) - set(ALL))
        if unknown:
            raise InputError(f'Unknown corruption {unknown[0]!r}; known are {", ".join(ALL)}.')
        if autocast not in (None, 'bfloat16'):
            raise InputError(f"autocast is 'bfloat16' or None, got {autocast!r}.")
        if not set(severities) or not set(severities) <= {0, 1, 2, 3, 4, 5}:
            raise InputError(f'severities are of 0 to 5, at least one, got {list(severities)}.')
        if not upstream:
            raise InputError('Pretrainer needs at least one upstream model, got none.')
        self.corruptions = list(corruptions or POOL)
        self.severities = list(severities)
        self.second_loss_weight = second_loss_weight
        self.averaging_rate = averaging_rate
        self.own_targets = own_targets
        self.batch_norm_steps = batch_norm_steps
        self.autocast = getattr(torch, autocast) if autocast else None
        self.seed = seed
        self.student = build_enhancer(dict(dict(checkpoint=NEM().state_dict()), **(enhancer or {})))
        self.student.nem.to(memory_format=torch.channels_last)
        self.frozen = [Frozen(build_upstream(cfg)) for cfg in upstream]
        if any(model.source is not None for model in self.upstream):
            for name in MINIMA:
                if name in (enhancer or {}):
                    raise InputError(f'An upstream model has a source, whose match takes the place '
                                     f'of {name}: leave one of them out.')
            # Weights to start from may have been trained with minima too.
            for name in MINIMA:
                setattr(self.student, name, None)
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        if compile:
            for module in (self.student.nem, self.average.nem,
                           *(upstream_model.model for upstream_model in self.upstream)):
                module.compile()
        self.register_buffer('step', torch.zeros((), dtype=torch.long))
        self.gradients = SeparateGradients(2, max_gradient_norm)
        self.train()

    @property
    def upstream(self) -> tuple[UpstreamModel, ...]:
        """The frozen models, in the order of the sources."""
        return tuple(frozen.module for frozen in self.frozen)

    def init_weights(self) -> None:
        """Nothing: weights are set in the constructor."""

    def state_dict(self, *args, **kwargs) -> dict[str, Tensor]:
        """As MMEngine loads it: without the names of the student's wrapper in several processes."""
        return get_state_dict(self, *args, **kwargs)

    def train(self, mode: bool = True) -> 'Pretrainer':
        """Switch the student; the averaged copy stays in evaluation mode."""
        super().train(mode)
        self.average.train(False)
        return self

    def forward(self, *args, **kwargs):
        """Not used.

        Raises:
            InputError: always.
        """
        raise InputError('Pretrainer trains by train_step alone. For several processes set '
                         "model_wrapper_cfg=dict(type='MMSeparateDistributedDataParallel').")

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One step of Algorithm 1 on a batch of `PretrainingStream`; logs both losses."""
        data = self.data_preprocessor(data, training=True)
        dtype = next(self.student.parameters()).dtype
        clean = data['inputs'].to(dtype).contiguous(memory_format=torch.channels_last) / 255
        image = self.corrupt(clean)
        if self.batch_norm_steps is not None and self.step >= self.batch_norm_steps:
            for module in self.student.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        with self.precision(clean, optim_wrapper):
            parts = self.parts(clean, data)
            with torch.no_grad():
                corrected = self.average(image, self.matches(image, data['source']))
        losses = []
        for index, (weight, seen) in enumerate(((1.0, image),
                                                (self.second_loss_weight, corrected))):
            with self.precision(clean, optim_wrapper):
                enhanced = self.student(seen, self.matches(seen, data['source']))
                loss = torch.stack([len(rows) / len(clean) * upstream.loss(enhanced[rows], target)
                                    for upstream, rows, target in parts]).sum()
            self.gradients.backward(index, weight * loss, self.student.parameters(), optim_wrapper)
            losses.append(loss.detach())
        self.step += 1
        if optim_wrapper.should_update():
            self.gradients.clip_and_add(self.student.parameters(), optim_wrapper)
            optim_wrapper.step()
            optim_wrapper.zero_grad()
            update_average(self.average, unwrapped(self.student), self.averaging_rate)
        return dict(loss_1=losses[0], loss_2=losses[1],
                    loss=losses[0] + self.second_loss_weight * losses[1])

    def parts(self, clean: Tensor, data: dict) -> list[tuple[UpstreamModel, Tensor, Tensor]]:
        """For each upstream model: its rows of the batch and their targets."""
        parts = []
        for index, frozen in enumerate(self.frozen):
            rows = (data['source'] == index).nonzero().flatten()
            if len(rows):
                upstream = frozen.on(clean.device)
                target = (upstream.own_target(clean[rows]) if self.own_targets else
                          data['target'][index])
                parts.append((upstream, rows, target))
        return parts

    def matches(self, image: Tensor, source: Tensor) -> Adjustment | None:
        """The match of each image to what its upstream model was trained on; see `match_each`."""
        return match_each(image, source, [upstream.source for upstream in self.upstream],
                          self.average.strength)

    def corrupt(self, image: Tensor) -> Tensor:
        """One corruption of the pool for each image (B, 3, H, W), RGB on [0, 1]."""
        seed = (self.seed * 1_000_003 + int(self.step)) * 4099 + get_rank()
        return self._corrupt(image, seed, self.severities)[0]

    def _corrupt(self, image: Tensor, seed: int, severities: Sequence[int]) -> tuple[Tensor, Draw]:
        pool = {name: ALL[name] for name in self.corruptions}
        weights = [self.corruptions.count(name) for name in pool]
        drawn = draw(len(image), pool, torch.Generator().manual_seed(seed), severities, weights)
        return corrupt(image, drawn, pool, torch.Generator(image.device).manual_seed(seed)), drawn

    @torch.no_grad()
    def val_step(self, data: dict) -> list[dict]:
        """Predictions of the first upstream model for held-out images, for `HeldOutAccuracy`.

        Corruptions are drawn by the files' names: the same ones in every validation. Images without
        a label (target -1) are correct where the prediction is that for the clean image.
        """
        files = data.pop('file')
        data = self.data_preprocessor(data, training=False)
        clean = data['inputs'].float() / 255
        upstream = self.frozen[0].on(clean.device)
        severities = [severity for severity in self.severities if severity] or [0]
        corrupted, drawn = self._corrupt(clean, zlib.crc32(''.join(files).encode()), severities)
        target, found = data['target'], {}
        source = torch.zeros(len(clean), dtype=torch.long)
        for condition, image in (('clean', clean), ('corrupted', corrupted)):
            enhanced = self.average(image, self.matches(image, source))
            for variant, seen in (('none', image), ('enhanced', enhanced)):
                found[f'{condition}/{variant}'] = upstream.logits(seen).argmax(dim=1)
        target = torch.where(target < 0, found['clean/none'], target)
        seen, _ = self.average.network_input(IMAGENET_RGB.standardise(corrupted),
                                             self.matches(corrupted, source))
        vectors = self.average.nem(seen).float().cpu()
        correct = {name: (classes == target).tolist() for name, classes in found.items()}
        return [dict(corruption=drawn.names[i], parameters=vectors[i].numpy(),
                     correct={name: hits[i] for name, hits in correct.items()})
                for i in range(len(clean))]

    @contextmanager
    def precision(self, image: Tensor, optim_wrapper: OptimWrapper) -> Iterator[None]:
        """What the networks run in on the image's device."""
        # Given the student, it would leave out averaging over processes while accumulating.
        with optim_wrapper.optim_context(self):
            if self.autocast is None:
                yield
            else:
                with torch.autocast(image.device.type, self.autocast):
                    yield
