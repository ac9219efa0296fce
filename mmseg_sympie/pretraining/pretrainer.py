"""Algorithm 1 of SyMPIE: train an enhancer through frozen models, without clean twins of images."""
import copy
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmengine.dist import get_rank
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from ..corruptions import POOL, Draw, corrupt, draw
from ..corruptions.pools import ALL
from ..data_preprocessor import build_enhancer
from ..enhancer.colour_map import ColourMap
from ..enhancer.image_statistics import ImageStatistics, load_source, pixel_grid
from ..enhancer.nem import NEM
from ..enhancer.pretrained import MINIMA
from ..enhancer.source_match import source_match
from ..errors import InputError
from ..normalization import IMAGENET_RGB
from ..registry import MODELS
from ..runtime.distributed import unwrapped
from .upstream import FrozenModel


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
        own_targets: learn what the upstream model says of the clean image rather than labels.
        batch_norm_steps: after so many steps, batch norm keeps its running statistics. With small
            batches of mixed corruptions those of a batch are noise, which made the student's loss
            higher than its averaged copy's. None: never, as published.
        autocast: 'bfloat16' runs the networks in it, on a CPU too; the warp stays in float32. For
            float16 use MMEngine's `AmpOptimWrapper` instead.
        compile: `torch.compile` for the enhancer's network and upstream classifiers.
        seed: of the corruptions; they depend on seed, step and process alone, so that a resumed run
            goes on exactly.
    """

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
        self.max_gradient_norm = max_gradient_norm
        self.own_targets = own_targets
        self.batch_norm_steps = batch_norm_steps
        self.autocast = autocast and getattr(torch, autocast)
        self.seed = seed
        self.student = build_enhancer(dict(dict(checkpoint=NEM().state_dict()), **(enhancer or {})))
        self.student.nem.to(memory_format=torch.channels_last)
        # In a tuple, PyTorch does not see them: they are in no checkpoint and are not initialised.
        self.upstream = tuple(_build_upstream(dict(cfg)) for cfg in upstream)
        if any(frozen.source is not None for frozen in self.upstream):
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
                           *(frozen.model for frozen in self.upstream)):
                module.compile()
        # Steps and gradients of both losses so far, for gradient accumulation and for the draws.
        self.register_buffer('step', torch.zeros((), dtype=torch.long))
        self.gradients = ([], [])
        self._register_state_dict_hook(_name_student_without_wrapper)
        self.train()

    def init_weights(self) -> None:
        """Nothing: weights are set in the constructor."""

    def train(self, mode: bool = True) -> 'Pretrainer':
        super().train(mode)
        self.average.train(False)
        return self

    def forward(self, *args, **kwargs):
        raise InputError('Pretrainer trains by train_step alone. For several processes set '
                         "model_wrapper_cfg=dict(type='MMSeparateDistributedDataParallel').")

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One turn of Algorithm 1 on a batch of `PretrainingStream`; logs both losses."""
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
                corrected = self.average(image, self.first_maps(image, data['source']))
        losses = []
        for index, (weight, seen) in enumerate(((1.0, image),
                                                (self.second_loss_weight, corrected))):
            with self.precision(clean, optim_wrapper):
                enhanced = self.student(seen, self.first_maps(seen, data['source']))
                loss = sum(len(rows) / len(clean) * upstream.loss(enhanced[rows], target)
                           for upstream, rows, target in parts)
            self._add_gradient(index, weight * loss, optim_wrapper)
            losses.append(loss.detach())
        self.step += 1
        if optim_wrapper.should_update():
            self._update(optim_wrapper)
        return dict(loss_1=losses[0], loss_2=losses[1],
                    loss=losses[0] + self.second_loss_weight * losses[1])

    def parts(self, clean: Tensor, data: dict) -> list[tuple[FrozenModel, Tensor, Tensor]]:
        """For each upstream model: its rows of the batch and their targets."""
        parts = []
        for index, upstream in enumerate(self.upstream):
            rows = (data['source'] == index).nonzero().flatten()
            if len(rows):
                upstream = upstream.to(clean.device)
                target = (upstream.own_target(clean[rows]) if self.own_targets else
                          data['target'][index])
                parts.append((upstream, rows, target))
        return parts

    @torch.no_grad()
    def first_maps(self, image: Tensor, source: Tensor) -> ColourMap | None:
        """For images (B, 3, H, W), RGB on [0, 1], the match to the source domain of the upstream
        model that each goes to; where that has none, the identity. None if no model has one.
        """
        if all(upstream.source is None for upstream in self.upstream):
            return None
        statistics = ImageStatistics.of(pixel_grid(255 * image))
        ones = torch.ones(len(image), 3, device=image.device)
        identity = ColourMap.gain(ones, torch.zeros_like(ones))
        maps = [identity if upstream.source is None else
                source_match(statistics, upstream.source, self.average.strength)
                for upstream in self.upstream]
        rows = torch.arange(len(image), device=image.device)
        return ColourMap(*(torch.stack(parts)[source.to(rows), rows] for parts in zip(*maps)))

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
        """What the first upstream model makes of each held-out image, for `HeldOutAccuracy`.

        Corruptions are drawn by the files' names: the same ones in every validation. Images without
        a label (target -1) count as right where the model says what it says of the clean image.
        """
        files = data.pop('file')
        data = self.data_preprocessor(data, training=False)
        clean = data['inputs'].float() / 255
        upstream = self.upstream[0].to(clean.device)
        severities = [severity for severity in self.severities if severity] or [0]
        corrupted, drawn = self._corrupt(clean, zlib.crc32(''.join(files).encode()), severities)
        target, found = data['target'], {}
        source = torch.zeros(len(clean), dtype=torch.long)
        for condition, image in (('clean', clean), ('corrupted', corrupted)):
            enhanced = self.average(image, self.first_maps(image, source))
            for variant, seen in (('none', image), ('enhanced', enhanced)):
                found[f'{condition}/{variant}'] = upstream.logits(seen).argmax(dim=1)
        target = torch.where(target < 0, found['clean/none'], target)
        seen, _ = self.average.network_input(IMAGENET_RGB.standardise(corrupted),
                                             self.first_maps(corrupted, source))
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

    def _add_gradient(self, index: int, loss: Tensor, optim_wrapper: OptimWrapper) -> None:
        """Backward of one loss; its gradient is kept apart, to be clipped by itself."""
        last = index == len(self.gradients) - 1
        loss = optim_wrapper.scale_loss(loss)
        scaler = getattr(optim_wrapper, 'loss_scaler', None)
        if last:
            optim_wrapper.backward(loss)  # counts the steps of gradient accumulation
        else:
            (loss if scaler is None else scaler.scale(loss)).backward()
        new = [parameter.grad for parameter in self.student.parameters()]
        kept = self.gradients[index]
        self.gradients[index][:] = [torch.add(old, gradient) for old, gradient in zip(kept, new)
                                    ] if kept else new
        for parameter in self.student.parameters():
            parameter.grad = None

    def _update(self, optim_wrapper: OptimWrapper) -> None:
        """Clip, add, step, average."""
        scaler = getattr(optim_wrapper, 'loss_scaler', None)
        limit = self.max_gradient_norm * (1.0 if scaler is None else scaler.get_scale())
        for parameter, *both in zip(self.student.parameters(), *self.gradients):
            parameter.grad = sum(clip_to_norm(gradient, limit) for gradient in both)
        for kept in self.gradients:
            kept.clear()
        optim_wrapper.step()
        optim_wrapper.zero_grad()
        update_average(self.average, unwrapped(self.student), self.averaging_rate)


def _build_upstream(cfg: dict) -> FrozenModel:
    source = cfg.pop('source', None)
    model = MODELS.build(cfg).optimize_for_inference().to(memory_format=torch.channels_last)
    model.source = None if source is None else load_source(source)
    return model


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


def _name_student_without_wrapper(module: nn.Module, state: dict[str, Tensor], prefix: str,
                                  *metadata) -> None:
    """Same names from one process and several: MMEngine loads by these, and saves by others."""
    wrapped = f'{prefix}student.module.'
    for key in [key for key in state if key.startswith(wrapped)]:
        state[f'{prefix}student.{key[len(wrapped):]}'] = state.pop(key)
