"""Enhancers as data preprocessors: one mixin in front of the preprocessor a config already has."""
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmseg.models import SegDataPreProcessor
from torch import Tensor, nn

from .enhancer.build import Enhancer, build_enhancer, enhancer_configs
from .enhancer.chain import EnhancerChain
from .enhancer.fast import FastClosedForm, FastSyMPIE, PixelFormat
from .enhancer.smoother import ParameterSmoother
from .enhancer.source_statistics import Source
from .errors import InputError
from .normalization import ChannelStatistics
from .registry import MODELS
from .runtime.subclass import in_front_of

_CLS = 'mmpretrain.ClsDataPreprocessor'
_PRECISIONS = ('float32', 'bfloat16', 'float16')


class EnhancerMixin(BaseDataPreprocessor):
    """Enhance the incoming images, then hand them to the data preprocessor behind it.

    The enhancers are `Frozen`: in evaluation mode, without gradients, out of the optimiser, and in
    no state dict, so that a model has the same keys with and without them. Where it is known how
    the preprocessor behind normalises, one pass over the image enhances and normalises it.

    Args:
        enhancer: config of an enhancer, a list of them applied in order, a text such as
            'GreyWorld+SourceMatch:strength=0.5', or None or [] for no enhancement. The scope prefix
            may be left out, and the type where it is SyMPIE.
        source: what the model behind was trained on: the name of source statistics that ship
            ('cityscapes'), or a .json file of `tools/source_statistics.py`. Given to each enhancer
            that takes a source and has none of its own: SyMPIE then corrects the match to it.
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
            or a source (`Replayed`).
        **kwargs: of the preprocessor behind the mixin.
    """

    def __init__(self, *, enhancer: Enhancer | None = dict(),
                 source: Source | None = None, checkpoint: str | None = None,
                 channel_order: str | None = None, smoothing: dict | None = None,
                 precision: str | None = None, cuda_graph: bool = False,
                 output_dtype: str = 'float32', **kwargs):
        super().__init__(**kwargs)
        if channel_order is None:
            channel_order = 'rgb' if kwargs.get('rgb_to_bgr') else 'bgr'
        if channel_order not in ('bgr', 'rgb'):
            raise InputError(f"channel_order must be 'bgr' or 'rgb', got {channel_order!r}.")
        self.channel_order = channel_order
        for name, value in dict(precision=precision or 'float32',
                                output_dtype=output_dtype).items():
            if value not in _PRECISIONS:
                raise InputError(f"{name} is 'float32', 'bfloat16' or 'float16', got {value!r}.")
        self.output_dtype = getattr(torch, output_dtype)
        self.chain = EnhancerChain(
            [build_enhancer(cfg) for cfg in enhancer_configs(enhancer, checkpoint, source)],
            channel_order, getattr(torch, precision) if precision else None, cuda_graph)
        self.behind = self._without_normalisation(**kwargs) if self.chain else None
        self.output_format = (PixelFormat(channel_order) if self.behind is None else
                              self._own_format(**kwargs))
        self.smoother = self._build_smoother(smoothing)

    @property
    def enhancers(self) -> tuple[nn.Module, ...]:
        """The enhancers, in the order in which they are applied."""
        return self.chain.enhancers

    @property
    def fast(self) -> FastSyMPIE | FastClosedForm | None:
        """The fast path of the last enhancer, if it has one."""
        return self.chain.fast

    @contextmanager
    def without_enhancers(self) -> Iterator[None]:
        """Meanwhile, this is the plain preprocessor."""
        chain, self.chain = self.chain, EnhancerChain([], self.channel_order)
        try:
            yield
        finally:
            self.chain = chain

    def _without_normalisation(self, **kwargs) -> BaseDataPreprocessor | None:
        """A preprocessor that does what the one behind the mixin does after normalising.

        None where the one behind is to normalise by itself what the enhancers return.

        Args:
            **kwargs: of the preprocessor behind the mixin.
        """
        return None

    def _own_format(self, **kwargs) -> PixelFormat:
        """What the preprocessor behind the mixin makes of images by these arguments."""
        converts = any(kwargs.get(name) for name in ('bgr_to_rgb', 'rgb_to_bgr', 'to_rgb'))
        channel_order = ('rgb' if self.channel_order == 'bgr' else 'bgr'
                         ) if converts else self.channel_order
        if kwargs.get('mean') is None:
            return PixelFormat(channel_order, dtype=self.output_dtype)
        mean, std = (tuple(values.flatten().expand(3).tolist()) for values in (self.mean, self.std))
        return PixelFormat(channel_order, ChannelStatistics(mean, std), self.output_dtype)

    def _build_smoother(self, smoothing: dict | None) -> ParameterSmoother | None:
        if smoothing is None:
            return None
        if not isinstance(self.fast, FastSyMPIE) or self.enhancers[-1].iterations != 1:
            raise InputError('smoothing is for SyMPIE as last enhancer, applied once; got '
                             f'{self.enhancers}.')
        return ParameterSmoother(self.fast, **smoothing)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Enhance the images of a batch, normalise and pad them.

        Args:
            data: a batch of the data loader: `inputs` as for `enhance`, and perhaps `data_samples`.
            training: whether to pad and augment as for training.

        Returns:
            `inputs` (B, 3, H, W), as the model takes them, and `data_samples`.
        """
        if self.chain:
            data = self.cast_data(data)
            images = data['inputs']
            enhanced = self.chain(images, self.output_format, None if training else self.smoother)
            if self._is_done(enhanced, training):
                return dict(inputs=enhanced, data_samples=data.get('data_samples'))
            data = {**data, 'inputs': enhanced if isinstance(images, Tensor) else list(enhanced)}
        if self.chain and self.behind is not None:
            # Moved with the module that holds it, it would still send images to the old device.
            result = self.behind.to(self.device)(data, training)
        else:
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
        if not self.chain:
            return images
        enhanced = self.chain(images, PixelFormat(self.channel_order))
        return enhanced if isinstance(images, Tensor) else list(enhanced)

    def __repr__(self) -> str:
        names = ', '.join(type(enhancer).__name__ for enhancer in self.enhancers)
        return (f'{type(self).__name__}(enhancers=({names}), '
                f'channel_order={self.channel_order!r})')


@MODELS.register_module()
class SyMPIEDataPreprocessor(EnhancerMixin, SegDataPreProcessor):
    """MMSegmentation's `SegDataPreProcessor` with enhancers in front; see `EnhancerMixin`."""

    def _without_normalisation(self, **kwargs) -> BaseDataPreprocessor:
        return SegDataPreProcessor(**{**kwargs, 'mean': None, 'std': None, 'bgr_to_rgb': False,
                                      'rgb_to_bgr': False})

    def _is_done(self, enhanced: Tensor | Sequence[Tensor], training: bool) -> bool:
        return isinstance(enhanced, Tensor) and not (training or self.test_cfg)


@MODELS.register_module()
class EnhancedDataPreprocessor(EnhancerMixin):
    """Any other data preprocessor with enhancers in front; see `EnhancerMixin`.

    The object is one of the class behind too (`in_front_of`), which normalises by itself.

    Args:
        behind: the name of the preprocessor behind, such as 'mmdet.DetDataPreprocessor', or its
            class.
        **kwargs: its arguments, and those of the mixin.

    Raises:
        InputError: there is none of this name.
    """

    def __new__(cls, behind: str | type, **kwargs) -> Any:
        """An object of a subclass of the class behind."""
        return object.__new__(in_front_of(cls, _preprocessor_class(behind)))

    def __init__(self, behind: str | type, **kwargs):
        super().__init__(**kwargs)


@MODELS.register_module()
class SyMPIEClsDataPreprocessor(EnhancedDataPreprocessor):
    """MMPretrain's `ClsDataPreprocessor` with enhancers in front; see `EnhancerMixin`."""

    def __new__(cls, **kwargs) -> Any:
        """As for `EnhancedDataPreprocessor`."""
        return super().__new__(cls, _CLS)

    def __init__(self, **kwargs):
        super().__init__(_CLS, **kwargs)

    def _without_normalisation(self, **kwargs) -> BaseDataPreprocessor:
        return _preprocessor_class(_CLS)(**{**kwargs, 'mean': None, 'std': None, 'to_rgb': False})


def _preprocessor_class(name: str | type) -> type:
    found = MODELS.get(name) if isinstance(name, str) else name
    if found is None:
        raise InputError(f'There is no data preprocessor {name!r}. Name its scope, as in '
                         "'mmdet.DetDataPreprocessor', and install its package.")
    return found
