"""Time of a pretraining step, and how much of it the networks take."""
import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torchvision
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from ..evaluation.report import terminal
from ..io.config import load_config, type_name
from ..io.files import check_writable
from ..pretraining import Pretrainer
from ..pretraining.upstream import MMSegSegmentor
from ..registry import MODELS
from ..runtime.malloc import tune_malloc
from .timing import interleaved, machine, summary, write_table

SIDE_PX = 224


def benchmark_pretraining(args: argparse.Namespace) -> None:
    """Write and print the table; for the arguments see tools/benchmark.py."""
    check_writable(args.out)
    if args.device == 'cpu':
        tune_malloc()  # as tools/train.py
    cfg = load_config(args.config)
    batch_size = args.batch_size or cfg.train_dataloader.batch_size
    with tempfile.TemporaryDirectory() as folder, DefaultScope.overwrite_default_scope('mmseg'):
        if args.random_weights:
            _invent_weights(cfg.model.upstream, Path(folder))
        model = MODELS.build(cfg.model).to(args.device)
    timed = calls(model, cfg, batch_size)
    milliseconds = {part: summary(times)['median'] for part, times in
                    interleaved(timed, args.repeats, args.device).items()}
    step = milliseconds['step']
    milliseconds['warps, losses, update'] = step - sum(
        milliseconds[part] for part in ('corruptions', 'networks'))
    title = (f'{args.config}, batch {batch_size}, random images of {SIDE_PX}x{SIDE_PX}, without '
             f'loading, {machine(args.device, torch.get_num_threads())}: '
             f'{1000 * batch_size / step:.1f} images/s')
    rows = [['', 'ms', '%'], *([part, f'{ms:.1f}', f'{100 * ms / step:.1f}']
                               for part, ms in milliseconds.items())]
    write_table(args.out / 'pretraining', title, [rows],
                dict(milliseconds=milliseconds, batch_size=batch_size))
    print(terminal(rows, title, summary_rows=len(milliseconds)))


def calls(model: Pretrainer, cfg: Config, batch_size: int) -> dict[str, Callable]:
    """A step, its corruptions alone, and what it asks of the networks alone, on random images."""
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    if model.batch_norm_steps is not None:
        model.step += model.batch_norm_steps  # Most steps are after them.
    turns = cfg.train_dataloader.sampler.get('turns', [0])
    source = torch.tensor([turns[item % len(turns)] for item in range(batch_size)])
    shape = (3, SIDE_PX, SIDE_PX)
    target = {index: torch.zeros(int((source == index).sum()), *(
        shape[1:] if isinstance(upstream, MMSegSegmentor) else ()), dtype=torch.long)
        for index, upstream in enumerate(model.upstream)}
    data = dict(inputs=torch.randint(256, (batch_size, *shape), dtype=torch.uint8),
                source=source, target=target)
    seen = model.data_preprocessor(data)
    image = (seen['inputs'].float() / 255).contiguous(memory_format=torch.channels_last)

    def networks() -> None:
        with torch.no_grad(), model.precision(image, optim_wrapper):
            model.average.get_submodule('nem')(image)
        for _ in range(2):  # losses
            leaf = image.clone().requires_grad_()
            with model.precision(image, optim_wrapper):
                vector = model.student.get_submodule('nem')(image)
                loss = sum(upstream.loss(leaf[rows], wanted)
                           for upstream, rows, wanted in model.parts(image, seen))
            (vector.sum() + loss).backward()
        optim_wrapper.zero_grad()

    return dict(step=lambda: model.train_step(data, optim_wrapper),
                corruptions=lambda: model.corrupt(image), networks=networks)


def _invent_weights(upstream: Sequence[dict], folder: Path) -> None:
    """Random ones for torchvision's classifiers, which take as long as theirs."""
    for index, cfg in enumerate(upstream):
        if type_name(cfg['type']) == 'TorchvisionClassifier':
            path = folder / f'{index}.pth'
            torch.save(torchvision.models.get_model(cfg['name']).state_dict(), path)
            cfg['weights'] = str(path)
