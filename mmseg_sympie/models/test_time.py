"""Rivals and companions at test time: averaging with the original, alpha-BN, TENT.

Each wraps a segmentor's config, as MMEngine's models for test-time augmentation do:
`model = dict(type='mmseg_sympie.TENT', module=dict(type='EncoderDecoder', ...))`. Checkpoints of
the segmentor load as they are.
"""
import copy

import torch
from mmseg.models import SegTTAModel
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError
from ..registry import MODELS
from .replace import replace_layers


@MODELS.register_module()
class AverageWithOriginal(SegTTAModel):
    """Average the class probabilities of the enhanced image and of the original.

    It takes two passes of the segmentor, and so about twice the time.

    Raises:
        InputError: the segmentor's data preprocessor has no enhancer.
    """

    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predictions for a batch of the data loader."""
        preprocessor = self.module.data_preprocessor
        if not getattr(preprocessor, 'enhancers', ()):
            raise InputError(f'{type(preprocessor).__name__} has no enhancer, so that there is '
                             'nothing to average with the original.')
        enhanced = self.module.test_step(copy.deepcopy(data))  # Samples are written into.
        with preprocessor.without_enhancers():
            original = self.module.test_step(data)
        return self.merge_preds(list(zip(enhanced, original)))


class MixedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm by `(1 - alpha)` of the running statistics and `alpha` of each image's own."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm, alpha: float):
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        self.load_state_dict(norm.state_dict())
        self.alpha = alpha

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        variance, mean = torch.var_mean(features, dim=(2, 3), correction=0)
        mean = torch.lerp(self.running_mean, mean, self.alpha)
        variance = torch.lerp(self.running_var, variance, self.alpha)
        # Not `F.batch_norm`, which takes no gradient with respect to the statistics.
        scale = self.weight / (variance + self.eps).sqrt()
        return features * scale[..., None, None] + (self.bias - mean * scale)[..., None, None]


def mix_batch_norm(module: nn.Module, alpha: float) -> list[nn.Module]:
    """Exchange every batch norm below a module, in place; return the new ones."""
    return replace_layers(module, lambda layer: MixedBatchNorm2d(layer, alpha)
                          if isinstance(layer, nn.modules.batchnorm._BatchNorm) else None)


class _WithMixedBatchNorm(SegTTAModel):
    """A segmentor whose batch norm is mixed with the statistics of the images it is tested on."""

    def __init__(self, module, alpha: float, **kwargs):
        super().__init__(module, **kwargs)
        if not 0 <= alpha <= 1:
            raise InputError(f'alpha is a share from 0 to 1, got {alpha!r}.')
        self.norms = tuple(mix_batch_norm(self.module, alpha))  # the module's own, named once
        if not self.norms:
            raise InputError('The segmentor has no batch norm to adapt.')


@MODELS.register_module()
class AlphaBN(_WithMixedBatchNorm):
    """Batch norm mixed with the test image's own statistics (You et al., arXiv 2110.04065).

    Args:
        module: config of the segmentor.
        alpha: share of the image's own statistics.
    """

    def __init__(self, module, alpha: float = 0.1, **kwargs):
        super().__init__(module, alpha, **kwargs)

    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predictions for a batch of the data loader."""
        return self.module.test_step(data)


@MODELS.register_module()
class TENT(_WithMixedBatchNorm):
    """Entropy minimisation, image after image (Wang et al., ICLR 2021).

    Batch norm takes the statistics of the image, and after each prediction a step of Adam on its
    weights and biases lowers the entropy of the predicted classes. What an image gets depends on
    those before it. Not for several processes.

    Args:
        module: config of the segmentor.
        lr: of Adam.
    """

    def __init__(self, module, lr: float = 1e-3, **kwargs):
        super().__init__(module, 1.0, **kwargs)
        self.requires_grad_(False)
        self.parameters_to_adapt = [value.requires_grad_() for norm in self.norms
                                    for value in norm.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters_to_adapt, lr)

    @torch.inference_mode(False)
    @torch.enable_grad()
    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predictions for a batch of the data loader; adapts the model afterwards."""
        data = self.module.data_preprocessor(data, False)
        samples = data['data_samples']
        logits = self.module.inference(data['inputs'], [sample.metainfo for sample in samples])
        entropy = torch.special.entr(logits.softmax(dim=1)).sum(dim=1).mean()
        self.optimiser.zero_grad()
        entropy.backward()
        self.optimiser.step()
        return self.module.postprocess_result(logits.detach(), samples)
