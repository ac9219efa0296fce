"""Corrupt the images of any pipeline that loads them as MMCV does."""
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from ..errors import InputError
from ..registry import TRANSFORMS
from .apply import corrupt, draw
from .mixed import corrupt_mixed, draw_mixed
from .pools import ALL, POOL

_SEVERITIES = (0, 1, 2, 3, 4, 5)


@TRANSFORMS.register_module()
class RandomCorruption(BaseTransform):
    """Corrupt each image in a way that is drawn for it; put it after `LoadImageFromFile`.

    `results['img']` is (H, W, 3) BGR, uint8 or float on 0..255, and keeps its type. What was drawn
    is in `results['corruption']` (a name; for `mixed` the list of those applied, in order) and
    `results['severity']`, where 0 says that the image was left as it is.

    Args:
        corruptions: names to draw from, of `POOL` (the default is all of them) or of
            `IMAGENET_C_BAR`.
        severities: to draw from, 0 to 5.
        seed: a number makes what happens to an image depend on it and on `results['img_path']`
            only, whatever the number of workers or the order. None draws from NumPy's random
            state, which MMEngine seeds in each worker.
        mixed: one to three different corruptions of one severity on each image (ImageNetC-mixed).
    """

    def __init__(self, corruptions: str | Sequence[str] = tuple(POOL),
                 severities: int | Sequence[int] = _SEVERITIES,
                 seed: int | None = None, mixed: bool = False):
        names = tuple(corruptions) if isinstance(corruptions, (list, tuple)) else (corruptions,)
        levels = tuple(severities) if isinstance(severities, Iterable) else (severities,)
        unknown = [name for name in names if name not in ALL]
        if unknown:
            raise InputError(f'RandomCorruption: unknown corruption {unknown[0]!r}; known are '
                             f'{", ".join(ALL)}.')
        if not levels or any(level not in _SEVERITIES for level in levels):
            raise InputError('RandomCorruption: severities are whole numbers from 0 to 5, at least '
                             f'one, got {list(levels)}.')
        self.severities = tuple(int(level) for level in levels)
        self.pool = {name: ALL[name] for name in names}
        needed = 3 if mixed else 1
        if len(self.pool) < needed:
            raise InputError(f'RandomCorruption: wanted at least {needed} different corruptions'
                             f'{" to mix" if mixed else ""}, got {list(names)}.')
        self.seed = seed
        self.mixed = mixed

    def transform(self, results: dict) -> dict:
        """Corrupt the image of a pipeline; the label stays."""
        image = results['img']
        if image.ndim != 3 or image.shape[2] != 3:
            raise InputError('RandomCorruption wants images (H, W, 3), got '
                             f'{image.shape}; load them with color_type="color".')
        rgb = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
        corrupted = self._corrupt(rgb[None].float() / 255, results)[0]
        bgr = np.ascontiguousarray(corrupted.numpy().transpose(1, 2, 0)[..., ::-1]) * 255
        # The nearest grey level, where a plain conversion would round down.
        results['img'] = (bgr.round() if image.dtype == np.uint8 else bgr).astype(image.dtype)
        return results

    def _corrupt(self, image: torch.Tensor, results: dict) -> torch.Tensor:
        """Corrupt (1, 3, H, W), RGB on [0, 1], and note how in the results."""
        generator = torch.Generator().manual_seed(self._number(results))
        if self.mixed:
            draws = draw_mixed(1, self.pool, generator, self.severities)
            applied = [drawn for drawn in draws if drawn.severity[0] > 0]
            results['corruption'] = [drawn.names[0] for drawn in applied]
            results['severity'] = int(draws[0].severity[0])
            return corrupt_mixed(image, draws, self.pool, generator)
        drawn = draw(1, self.pool, generator, self.severities)
        results['corruption'], results['severity'] = drawn.names[0], int(drawn.severity[0])
        return corrupt(image, drawn, self.pool, generator)

    def _number(self, results: dict) -> int:
        """The seed of everything that is random about an image."""
        if self.seed is None:
            return int(np.random.randint(2 ** 31))
        if not results.get('img_path'):
            raise InputError("RandomCorruption with a seed needs the image's path "
                             "(results['img_path']); use seed=None for images from memory.")
        digest = hashlib.sha256(f'{self.seed}:{results["img_path"]}'.encode()).digest()
        return int.from_bytes(digest[:7], 'big')

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(corruptions={list(self.pool)}, '
                f'severities={self.severities}, seed={self.seed}, mixed={self.mixed})')
