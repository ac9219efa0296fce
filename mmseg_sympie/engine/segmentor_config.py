"""What a segmentor for single images takes from a config: enhancer, pipeline, classes."""
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS

from ..attachment import AUTO, attach, find_preprocessor, has_enhancer
from ..datasets.street_scenes import loads_labels
from ..enhancer.build import TAKE_A_SOURCE, Enhancer, listed, takes_source
from ..errors import InputError
from ..io.checkpoints import read_checkpoint
from ..io.config import type_name
from ..io.labels import check_same_classes


def enhancers_for(enhancer: Enhancer, source: Any = None) -> Sequence[dict]:
    """The configs of enhancers.

    Raises:
        InputError: an unknown enhancer, or a source that none of those that are named would take.
    """
    entries = listed(enhancer)
    if entries and source not in (None, AUTO) and not any(map(takes_source, entries)):
        names = ', '.join(type_name(each['type']) for each in entries)
        raise InputError(f'{names} takes no source, or names its own; got {source!r}: leave that '
                         f'out, or take {" or ".join(TAKE_A_SOURCE)}.')
    return entries


def with_enhancer(cfg: Config, enhancer: Enhancer | None = None,
                  source: Any = AUTO) -> Config:
    """A config with an enhancer: its own, or the one that is named.

    Args:
        cfg: the config; it is not changed.
        enhancer: as for `load_enhancer`; None for the config's own, or the default of `attach`.
        source: as for `attach`.

    Raises:
        InputError: as `attach`.
    """
    configs = None if enhancer is None else enhancers_for(enhancer, source)
    cfg = copy.deepcopy(cfg)
    preprocessor = find_preprocessor(cfg)[1]
    if not has_enhancer(cfg):
        return attach(cfg, configs, source=source)
    if configs is not None:
        preprocessor.update(enhancer=configs, checkpoint=None, smoothing=None)
    if source != AUTO:
        enhancers_for(preprocessor.get('enhancer', {}), source)
        preprocessor.update(source=source)
    return cfg


def image_pipeline(cfg: Config) -> Sequence[dict]:
    """The test pipeline of a config for an image that is read already.

    Raises:
        InputError: the config has no test data.
    """
    node = cfg.get('test_dataloader')
    while node and 'pipeline' not in node:
        inner = node.get('dataset') or node.get('datasets')
        node = inner[0] if isinstance(inner, (list, tuple)) else inner
    if not node:
        raise InputError(f'{cfg.filename} has no test_dataloader with a pipeline, by which images '
                         'are prepared.')
    steps = [step for step in node.pipeline if not loads_labels([step])
             and type_name(step.type) != 'LoadImageFromFile']
    return [dict(type='mmseg.LoadImageFromNDArray'), *steps]


def classes_and_palette(cfg: Config, checkpoint: str | Path, segmentor: Any
                        ) -> tuple[Sequence[str], Sequence[Sequence[int]]]:
    """Names and colours (RGB on 0..255) of the classes: of the weights, or of the test data.

    Raises:
        InputError: they are not those of the segmentor.
    """
    found = read_checkpoint(checkpoint, 'segmentor checkpoint')
    meta = found.get('meta') if isinstance(found, dict) else None
    meta = (meta or {}).get('dataset_meta') or _metainfo(cfg.get('test_dataloader') or {})
    classes = meta.get('classes') or [f'class {i}' for i in range(segmentor.num_classes)]
    check_same_classes(segmentor, classes)
    palette = meta.get('palette')
    if not palette or len(palette) < len(classes):
        hues = np.array([[[round(180 * i / len(classes)), 200, 230]
                          for i in range(len(classes))]], np.uint8)
        palette = cv2.cvtColor(hues, cv2.COLOR_HSV2RGB)[0].tolist()
    return list(classes), [list(colour) for colour in palette]


def _metainfo(node: Any) -> dict:
    """Of the data set in a data loader's config, which may lie in others."""
    if isinstance(node, (list, tuple)):
        node = node[0] if node else {}
    inner = node.get('dataset') or node.get('datasets')
    if inner:
        return _metainfo(inner)
    kind = node.get('type')
    known = DATASETS.get(kind) if isinstance(kind, str) else kind
    return {**getattr(known, 'METAINFO', {}), **(node.get('metainfo') or {})}
