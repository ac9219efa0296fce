"""Enhancers and segmentors for images that are at hand, from Python."""
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DATASETS, DefaultScope
from PIL import Image
from torch import Tensor

from ..attachment import AUTO, attach, find_preprocessor, is_enhanced
from ..datasets.street_scenes import loads_labels
from ..enhancer.parse import parse_enhancer
from ..errors import InputError
from ..evaluation.panels import grey_effect
from ..io.checkpoints import read_checkpoint
from ..io.config import building, enter_scope, forget_pretrained, load_config, type_name
from ..io.labels import check_same_classes
from ..registry import MODELS
from .panels import applied, enhanced
from .segmentation import has_enhancer, load_segmentor, segmentor_inside

AnyImage = TypeVar('AnyImage', np.ndarray, Image.Image, Tensor)
WANTED = ('wanted a NumPy array (H, W, 3) of uint8, RGB; a PIL image; or a tensor (3, H, W) or '
          '(B, 3, H, W), RGB, uint8 or float on [0, 1]')
DEEP_MODES = ('I', 'F', 'I;16', 'I;16B', 'I;16L')


class Correction(NamedTuple):
    """What an enhancer does to one image: `K * ((x + shift) matrix)` for standardised RGB x.

    Standardised by ImageNet's mean and deviation, as in the paper. The first three numbers say what
    becomes of flat grey areas on 0..255: `contrast * v + offset`, and `gain` for v = 127.5.
    """

    gain: float
    contrast: float
    offset: float
    matrix: np.ndarray  # C_M (3, 3), a row is an input channel
    shift: np.ndarray   # C_S (3,), in standardised units
    kernel: np.ndarray  # K (5, 5), one filter for all channels


class ImageEnhancer:
    """An enhancer that takes images of the usual types; see `load_enhancer`.

    Args:
        configs: of the enhancers, applied in order; an empty one is the default.
        source: of the model behind, as for the data preprocessor.
        device: by default the GPU, where there is one.
    """

    def __init__(self, configs: dict | Sequence[dict], source: Any = None,
                 device: str | torch.device | None = None):
        self.device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        with building('the enhancer'):
            self._preprocessor: Any = MODELS.build(dict(
                type='mmseg_sympie.SyMPIEDataPreprocessor', enhancer=configs, source=source,
                channel_order='rgb')).to(self.device)

    def __call__(self, image: AnyImage) -> AnyImage:
        """Enhance an image.

        Args:
            image: a NumPy array (H, W, 3), RGB, uint8; a PIL image; or a tensor (3, H, W) or
                (B, 3, H, W), RGB, uint8 or floating point on [0, 1].

        Returns:
            The same type and shape, on the same device; of PIL images, mode RGB.

        Raises:
            InputError: an image of another kind, or values outside [0, 1].
        """
        raw = as_tensor(image)
        result = self._preprocessor.enhance(raw.to(self.device))
        if isinstance(image, Tensor):
            if image.dtype.is_floating_point:
                result = (result / 255).clamp(0, 1)
            else:
                result = result.round().clamp(0, 255)
            return result.reshape(image.shape).to(image)
        pixels = result[0].round().clamp(0, 255).byte().permute(1, 2, 0).cpu().contiguous().numpy()
        return pixels if isinstance(image, np.ndarray) else Image.fromarray(pixels)

    def parameters(self, image: np.ndarray | Image.Image | Tensor) -> Correction:
        """What the enhancer predicts for one image: of several enhancers, the last.

        Args:
            image: as for calling, one.

        Raises:
            InputError: several images, or an enhancer that predicts no parameters.
        """
        raw = as_tensor(image)
        if len(raw) != 1:
            raise InputError(f'Parameters are of one image, got {len(raw)}.')
        predicted = enhanced(self._preprocessor, raw[0])[1]
        if predicted is None:
            raise InputError(f'{self!r} predicts no matrix, shift and kernel.')
        matrix, shift, kernel = (value[0].numpy() for value in predicted)
        return Correction(*grey_effect(kernel, matrix, shift), matrix, shift, kernel)

    def __repr__(self) -> str:
        names = ', '.join(type(each).__name__ for each in self._preprocessor.enhancers)
        return f'ImageEnhancer({names}, device={str(self.device)!r})'


def load_enhancer(enhancer: str | dict | Sequence[dict] = 'default', source: Any = None,
                  device: str | torch.device | None = None) -> ImageEnhancer:
    """An enhancer for images.

    Example:
        >>> enhancer = mmseg_sympie.load_enhancer()
        >>> brighter = enhancer(np.asarray(Image.open('night.png').convert('RGB')))
        >>> enhancer.parameters(brighter).gain

    Args:
        enhancer: a text as `parse_enhancer` takes it, several joined by '+'; or a config, or a list
            of them. By default the data preprocessor's: SyMPIE with the weights that ship, or
            SourceMatch with a source.
        source: what the model behind was trained on: 'cityscapes', or a file of source statistics.
        device: by default the GPU, where there is one.

    Raises:
        FileNotFoundError, InputError: an unknown enhancer, weights or source.
    """
    return ImageEnhancer(enhancer_config(enhancer), source, device)


def enhancer_config(enhancer: str | dict | Sequence[dict]) -> dict | Sequence[dict]:
    """What `load_enhancer` takes, as the data preprocessor takes it."""
    if not isinstance(enhancer, str):
        return enhancer
    return {} if enhancer == 'default' else [parse_enhancer(part) for part in enhancer.split('+')]


def as_tensor(image: np.ndarray | Image.Image | Tensor) -> Tensor:
    """An image as (B, 3, H, W), RGB on 0..255, uint8 or float32.

    Raises:
        InputError: an image of another kind, or values outside [0, 1].
    """
    if isinstance(image, Image.Image):
        if image.mode in DEEP_MODES:
            raise InputError(f'A PIL image of mode {image.mode} has no known range: {WANTED}. '
                             'mmseg_sympie.io.images.read_rgb reads such files.')
        image = np.asarray(image.convert('RGB'))
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(f'Got an array {image.shape} of {image.dtype}: {WANTED}.')
        return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].contiguous()
    if not isinstance(image, Tensor):
        raise InputError(f'Got a {type(image).__name__}: {WANTED}.')
    if image.dim() not in (3, 4) or image.shape[-3] != 3 or not image.numel() or not (
            image.dtype == torch.uint8 or image.dtype.is_floating_point):
        raise InputError(f'Got a tensor {tuple(image.shape)} of {image.dtype}: {WANTED}.')
    image = image.detach().reshape(-1, *image.shape[-3:])
    if image.dtype == torch.uint8:
        return image
    lowest, highest = (value.item() for value in image.float().aminmax())
    if not (0 <= lowest and highest <= 1):
        raise InputError(f'Got a tensor with values from {lowest:g} to {highest:g}: {WANTED}.')
    return 255 * image.float()


class Labels(NamedTuple):
    """What a segmentor sees in an image, without and with the enhancer.

    Label maps have the image's size, and the class of each pixel as uint8.
    """

    without: np.ndarray   # (H, W)
    with_: np.ndarray     # (H, W)
    enhanced: np.ndarray  # (H, W, 3), RGB, uint8: what the second was predicted from

    @property
    def changed(self) -> np.ndarray:
        """Where the two differ, (H, W) bool."""
        return self.without != self.with_


class SegmentorWithEnhancer:
    """A segmentor of MMSegmentation: an image in, labels without and with the enhancer out.

    Example:
        >>> segmentor = mmseg_sympie.SegmentorWithEnhancer('my_config.py', 'my_weights.pth')
        >>> without, with_, enhanced = segmentor(image)

    Args:
        config: a file, the name of a config that ships, or a config. One without an enhancer gets
            one, as by `attach`.
        weights: of the segmentor; by default `load_from` of the config.
        enhancer: instead of the config's, as for `load_enhancer`.
        source: what the segmentor was trained on, as for `attach`.
        device: by default the GPU, where there is one.

    Raises:
        FileNotFoundError, InputError: config, weights and enhancer are missing or do not fit.
    """

    def __init__(self, config: str | Path | Config, weights: str | Path | None = None,
                 enhancer: str | dict | Sequence[dict] | None = None, source: Any = AUTO,
                 device: str | torch.device | None = None):
        cfg = copy.deepcopy(config) if isinstance(config, Config) else load_config(str(config))
        self.cfg = cfg = with_enhancer(cfg, enhancer, source)
        checkpoint = weights or cfg.get('load_from')
        if checkpoint is None:
            raise InputError(f'{cfg.filename} has no load_from: name the weights.')
        self.device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        enter_scope(cfg)
        forget_pretrained(cfg.model)
        with building('the model'):
            self.model: Any = MODELS.build(copy.deepcopy(cfg.model))
            self._preprocessors = [applied(cfg, times).to(self.device) for times in (0, 1)]
            self._pipeline = Compose(image_pipeline(cfg))
        self._segmentor: Any = segmentor_inside(self.model)
        load_segmentor(self.model, str(checkpoint))
        self.model.to(self.device).eval()
        self.classes, self.palette = classes_and_palette(cfg, checkpoint, self._segmentor)

    @torch.no_grad()
    def __call__(self, image: np.ndarray | Image.Image | Tensor) -> Labels:
        """Segment an image.

        Args:
            image: one, as for `ImageEnhancer`.

        Raises:
            InputError: an image of another kind, or several.
        """
        raw = as_tensor(image)
        if len(raw) != 1:
            raise InputError(f'A segmentor takes one image, got {len(raw)}.')
        bgr = raw[0].flip(0).round().byte()
        array = np.ascontiguousarray(bgr.permute(1, 2, 0).cpu().numpy())
        with DefaultScope.overwrite_default_scope(self.cfg.get('default_scope') or 'mmseg'):
            packed = self._pipeline(dict(img=array))
            labels = [self._predict(packed, preprocessor) for preprocessor in self._preprocessors]
        preprocessor = self._preprocessors[1]
        picture = bgr if preprocessor.channel_order == 'bgr' else bgr.flip(0)
        without, with_ = (_fit(each, array.shape[:2]) for each in labels)
        return Labels(without, with_, enhanced(preprocessor, picture)[0])

    def _predict(self, packed: dict, preprocessor: Any) -> np.ndarray:
        self._segmentor.data_preprocessor = preprocessor
        data = pseudo_collate([copy.deepcopy(packed)])  # Samples are written into.
        labels = self.model.test_step(data)[0].pred_sem_seg.data
        return labels.squeeze(0).to(torch.uint8).cpu().numpy()


def with_enhancer(cfg: Config, enhancer: str | dict | Sequence[dict] | None = None,
                  source: Any = AUTO) -> Config:
    """A config with an enhancer: its own, or the one that is named.

    Args:
        cfg: the config; it is not changed.
        enhancer: as for `load_enhancer`; None for the config's own, or the default of `attach`.
        source: as for `attach`.

    Raises:
        InputError: as `attach`.
    """
    configs = None if enhancer is None else enhancer_config(enhancer)
    cfg = copy.deepcopy(cfg)
    preprocessor = find_preprocessor(cfg)[1]
    if not is_enhanced(preprocessor):
        return attach(cfg, configs, source=source)
    if configs is None and not has_enhancer(cfg):
        configs = {}
    if configs is not None:
        preprocessor.update(enhancer=configs, checkpoint=None, smoothing=None)
    if source != AUTO:
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
        hues = np.uint8([[[round(180 * i / len(classes)), 200, 230] for i in range(len(classes))]])
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


def _fit(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label map in the image's size (height, width)."""
    return labels if labels.shape == size else cv2.resize(
        labels, size[::-1], interpolation=cv2.INTER_NEAREST)
