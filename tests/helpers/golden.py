"""Closed-form weights and images: the inputs behind the golden vectors in tests/data.

The vectors are outputs of the published SyMPIE implementation on exactly these arrays.
"""
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmseg_sympie.normalization import IMAGENET_RGB

DATA = Path(__file__).parents[1] / 'data'


def wave(shape: Sequence[int], k: int, amplitude: float) -> np.ndarray:
    index = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = amplitude * np.sin(0.7310585 * index + 1.6180339 * k)
    return values.astype(np.float32).reshape(shape)


def published_weights(keys_file: str) -> dict[str, Tensor]:
    """A state dict with the names and shapes of a published file."""
    shapes = json.loads((DATA / keys_file).read_text())
    return {name: torch.from_numpy(np.asarray(_entry(name, shape, k)))
            for k, (name, shape) in enumerate(shapes.items())}


def _entry(name: str, shape: Sequence[int], k: int) -> np.ndarray:
    if name.endswith('num_batches_tracked'):
        return np.zeros(shape, np.int64)
    if len(shape) == 4:
        return wave(shape, k, float(np.sqrt(3.0 / np.prod(shape[1:]))))
    if len(shape) == 2:
        return wave(shape, k, 0.02)
    if name.endswith('running_var'):
        return (1.0 + np.abs(wave(shape, k, 0.5))).astype(np.float32)
    if name.endswith('running_mean'):
        return wave(shape, k, 0.1)
    if name.endswith('.weight'):
        return (1.0 + wave(shape, k, 0.1)).astype(np.float32)
    return wave(shape, k, 0.05)


def identity_vector() -> np.ndarray:
    vector = np.zeros(37, np.float32)
    vector[[0, 4, 8, 24]] = 1.0
    return vector


def published_enhancer() -> dict[str, Tensor]:
    weights = published_weights('enhancer_keys.json')
    weights['out.bias'] += torch.from_numpy(identity_vector())
    return weights


def published_segmentor() -> dict:
    """The golden file's names and shapes with 3-4-6-3 blocks: later ones take their own output."""
    state = published_weights('deeplabv2_keys.json')
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        first = {key: value for key, value in state.items() if key.startswith(f'layer{stage}.0.')}
        for block in range(1, blocks):
            for key, value in first.items():
                if 'downsample' in key:
                    continue
                if key.endswith('conv1.weight'):
                    value = torch.zeros(value.shape[0], 4 * value.shape[0], 1, 1)
                state[key.replace(f'layer{stage}.0.', f'layer{stage}.{block}.')] = value
    return state


def image_255(height: int, width: int, phase: float = 0.0) -> Tensor:
    """A smooth RGB image (3, height, width), uint8."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    c = np.arange(3).reshape(3, 1, 1)
    values = 127.5 + 80 * np.sin(x / 17 + c + phase) + 47 * np.cos(y / 11 - 2 * c + phase)
    return torch.from_numpy(np.clip(np.round(values), 0, 255).astype(np.uint8))


def standardised(height: int, width: int, phase: float = 0.0) -> Tensor:
    """The same image as (1, 3, height, width), standardised."""
    return IMAGENET_RGB.standardise(image_255(height, width, phase)[None].float() / 255)
