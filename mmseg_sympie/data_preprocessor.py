"""Enhancers as data preprocessors: one mixin in front of the preprocessor a config already has."""
import functools
import inspect
from collections import defaultdict
from typing import Optional, Sequence, Type, Union

import torch
from mmengine.model import BaseDataPreprocessor
from mmseg.models import SegDataPreProcessor
from torch import Tensor, nn

from .errors import InputError
from .registry import MODELS, SCOPE

_HINT = "Load images with dict(type='LoadImageFromFile'): 8 bit, three channels."


class EnhancerMixin:
    """Enhance the incoming images, then hand them to the data preprocessor behind it.

    The enhancers are frozen: in evaluation mode, without gradients, out of the optimiser, and in no
    state dict, so that a model has the same keys with and without them.

    Args:
        enhancer: config of an enhancer, a list of them applied in order, or None or [] for no
            enhancement. The scope prefix and the type (SyMPIE) may be left out.
        checkpoint: short for `enhancer=dict(type='SyMPIE', checkpoint=...)`.
        channel_order: of the incoming images, 'bgr' or 'rgb'. By default what the preprocessor's
            own arguments say: RGB if it turns RGB into BGR, and else BGR, as MMCV loads images.
        *args, **kwargs: of the preprocessor behind the mixin.
    """

    def __init__(self, *args, enhancer: Union[dict, Sequence[dict], None] = dict(type='SyMPIE'),
                 checkpoint: Optional[str] = None, channel_order: Optional[str] = None, **kwargs):
        super().__init__(*args, **kwargs)
        if channel_order is None:
            own = inspect.signature(super().__init__).bind(*args, **kwargs).arguments
            channel_order = 'rgb' if own.get('rgb_to_bgr') else 'bgr'
        if channel_order not in ('bgr', 'rgb'):
            raise InputError(f"channel_order must be 'bgr' or 'rgb', got {channel_order!r}.")
        self.channel_order = channel_order
        # In a tuple, PyTorch does not see the modules: no train(), no state dict, no optimiser, and
        # above all no init_weights(), which would overwrite the trained weights in training.
        self.enhancers = tuple(_frozen(build_enhancer(cfg))
                               for cfg in enhancer_configs(enhancer, checkpoint))

    def forward(self, data: dict, training: bool = False) -> dict:
        inputs = self.cast_data(data['inputs'])
        if self.enhancers:
            inputs = self.enhance(inputs)
        return super().forward({**data, 'inputs': inputs}, training)

    def enhance(self, images: Union[Tensor, Sequence[Tensor]]) -> Union[Tensor, Sequence[Tensor]]:
        """Enhance images on 0..255 in the incoming channel order; the result is float32.

        Args:
            images: (B, 3, H, W), or B images (3, H, W) that may differ in size.

        Raises:
            InputError: other channels, an integer type other than uint8, or values out of 0..255.
        """
        if isinstance(images, Tensor):
            return self._enhance_batch(images)
        indices_by_size = defaultdict(list)
        for index, image in enumerate(images):
            indices_by_size[image.shape].append(index)
        enhanced = list(images)
        for indices in indices_by_size.values():
            batch = self._enhance_batch(torch.stack([images[index] for index in indices]))
            for index, image in zip(indices, batch):
                enhanced[index] = image
        return enhanced

    @torch.no_grad()
    def _enhance_batch(self, image: Tensor) -> Tensor:
        _check_images(image)
        with torch.autocast(image.device.type, enabled=False):
            image = image.float() / 255
            if self.channel_order == 'bgr':
                image = image.flip(1)
            for enhancer in self.enhancers:
                # PyTorch does not move what it does not see, so the enhancer follows its input.
                image = enhancer.to(image.device)(image)
            if self.channel_order == 'bgr':
                image = image.flip(1)
            return image * 255

    def extra_repr(self) -> str:
        names = ', '.join(type(enhancer).__name__ for enhancer in self.enhancers)
        return f'enhancers=({names}), channel_order={self.channel_order!r}'


@MODELS.register_module()
class SyMPIEDataPreprocessor(EnhancerMixin, SegDataPreProcessor):
    """MMSegmentation's `SegDataPreProcessor` with enhancers in front; see `EnhancerMixin`."""


@MODELS.register_module()
def SyMPIEClsDataPreprocessor(**kwargs) -> BaseDataPreprocessor:
    """MMPretrain's `ClsDataPreprocessor` with enhancers in front; see `EnhancerMixin`."""
    return _classification_preprocessor()(**kwargs)


@functools.cache
def _classification_preprocessor() -> Type[BaseDataPreprocessor]:
    # Imported when needed, because importing mmpretrain takes seconds and it may be missing.
    from mmpretrain.models import ClsDataPreprocessor
    return type('EnhancedClsDataPreprocessor', (EnhancerMixin, ClsDataPreprocessor), {})


def build_enhancer(cfg: dict) -> nn.Module:
    """Build an enhancer from a config whose type and scope prefix may be left out."""
    cfg = dict(cfg)
    cfg.setdefault('type', 'SyMPIE')
    if isinstance(cfg['type'], str) and '.' not in cfg['type']:
        cfg['_scope_'] = SCOPE
    return MODELS.build(cfg)


def enhancer_configs(enhancer: Union[dict, Sequence[dict], None],
                     checkpoint: Optional[str]) -> Sequence[dict]:
    """The enhancers in order, for the arguments of `EnhancerMixin`."""
    configs = [enhancer] if isinstance(enhancer, dict) else list(enhancer or [])
    if isinstance(enhancer, str) or not all(isinstance(config, dict) for config in configs):
        raise InputError("enhancer must be a config such as dict(type='MeanMatch'), or a list of "
                         f'them, got {enhancer!r}.')
    if checkpoint is None:
        return configs
    if len(configs) != 1 or configs[0].get('type', 'SyMPIE').split('.')[-1] != 'SyMPIE' \
            or 'checkpoint' in configs[0]:
        raise InputError(f'checkpoint={checkpoint!r} is short for a single SyMPIE enhancer, but '
                         f'enhancer={enhancer!r} was given too. Write the checkpoint there.')
    return [dict(configs[0], checkpoint=checkpoint)]


def _frozen(enhancer: nn.Module) -> nn.Module:
    return enhancer.eval().requires_grad_(False)


def _check_images(image: Tensor) -> None:
    if image.dim() != 4 or image.shape[1] != 3:
        raise InputError('An enhancer needs colour images (3, H, W), got '
                         f'{tuple(image.shape[1:])}. {_HINT}')
    if image.dtype == torch.uint8:
        return
    if not image.dtype.is_floating_point:
        raise InputError('An enhancer needs images of uint8 or float on 0..255, got '
                         f'{image.dtype}. {_HINT}')
    lowest, highest = (value.item() for value in image.aminmax()) if image.numel() else (0, 0)
    if not (0 <= lowest and highest <= 255):
        raise InputError('An enhancer needs images on 0..255, got values from '
                         f'{lowest:g} to {highest:g}. Is the image normalised already, or of 16 '
                         f'bit? {_HINT}')
