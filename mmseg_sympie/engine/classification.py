"""Test classifiers on images: each batch is made once for all classifiers and enhancers."""
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..deepcorrect.backbone import units_checkpoint
from ..enhancer.build import build_enhancer
from ..enhancer.parse import parse_enhancer
from ..enhancer.pretrained import shipped
from ..errors import InputError
from ..evaluation.accuracy import NONE, Tally
from ..io.config import building, load_config
from ..io.files import sha256
from ..pretraining.upstream import MMPretrainClassifier, TorchvisionClassifier, UpstreamModel
from .batches import Batch

Model = Callable[[Tensor], Tensor]
Facts = dict[str, Any]  # What a report says of a model.


def build_classifiers(texts: Sequence[str]) -> dict[str, tuple[UpstreamModel, Facts]]:
    """Classifiers by a short name.

    Args:
        texts: `torchvision:NAME:WEIGHTS`, or a config or zoo name of MMPretrain with or without
            `:WEIGHTS`.
    """
    classifiers: dict[str, tuple[UpstreamModel, Facts]] = {}
    for text in dict.fromkeys(texts):
        units: Sequence[str] = []
        model: UpstreamModel
        weights: str | None
        kind, _, rest = text.partition(':')
        if kind == 'torchvision':
            name, _, weights = rest.partition(':')
            model = TorchvisionClassifier(name, weights)
        else:
            name = Path(kind).stem if kind.endswith('.py') else kind
            with building(f'the classifier {text}'):
                try:
                    model = MMPretrainClassifier(kind, rest or None)
                except ValueError as error:  # MMPretrain's own for a name it does not know
                    raise InputError(f'The classifier {text}: {error}') from error
            weights = rest or None
            if kind.endswith('.py'):
                cfg = load_config(kind)
                weights, units = weights or cfg.load_from, units_checkpoint(cfg)
        facts = dict(classifier=text, weights=weights, sha256=_checksum(weights, model),
                     **{f'sha256 of {path}': sha256(path) for path in units})
        classifiers[text if name in classifiers else name] = model, facts
    return classifiers


def build_enhancers(texts: Sequence[str],
                    iterations: Sequence[int] = (1,)) -> dict[str, tuple[nn.Module, Facts]]:
    """Enhancers by a short name, such as 'sympie x2+MeanMatch'.

    Args:
        texts: each as `parse_enhancer` takes it, or several joined by '+', applied in that order;
            'none' is left out.
        iterations: how often SyMPIE is applied; one enhancer for each number.
    """
    enhancers: dict[str, tuple[nn.Module, Facts]] = {}
    for text in dict.fromkeys(texts):
        parts = [text] if Path(text).is_file() else text.split('+')
        short = text if any(text in name for name in enhancers) else '+'.join(
            Path(part).stem if Path(part).is_file() else part for part in parts)
        for times in iterations if text != NONE else ():
            configs = [_enhancer_config(part, times) for part in parts]
            repeated = any(config['type'] == 'SyMPIE' for config in configs)
            name = f'{short} x{times}' if repeated and times > 1 else short
            if name in enhancers and repeated:
                name = f'{text} x{times}'
            with building(f'the enhancer {text}'):
                modules = [build_enhancer(config) for config in configs]
            module = nn.Sequential(*modules).eval().requires_grad_(False)
            enhancers[name] = module, dict(
                enhancer=configs, sha256=[
                    _checksum(_weights(config), module)
                    for config, module in zip(configs, modules)])
    return enhancers


def _weights(config: Mapping[str, Any]) -> str | Path | None:
    if config['type'] != 'SyMPIE':
        return config.get('checkpoint')
    return config.get('checkpoint') or shipped(config.get('source'))


def _enhancer_config(text: str, iterations: int) -> dict[str, Any]:
    config = parse_enhancer(text)
    return dict(config, iterations=iterations) if config['type'] == 'SyMPIE' else config


def _checksum(weights: str | Path | None, model: nn.Module) -> str | None:
    """Of the file with the weights, or of the weights themselves where no file was named."""
    if weights and Path(weights).is_file():
        return sha256(weights)
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest() if model.state_dict() else None


@torch.inference_mode()
def count(batches: Iterator[Batch], total: int, classifiers: Mapping[str, Model],
          enhancers: Mapping[str, Model], tally: Tally,
          answers: dict[tuple[str, str], list]) -> None:
    """Add all batches to the tally; answers to unlabelled images go to `answers` instead.

    Args:
        batches: the images.
        total: number of batches, for the progress bar.
        classifiers: name -> function of images, RGB on [0, 1], to scores.
        enhancers: name -> function of images to images; without the baseline.
        tally: the counts so far.
        answers: (classifier, enhancer) -> (file, class) of each image without a label.
    """
    for batch in tqdm(batches, total=total, unit='batch', desc='test'):
        baseline: dict[str, Any] = {}
        for enhancer, enhance in {NONE: lambda image: image, **enhancers}.items():
            # As the data preprocessor runs it, also under autocast.
            with torch.autocast(batch.image.device.type, enabled=False):
                image = enhance(batch.image)
            for classifier, logits in classifiers.items():
                answer = batch.answer(logits(image))
                if batch.is_right is None:
                    answers.setdefault((classifier, enhancer), []).extend(
                        zip(batch.files, answer.tolist()))
                    continue
                right = batch.is_right(answer).cpu()
                baseline.setdefault(classifier, right)
                for name, rows in batch.rows.items():
                    rows = torch.ones_like(right) if rows is None else rows
                    if not rows.any():
                        continue
                    tally.add(classifier, enhancer, name, batch.severity,
                              [file for file, row in zip(batch.files, rows.tolist()) if row],
                              right[rows].numpy(), baseline[classifier][rows].numpy())
