"""Enhancers as data preprocessors: one mixin in front of the preprocessor a config already has."""
import functools
import inspect
from collections import defaultdict
from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from mmseg.models import SegDataPreProcessor
from torch import Tensor, nn

from .enhancer import load_source
from .enhancer.fast import FastSyMPIE, PixelFormat, fast_path
from .enhancer.smoother import ParameterSmoother
from .errors import InputError
from .io.config import type_name
from .normalization import ChannelStatistics
from .registry import MODELS, SCOPE

TAKE_A_SOURCE = ('SourceMatch', 'SyMPIE')
_HINT = "Load images with dict(type='LoadImageFromFile'): 8 bit, three channels."


class EnhancerMixin:
    """Enhance the incoming images, then hand them to the data preprocessor behind it.

    The enhancers are frozen: in evaluation mode, without gradients, out of the optimiser, and in no
    state dict, so that a model has the same keys with and without them.

    Args:
        enhancer: config of an enhancer, a list of them applied in order, or None or [] for no
            enhancement. The scope prefix and the type may be left out: it is `SourceMatch` with a
            source, and SyMPIE without one.
        source: what the model behind was trained on: the name of source statistics that ship
            ('cityscapes'), or a .json file of `tools/source_statistics.py`. Given to each enhancer
            that takes a source and has none of its own.
        checkpoint: short for `enhancer=dict(type='SyMPIE', checkpoint=...)`.
        channel_order: of the incoming images, 'bgr' or 'rgb'. By default what the preprocessor's
            own arguments say: RGB if it turns RGB into BGR, and else BGR, as MMCV loads images.
        smoothing: arguments of `ParameterSmoother`, for the frames of one video in order, one view
            each (no test-time augmentation) and in one process; in testing only.
            `smoother.forget()` goes between two videos that look alike.
        precision: of SyMPIE's network, 'float32', 'bfloat16' or 'float16'; by default what the
            device is fast in (`network_precision`).
        output_dtype: of what the segmentor gets, likewise; float32 by default. For segmentors in
            half precision.
        cuda_graph: on a GPU, launch SyMPIE's network as a whole for single images without smoothing
            (`Replayed`).
        *args, **kwargs: of the preprocessor behind the mixin.
    """

    def __init__(self, *args, enhancer: dict | Sequence[dict] | None = dict(), source=None,
                 checkpoint: str | None = None, channel_order: str | None = None,
                 smoothing: dict | None = None, precision: str | None = None,
                 cuda_graph: bool = False, output_dtype: str = 'float32', **kwargs):
        super().__init__(*args, **kwargs)
        if channel_order is None:
            own = inspect.signature(super().__init__).bind(*args, **kwargs).arguments
            to_bgr = own.get('rgb_to_bgr', kwargs.get('rgb_to_bgr'))  # passed on as **kwargs
            channel_order = 'rgb' if to_bgr else 'bgr'
        if channel_order not in ('bgr', 'rgb'):
            raise InputError(f"channel_order must be 'bgr' or 'rgb', got {channel_order!r}.")
        self.channel_order = channel_order
        # In a tuple, PyTorch does not see the modules: no train(), no state dict, no optimiser, and
        # above all no init_weights(), which would overwrite the trained weights in training.
        self.enhancers = tuple(_frozen(build_enhancer(cfg))
                               for cfg in enhancer_configs(enhancer, checkpoint, source))
        self.fast, self.output_format = None, PixelFormat(channel_order)
        for name, value in dict(precision=precision or 'float32',
                                output_dtype=output_dtype).items():
            if value not in ('float32', 'bfloat16', 'float16'):
                raise InputError(f"{name} is 'float32', 'bfloat16' or 'float16', got {value!r}.")
        self.output_dtype = getattr(torch, output_dtype)
        if self.enhancers:
            self.fast = fast_path(self.enhancers[-1], channel_order,
                                  precision and getattr(torch, precision), cuda_graph)
        if self.fast is not None and self._normalises_as_known():
            self.output_format = self._take_over_normalisation()
        self.smoother = self._build_smoother(smoothing)

    def _build_smoother(self, smoothing: dict | None) -> ParameterSmoother | None:
        if smoothing is None:
            return None
        if not isinstance(self.fast, FastSyMPIE) or self.enhancers[-1].iterations != 1:
            raise InputError('smoothing is for SyMPIE as last enhancer, applied once; got '
                             f'{self.enhancers}.')
        return ParameterSmoother(self.fast, **smoothing)

    def _normalises_as_known(self) -> bool:
        """Whether `forward` behind is one of the libraries', which ask the flags that we clear."""
        own = type(self).__mro__[type(self).__mro__.index(EnhancerMixin) + 1:]
        owner = next(base for base in own if 'forward' in vars(base))
        return owner.__module__.split('.')[0] in ('mmengine', 'mmseg', 'mmpretrain', 'mmdet')

    def _take_over_normalisation(self) -> PixelFormat:
        """Switch it off in the preprocessor behind, and say what it was."""
        channel_order, statistics = self.channel_order, PixelFormat().statistics
        for name in ('channel_conversion', '_channel_conversion', 'to_rgb'):
            if getattr(self, name, False):
                channel_order = {'bgr': 'rgb', 'rgb': 'bgr'}[self.channel_order]
                setattr(self, name, False)
        if getattr(self, '_enable_normalize', False):
            statistics = ChannelStatistics(*(tuple(values.flatten().expand(3).tolist())
                                             for values in (self.mean, self.std)))
            self._enable_normalize = False
        return PixelFormat(channel_order, statistics, self.output_dtype)

    def forward(self, data: dict, training: bool = False) -> dict:
        data = self.cast_data(data)
        images = data['inputs']
        if self.enhancers or self.output_format != PixelFormat(self.channel_order):
            smoother = None if training else self.smoother
            enhanced = self._by_size(images, self.output_format, smoother)
            if self._is_done(enhanced, training):
                return dict(inputs=enhanced, data_samples=data.get('data_samples'))
            data = {**data, 'inputs': enhanced if isinstance(images, Tensor) else list(enhanced)}
        result = super().forward(data, training)
        if self.output_dtype != torch.float32:
            result = {**result, 'inputs': result['inputs'].to(self.output_dtype)}
        return result

    def _is_done(self, enhanced: Tensor | Sequence[Tensor], training: bool) -> bool:
        """Whether the preprocessor behind would only copy the enhanced images."""
        return False

    def enhance(self, images: Tensor | Sequence[Tensor]) -> Tensor | Sequence[Tensor]:
        """Enhance images on 0..255 in the incoming channel order; the result is float32.

        Args:
            images: (B, 3, H, W), or B images (3, H, W) that may differ in size.

        Raises:
            InputError: other channels, an integer type other than uint8, or values out of 0..255.
        """
        if not self.enhancers:
            return images
        enhanced = self._by_size(images, PixelFormat(self.channel_order))
        return enhanced if isinstance(images, Tensor) else list(enhanced)

    def _by_size(self, images: Tensor | Sequence[Tensor], output_format: PixelFormat,
                 smoother: ParameterSmoother | None = None) -> Tensor | Sequence[Tensor]:
        """Enhanced images, as one batch where all are of one size."""
        if isinstance(images, Tensor):
            return self._enhance_batch(images, output_format, smoother)
        if not all(isinstance(image, Tensor) for image in images):
            raise InputError('An enhancer needs images (3, H, W), got a '
                             f'{type(images[0]).__name__} for each of them: several views of one '
                             'image are not supported.')
        indices_by_size = defaultdict(list)
        for index, image in enumerate(images):
            indices_by_size[image.shape].append(index)
        enhanced = list(images)
        for indices in indices_by_size.values():
            alike = [images[index] for index in indices]
            stacked = torch.stack(alike) if len(alike) > 1 else alike[0][None]  # without a copy
            batch = self._enhance_batch(stacked, output_format, smoother)
            if len(alike) == len(images):
                return batch
            for index, image in zip(indices, batch):
                enhanced[index] = image
        return enhanced

    @torch.no_grad()
    def _enhance_batch(self, image: Tensor, output_format: PixelFormat,
                       smoother: ParameterSmoother | None) -> Tensor:
        _check_images(image)
        with torch.autocast(image.device.type, enabled=False):
            if self.fast is None or not self.enhancers or not FastSyMPIE.supports(image):
                return output_format.from_rgb_255(self._to_rgb_255(image, self.enhancers))
            if len(self.enhancers) > 1:
                before = self._to_rgb_255(image, self.enhancers[:-1])
                image = PixelFormat(self.channel_order).from_rgb_255(before)
            return self.fast(image, output_format, smoother and smoother(image))

    def _to_rgb_255(self, image: Tensor, enhancers: Sequence[nn.Module]) -> Tensor:
        """Raw images (B, 3, H, W) -> enhanced by the reference path, RGB on 0..255, float32."""
        image = image.float() / 255
        if self.channel_order == 'bgr':
            image = image.flip(1)
        for enhancer in enhancers:
            # PyTorch does not move what it does not see, so the enhancer follows its input.
            image = enhancer.to(image.device)(image)
        return image * 255

    def extra_repr(self) -> str:
        names = ', '.join(type(enhancer).__name__ for enhancer in self.enhancers)
        return f'enhancers=({names}), channel_order={self.channel_order!r}'


@MODELS.register_module()
class SyMPIEDataPreprocessor(EnhancerMixin, SegDataPreProcessor):
    """MMSegmentation's `SegDataPreProcessor` with enhancers in front; see `EnhancerMixin`."""

    def _is_done(self, enhanced: Tensor | Sequence[Tensor], training: bool) -> bool:
        return (isinstance(enhanced, Tensor) and self.fast is not None
                and not (training or self.test_cfg))


@MODELS.register_module()
def EnhancedDataPreprocessor(behind: str | type, **kwargs) -> BaseDataPreprocessor:
    """Any other data preprocessor with enhancers in front; see `EnhancerMixin`.

    Args:
        behind: its name, such as 'mmdet.DetDataPreprocessor', or its class.
        **kwargs: its arguments, and those of the mixin.

    Raises:
        InputError: there is none of this name.
    """
    base = MODELS.get(behind) if isinstance(behind, str) else behind
    if base is None:
        raise InputError(f'There is no data preprocessor {behind!r}. Name its scope, as in '
                         "'mmdet.DetDataPreprocessor', and install its package.")
    return _enhanced(base)(**kwargs)


@MODELS.register_module()
def SyMPIEClsDataPreprocessor(**kwargs) -> BaseDataPreprocessor:
    """MMPretrain's `ClsDataPreprocessor` with enhancers in front; see `EnhancerMixin`."""
    return EnhancedDataPreprocessor('mmpretrain.ClsDataPreprocessor', **kwargs)


@functools.cache
def _enhanced(base: type[BaseDataPreprocessor]) -> type[BaseDataPreprocessor]:
    return type(f'Enhanced{base.__name__}', (EnhancerMixin, base), {})


def build_enhancer(cfg: dict) -> nn.Module:
    """Build an enhancer from a config whose type and scope prefix may be left out."""
    cfg = dict(cfg)
    cfg.setdefault('type', 'SyMPIE')
    if isinstance(cfg['type'], str) and '.' not in cfg['type']:
        cfg['_scope_'] = SCOPE
    return MODELS.build(cfg)


def enhancer_configs(enhancer: dict | Sequence[dict] | None, checkpoint: str | None = None,
                     source=None) -> Sequence[dict]:
    """The enhancers in order, for the arguments of `EnhancerMixin`, each with its type."""
    single = isinstance(enhancer, dict) or not isinstance(enhancer or (), Sequence)
    configs = [enhancer] if single else list(enhancer or ())
    if not all(isinstance(config, dict) for config in configs):
        raise InputError("enhancer must be a config such as dict(type='MeanMatch'), or a list of "
                         f'them, got {enhancer!r}.')
    learned = source is None or checkpoint is not None
    configs = [{'type': 'SyMPIE' if learned or 'checkpoint' in config else 'SourceMatch', **config}
               for config in configs]
    if checkpoint is not None:
        if len(configs) != 1 or type_name(configs[0]['type']) != 'SyMPIE' \
                or 'checkpoint' in configs[0]:
            raise InputError(f'checkpoint={checkpoint!r} is short for a single SyMPIE enhancer, '
                             f'but enhancer={enhancer!r} was given too. Write the checkpoint '
                             'there.')
        configs[0]['checkpoint'] = checkpoint
    if source is not None:
        load_source(source)  # Also where no enhancer asks for it, a wrong name is an error.
        configs = [{'source': source, **config} if type_name(config['type']) in TAKE_A_SOURCE
                   else config for config in configs]
    return configs


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
