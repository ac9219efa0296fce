"""Enhancers and segmentors for images that are at hand, from Python."""
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from PIL import Image
from torch import Tensor

from ..attachment import AUTO, find_preprocessor
from ..enhancer.build import Enhancer, listed
from ..errors import InputError
from ..evaluation.panels import grey_effect
from ..io.config import building, enter_scope, forget_pretrained, load_config
from ..io.image_types import as_tensor
from ..registry import MODELS
from .panels import applied, enhanced, of_one_image, predict_labels
from .preparation import best_device
from .segmentation import enhancers_of
from .segmentor_config import (
    classes_and_palette,
    enhancers_for,
    image_pipeline,
    with_enhancer,
)
from .segmentor_weights import checkpoint_of, load_segmentor, missing_weights, segmentor_inside

AnyImage = TypeVar('AnyImage', np.ndarray, Image.Image, Tensor)


class EnhancerParameters(NamedTuple):
    """What an enhancer does to one image: `K * ((x + shift) matrix)` for standardised RGB x.

    Standardised by ImageNet's mean and deviation, as in the paper, after the tone curves
    `255 (v / 255)^exponent`. The first three numbers say what becomes of flat grey areas on 0..255,
    as means over the channels: `contrast * v + offset` after the tone curves, and in all `gain`
    times v for v = 127.5.
    """

    gain: float
    contrast: float
    offset: float
    matrix: np.ndarray  # C_M (3, 3), a row is an input channel
    shift: np.ndarray   # C_S (3,), in standardised units
    kernel: np.ndarray  # K (5, 5), one filter for all channels
    exponent: np.ndarray  # (3,), of red, green and blue; 1 is no tone curve


class ImageEnhancer:
    """An enhancer that takes images of the usual types; see `load_enhancer`.

    Args:
        configs: of the enhancers, applied in order, at least one.
        source: of the model behind, as for the data preprocessor.
        device: by default the GPU, where there is one.
    """

    def __init__(self, configs: Enhancer, source: Any = None,
                 device: str | torch.device | None = None):
        if not listed(configs):
            raise InputError(f"No enhancer was named: wanted 'default', a name, or a config, got "
                             f'{configs!r}.')
        self.device = torch.device(device or best_device())
        with building('the enhancer'):
            self.preprocessor: Any = MODELS.build(dict(
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
        result = self.preprocessor.enhance(raw.to(self.device))
        if isinstance(image, Tensor):
            if image.dtype.is_floating_point:
                result = (result / 255).clamp(0, 1)
            else:
                result = result.round().clamp(0, 255)
            return result.reshape(image.shape).to(image)
        pixels = result[0].round().clamp(0, 255).byte().permute(1, 2, 0).cpu().contiguous().numpy()
        return pixels if isinstance(image, np.ndarray) else Image.fromarray(pixels)

    def parameters(self, image: np.ndarray | Image.Image | Tensor) -> EnhancerParameters:
        """What the enhancer predicts for one image: of several applications, the last.

        Args:
            image: as for calling, one.

        Raises:
            InputError: several images, or an enhancer that predicts no parameters.
        """
        parameters = self.picture_and_parameters(image)[1]
        if parameters is None:
            raise InputError(f'{self!r} predicts no matrix, shift and kernel.')
        return parameters

    def picture_and_parameters(self, image: np.ndarray | Image.Image | Tensor
                               ) -> tuple[np.ndarray, EnhancerParameters | None]:
        """One image enhanced, (H, W, 3), RGB, uint8, and the parameters, if any are predicted."""
        raw = as_tensor(image)
        if len(raw) != 1:
            raise InputError(f'Parameters are of one image, got {len(raw)}.')
        picture, predicted = enhanced(self.preprocessor, raw[0])
        if predicted is None:
            return picture, None
        correction = of_one_image(predicted)
        return picture, EnhancerParameters(*grey_effect(correction), **correction._asdict())

    def __repr__(self) -> str:
        names = ', '.join(type(each).__name__ for each in self.preprocessor.enhancers)
        return f'ImageEnhancer({names}, device={str(self.device)!r})'


def load_enhancer(enhancer: Enhancer = 'default', source: Any = None,
                  device: str | torch.device | None = None) -> ImageEnhancer:
    """An enhancer for images.

    Example:
        >>> enhancer = mmseg_sympie.load_enhancer()
        >>> brighter = enhancer(np.asarray(Image.open('night.png').convert('RGB')))
        >>> enhancer.parameters(brighter).gain

    Args:
        enhancer: a text as `parse_enhancer` takes it, several joined by '+'; or a config, or a list
            of them. By default SyMPIE with the weights that ship.
        source: what the model behind was trained on: 'cityscapes', or a file of source statistics.
        device: by default the GPU, where there is one.

    Raises:
        FileNotFoundError, InputError: an unknown enhancer, weights or source.
    """
    return ImageEnhancer(enhancers_for(enhancer, source), source, device)


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
        weights: of the segmentor, a file or an address; by default `load_from` of the config.
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
        checkpoint = checkpoint_of(cfg, weights)
        if checkpoint is None:
            raise InputError(f'{cfg.filename} has no load_from: name the weights.')
        if not Path(checkpoint).is_file():
            raise FileNotFoundError(missing_weights(checkpoint))
        self.checkpoint = checkpoint
        self.device = torch.device(device or best_device())
        enter_scope(cfg)
        forget_pretrained(cfg.model)
        with building('the model'):
            self.model: Any = MODELS.build(copy.deepcopy(cfg.model))
            self._preprocessors = [applied(cfg, times).to(self.device) for times in (0, 1)]
            self._pipeline = Compose(image_pipeline(cfg))
        self._segmentor: Any = segmentor_inside(self.model)
        load_segmentor(self.model, checkpoint)
        self.model.to(self.device).eval()
        self.classes, self.palette = classes_and_palette(cfg, checkpoint, self._segmentor)

    @property
    def enhancers(self) -> Sequence[dict]:
        """The configs of the enhancers, in order."""
        return enhancers_of(find_preprocessor(self.cfg)[1])

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
        without, with_ = (cv2.resize(each, array.shape[1::-1], interpolation=cv2.INTER_NEAREST)
                          for each in labels)
        return Labels(without, with_, enhanced(preprocessor, picture)[0])

    def _predict(self, packed: dict, preprocessor: Any) -> np.ndarray:
        self._segmentor.data_preprocessor = preprocessor
        return predict_labels(self.model, packed)
