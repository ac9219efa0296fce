"""Golden data of the corruptions: statistics over four photographs, and one of them at stride 8.

Both are outputs of the published implementations on the photographs that corruptions.json names.
"""
import json
from pathlib import Path

import numpy as np
import torch
from golden import DATA
from PIL import Image
from torch import Tensor

from mmseg_sympie.corruptions import POOL

GOLDEN = json.loads((DATA / 'corruptions.json').read_text())
COLUMNS = GOLDEN['columns']
PUBLISHED_NAME = {'horizon': 'sunset', 'white_point': 'white'}


def golden_photographs(real_data: Path) -> Tensor:
    """The four photographs, (4, 3, 224, 224) RGB on [0, 1]."""
    folder = real_data / 'photos_ccby' / 'images'
    crops = [np.array(Image.open(folder / name).convert('RGB').crop((37, 37, 261, 261)))
             for name in GOLDEN['files']]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous().float() / 255


def statistics(clean: Tensor, corrupted: Tensor) -> Tensor:
    """The golden columns for each image, (B, 8), of images rounded to grey levels."""
    clean, corrupted = ((image.double() * 255).round() for image in (clean, corrupted))
    return torch.cat([
        corrupted.mean(dim=(2, 3)),
        corrupted.std(dim=(2, 3), correction=0),
        corrupted.diff(dim=3).abs().mean(dim=(1, 2, 3))[:, None],
        (corrupted - clean).square().mean(dim=(1, 2, 3))[:, None],
    ], dim=1)


def golden_statistics(name: str, severity: int) -> tuple[Tensor, Tensor]:
    """Mean and spread, (8,) each, of the golden columns over photographs and seeds."""
    entry = GOLDEN['stats'][f'{PUBLISHED_NAME.get(name, name)}/{severity}']
    return torch.tensor(entry['mean']), torch.tensor(entry['spread'])


def deterministic(name: str, severity: int) -> np.ndarray:
    """Every eighth pixel of the first photograph, corrupted: (28, 28, 3) uint8."""
    with np.load(DATA / 'corruptions_deterministic.npz') as arrays:
        return arrays[f'{PUBLISHED_NAME.get(name, name)}_{severity}']


def corrupted(name: str, image: Tensor, severity, seed: int = 0) -> Tensor:
    """Images of one corruption; `severity` is one for all or one for each."""
    severity = torch.as_tensor(severity).expand(len(image))
    return POOL[name](image, severity, torch.Generator().manual_seed(seed))
