"""The endless stream of pretraining images, which goes on exactly where it stopped.

What item n of the stream is depends on the seed and n alone: which source and image, and how it is
cropped. A resumed run therefore starts at its step at once, with any number of workers.
"""
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import DefaultScope
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

from ..datasets.photographs import Photographs
from ..errors import InputError
from ..registry import DATA_SAMPLERS, DATASETS, FUNCTIONS, LOOPS
from ..runtime.distributed import unwrapped
from ..runtime.random_state import seeded
from .upstream import MMSegSegmentor, check_classes

Position = tuple[int, int]  # source, and how many of its images were given out before


@DATASETS.register_module()
class PretrainingStream(Dataset):
    """One or more data sets; the images of source i are for upstream model i.

    Args:
        sources: configs of data sets with items dict(inputs=uint8 (3, h, w) RGB, target=...).
        seed: of the order and of the crops.

    Items: the source's, with `source` beside.
    """

    def __init__(self, sources: Sequence[dict], seed: int = 0):
        with DefaultScope.overwrite_default_scope('mmseg'):
            self.sources = [MMENGINE_DATASETS.build(cfg) for cfg in sources]
        self.seed = seed
        self.orders: dict[int, tuple[int, np.ndarray]] = {}  # source -> epoch and its order

    def __len__(self) -> int:
        return sum(len(source) for source in self.sources)

    def __getitem__(self, position: Position) -> dict:
        source, count = position
        epoch, offset = divmod(count, len(self.sources[source]))
        index = self._order(source, epoch)[offset]
        seeds = np.random.SeedSequence((self.seed, source, count)).generate_state(3).tolist()
        with seeded(seeds):
            return dict(self.sources[source][int(index)], source=source)

    def _order(self, source: int, epoch: int) -> np.ndarray:
        """The order of a pass; kept, because of a million images it takes longer than an image."""
        if source not in self.orders or self.orders[source][0] != epoch:
            generator = np.random.default_rng((self.seed, source, epoch))
            self.orders[source] = epoch, generator.permutation(len(self.sources[source]))
        return self.orders[source][1]


@DATASETS.register_module()
class SegmentationCrops(Dataset):
    """Images and label maps of a data set of MMSegmentation, whose pipeline crops and packs them.

    Items: inputs uint8 (3, h, w) RGB, target int64 (h, w), 255 where nothing is labelled.
    """

    def __init__(self, dataset: dict):
        with DefaultScope.overwrite_default_scope('mmseg'):
            self.dataset = MMENGINE_DATASETS.build(dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        item = self.dataset[index]
        return dict(inputs=item['inputs'].flip(0),  # MMCV loads BGR.
                    target=item['data_samples'].gt_sem_seg.data[0].long())


@DATA_SAMPLERS.register_module(name=['RoundRobinSampler', 'TurnSampler'])
class RoundRobinSampler(Sampler):
    """Positions in a `PretrainingStream` for this process, from `first_step` on, without end.

    Args:
        dataset: the stream.
        batch_size: of one process.
        turns: the source of each item, repeated; (0, 0, 1) takes two images of the first for each
            of the second. Mixed batches, because batch norm has to see in each batch what it will
            average over.
        seed: not used; MMEngine gives one to every sampler. The stream has its own.
    """

    def __init__(self, dataset: PretrainingStream, batch_size: int, turns: Sequence[int] = (0,),
                 seed: int = 0):
        if not turns or not all(0 <= turn < len(dataset.sources) for turn in turns):
            raise InputError(f'turns={list(turns)} name the sources 0 to '
                             f'{len(dataset.sources) - 1}.')
        self.batch_size, self.turns, self.first_step = batch_size, list(turns), 0
        self.num_images = len(dataset)
        self.rank, self.world_size = get_dist_info()

    def __len__(self) -> int:
        """Images of one pass over all sources; the stream itself has no end."""
        return max(1, self.num_images // self.world_size)

    def __iter__(self) -> Iterator[Position]:
        for step in itertools.count(self.first_step):
            start = (step * self.world_size + self.rank) * self.batch_size
            for item in range(start, start + self.batch_size):
                rounds, turn = divmod(item, len(self.turns))
                source = self.turns[turn]
                yield source, rounds * self.turns.count(source) + self.turns[:turn].count(source)


@FUNCTIONS.register_module()
def stack_images(items: Sequence[dict]) -> dict:
    """A batch: inputs (B, 3, h, w), source (B,), and the targets of each source together."""
    sizes = {tuple(item['inputs'].shape) for item in items}
    if len(sizes) > 1:
        raise InputError(f'The sources give images of different sizes, {sorted(sizes)}: crop all '
                         'to one.')
    source = [item['source'] for item in items]
    target = {index: torch.stack([torch.as_tensor(item['target']) for item in items
                                  if item['source'] == index]) for index in sorted(set(source))}
    return dict(inputs=torch.stack([item['inputs'] for item in items]),
                source=torch.tensor(source), target=target)


@LOOPS.register_module()
class PretrainLoop(IterBasedTrainLoop):
    """MMEngine's loop over steps, which on resuming starts the stream at its step.

    MMEngine's own loads everything once more from the beginning to get there.

    Raises:
        InputError: in the constructor, for settings that contradict each other and for labels that
            are not the classifier's.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.dataloader_iterator = None  # MMEngine's has started to load from the beginning.
        check_settings(self.runner, self.dataloader)

    def run(self) -> nn.Module:
        """Train to the last step, with validation in between."""
        runner = self.runner
        runner.call_hook('before_train')
        runner.call_hook('before_train_epoch')
        self.dataloader.sampler.first_step = self._iter
        batches = iter(self.dataloader)
        while self._iter < self._max_iters and not self.stop_training:
            runner.model.train()
            self.run_iter(next(batches))
            self._decide_current_val_interval()
            if runner.val_loop is not None and self._iter >= self.val_begin and (
                    self._iter % self.val_interval == 0 or self._iter == self._max_iters):
                runner.val_loop.run()
        runner.call_hook('after_train_epoch')
        runner.call_hook('after_train')
        return runner.model


def check_settings(runner: Runner, dataloader: DataLoader) -> None:
    """Raise InputError for what would go wrong later, or be wrong without a word."""
    model: Any = unwrapped(runner.model)
    sampler: Any = dataloader.sampler
    stream: Any = dataloader.dataset
    if sampler.batch_size != dataloader.batch_size:
        raise InputError(f'train_dataloader.batch_size is {dataloader.batch_size} and its '
                         f"sampler's {sampler.batch_size}: set both to the same.")
    if set(sampler.turns) != set(range(len(model.upstream))):
        raise InputError(f'turns={sampler.turns} for {len(model.upstream)} upstream models: wanted '
                         'each source that has a model, and no other.')
    processes = runner.cfg.get('num_gpus', runner.world_size)
    if processes != runner.world_size:
        raise InputError(f'num_gpus = {processes} in the config and {runner.world_size} processes: '
                         'set num_gpus in the config to the number of processes, as the batch size '
                         'of each follows from it.')
    accumulated = runner.cfg.optim_wrapper.get('accumulative_counts', 1)
    interval = runner.cfg.default_hooks.checkpoint.interval
    if interval % accumulated:
        raise InputError(f'A checkpoint every {interval} steps falls between the {accumulated} '
                         'steps of an update, whose gradients it would lose: choose a multiple.')
    if runner.cfg.get('val_dataloader') and isinstance(model.upstream[0], MMSegSegmentor):
        raise InputError('The first upstream model is a segmentor, and validation counts right '
                         'classes: put a classifier first, or set val_dataloader, val_cfg and '
                         'val_evaluator to None.')
    for source, upstream in zip(stream.sources, model.upstream):
        if isinstance(source, Photographs) and not model.own_targets:
            check_classes(source, upstream, type(upstream).__name__)
            if source.num_classes == 0:
                raise InputError(f'{source.root} has no labels: set own_targets=True.')
