"""Does a config of MMSegmentation's model zoo still work with an enhancer in front?"""
import copy
import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mmseg
import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from tqdm import tqdm

from ..attachment import attach
from ..enhancer import NEM
from ..errors import InputError
from ..evaluation.report import markdown
from ..io.config import forget_pretrained
from ..io.files import check_writable, write_json, write_text

# What the small models of a family have in their names, the smallest first.
SMALL = ('mit-b0', 'stdc1', 'r18', 'hr18s', 'mobilenet', 'tiny', 'vit-t', 'erfnet', 'hr18',
         'pidnet-s', '-t_', 'pcpvt-s', 'vit-s', 'small', '_s', 'vit-b', 'base', 'r50')
CHECKS = ('builds without', 'builds with', 'keys unchanged', 'identity: same logits',
          'enhancer runs', 'training step')
SIDES_PX = (64, 512, 640)  # the last two for models that are made for one size


def families(root: Path = Path(mmseg.__file__).parent / '.mim/configs') -> dict[str, Path]:
    """The smallest config of each folder of the installed zoo, judged by its name.

    Those for LEVIR-CD are left out: they take two images at once.
    """
    found = {}
    for folder in sorted(root.iterdir()):
        configs = sorted(path for path in folder.glob('*.py') if 'levir' not in path.name)
        if configs and folder.name != '_base_':
            found[folder.name] = min(configs, key=_size_by_name)
    return found


def _size_by_name(path: Path) -> tuple[int, int, str]:
    place = next((i for i, part in enumerate(SMALL) if part in path.name), len(SMALL))
    return place, len(path.name), path.name


def small_config(path: Path) -> Config:
    """A config for a CPU: without pretrained weights, batch norm instead of synchronised."""
    cfg = Config.fromfile(path)
    forget_pretrained(cfg.model)
    return cfg


def check_families(wanted: Sequence[str] | None,
                   out: Path) -> tuple[dict[str, dict[str, str]], list[list[str]]]:
    """Check families of the installed zoo; zoo.json and zoo.md go to `out`.

    Args:
        wanted: names of families; by default all.
        out: the folder to write.

    Returns:
        The outcome of each family, and the rows of the table with the title row first.

    Raises:
        InputError: an unknown family.
    """
    known = families()
    unknown = sorted(set(wanted or ()) - set(known))
    if unknown:
        raise InputError(f'Unknown families {", ".join(unknown)}; known are {", ".join(known)}.')
    check_writable(out)
    import_modules_from_strings(['mmseg.models'])
    outcomes = {family: dict(config=known[family].stem, **check_config(known[family]))
                for family in tqdm(wanted or known, unit='family')}
    rows = [['family', 'config', *CHECKS]]
    for family, outcome in outcomes.items():
        rows.append([family, outcome['config'], *(outcome.get(check, '') for check in CHECKS)])
    write_json(out / 'zoo.json', dict(torch=torch.__version__, families=outcomes))
    write_text(out / 'zoo.md', markdown(rows) + '\n')
    return outcomes, rows


def check_config(path: Path) -> dict[str, str]:
    """What of `CHECKS` works: 'yes', or the error; what could not be tried is left out.

    A training step that fails without the enhancer as well is no fault of its.
    """
    outcome: dict[str, str] = {}

    def attempt(check: str, action: Callable[[], Any]) -> Any:
        try:
            result = action()
            outcome[check] = 'yes'
            return result
        except Exception as error:
            outcome[check] = f'{type(error).__name__}: {str(error).strip()[:120]}'
            return None
        finally:
            gc.collect()

    with DefaultScope.overwrite_default_scope('mmseg'):
        torch.manual_seed(0)
        cfg = attempt(CHECKS[0], lambda: small_config(path))
        plain = cfg and attempt(CHECKS[0], lambda: MODELS.build(copy.deepcopy(cfg.model)))
        if plain is None:
            return outcome
        side = attempt(CHECKS[0], lambda: _working_side(plain))
        if side is None:
            return outcome
        enhanced = attempt(CHECKS[1], lambda: MODELS.build(attach(cfg, dict(type='SyMPIE')).model))
        if enhanced is None:
            return outcome
        attempt(CHECKS[2], lambda: enhanced.load_state_dict(plain.state_dict(), strict=True))
        identity = attempt(CHECKS[3], lambda: MODELS.build(
            attach(cfg, dict(type='SyMPIE', checkpoint=NEM().state_dict())
                   ).model.data_preprocessor))
        if identity is not None:
            attempt(CHECKS[3], lambda: _same_logits(plain, identity, side))
        attempt(CHECKS[4], lambda: _logits(enhanced, side))
        attempt(CHECKS[5], lambda: _train_step(enhanced, side))
        if outcome[CHECKS[5]] != 'yes':
            wrong = outcome[CHECKS[5]]
            attempt(CHECKS[5], lambda: _train_step(plain, side))
            alone = f'also without the enhancer: {wrong}'
            outcome[CHECKS[5]] = alone if outcome[CHECKS[5]] == wrong else wrong
    return outcome


def _working_side(model: Any) -> int:
    """The first of `SIDES_PX` that the model takes."""
    for side in SIDES_PX:
        try:
            _logits(model, side)
            return side
        except Exception:
            if side == SIDES_PX[-1]:
                raise
    raise AssertionError('no side was tried')


def _batch(side_px: int) -> dict[str, list[Any]]:
    generator = torch.Generator().manual_seed(0)
    shape = side_px, side_px
    samples = []
    for _ in range(2):
        labels = torch.randint(2, (1, *shape), generator=generator)
        samples.append(SegDataSample(
            gt_sem_seg=PixelData(data=labels), gt_edge_map=PixelData(data=labels),
            metainfo=dict(ori_shape=shape, img_shape=shape, pad_shape=shape, img_path='x.png')))
    images = torch.randint(256, (2, 3, *shape), generator=generator, dtype=torch.uint8)
    return dict(inputs=list(images), data_samples=samples)


@torch.no_grad()
def _logits(model: Any, side_px: int) -> Tensor:
    model.eval()
    torch.manual_seed(0)  # SegNeXt's head draws at random.
    model.test_cfg = ConfigDict(model.test_cfg, mode='whole')
    results = model.test_step(_batch(side_px))
    return torch.stack([result.seg_logits.data for result in results])


def _same_logits(model: Any, identity: Any, side_px: int) -> None:
    wanted, own = _logits(model, side_px), model.data_preprocessor
    model.data_preprocessor = identity
    try:
        found = _logits(model, side_px)
    finally:
        model.data_preprocessor = own
    if not wanted.isfinite().all():
        raise AssertionError('also without the enhancer: logits of untrained weights are not '
                             'finite')
    difference = (found - wanted).abs().max() / wanted.abs().max()
    if not difference < 1e-3:
        raise AssertionError(f'logits differ by {difference:.2g} of the largest')


def _train_step(model: Any, side_px: int) -> None:
    model.train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-4))
    losses = model.train_step(_batch(side_px), wrapper)
    if not all(torch.isfinite(value).all() for value in losses.values()):
        raise AssertionError(f'losses are not finite: {losses}')
