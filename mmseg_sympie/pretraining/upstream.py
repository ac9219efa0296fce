"""Frozen models that an enhancer is pretrained through: classifiers, or a segmentor.

Each sees RGB images on [0, 1], normalises them as it was trained to, and gives its own loss. They
stay in evaluation mode, and gradients flow through them to the image but not into their weights.
"""
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from mmcv.cnn import fuse_conv_bn
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..datasets.photographs import Photographs
from ..enhancer.source_statistics import SourceStatistics, load_source
from ..errors import InputError
from ..io.checkpoints import load_weights
from ..io.config import load_config
from ..models.published_weights import load_segmentor_weights
from ..models.replace import replace_layers
from ..normalization import IMAGENET_RGB
from ..registry import MODELS
from ..runtime.frozen import freeze

CLASSIFIER = 'classifier checkpoint'
FITTING = 'Do config and checkpoint belong together?'


class UpstreamModel(nn.Module):
    """What all upstream models have in common.

    Args:
        model: is frozen in place.

    Attributes:
        source: statistics of the images that the model was trained on, if images are to be matched
            to them.
    """

    model: Any
    source: SourceStatistics | None = None

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = freeze(model)

    def logits(self, image: Tensor) -> Tensor:
        """Class scores for images (B, 3, H, W), RGB on [0, 1]."""
        raise NotImplementedError

    def loss(self, image: Tensor, target: Tensor) -> Tensor:
        """The model's own loss.

        Args:
            image: (B, 3, H, W), RGB on [0, 1].
            target: what `own_target` returns, or labels of that kind.

        Returns:
            A scalar: cross-entropy with classes (B,) or probabilities (B, classes).
        """
        return F.cross_entropy(self.logits(image).float(), target)

    @torch.no_grad()
    def own_target(self, image: Tensor) -> Tensor:
        """Pseudo-labels for clean images (B, 3, H, W): the predicted probabilities (B, classes)."""
        return self.logits(image).float().softmax(dim=1)

    @torch.no_grad()
    def optimize_for_inference(self) -> 'UpstreamModel':
        """Make gradients cheaper, and return the model.

        Batch norm is folded into convolutions, and on a CPU no layer whose bfloat16 gradient is
        slow takes part in autocasting.
        """
        parameter = next(self.model.parameters())
        image = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(parameter)
        unfolded, expected = self.model, self.logits(image)
        self.model = freeze(fuse_conv_bn(copy.deepcopy(unfolded)))
        # `fuse_conv_bn` takes neighbours in the list of modules for neighbours in the network.
        if (self.logits(image) - expected).abs().max() > 1e-3 * expected.abs().max():
            self.model = unfolded
        replace_layers(self.model, lambda layer: Float32OnCPU(layer)
                       if _is_strided_depthwise(layer) else None)
        return self


class Float32OnCPU(nn.Module):
    """A layer that takes no part in autocasting on a CPU."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, features: Tensor) -> Tensor:
        """The output of the layer, in float32 on a CPU."""
        if features.device.type != 'cpu':
            return self.layer(features)
        with torch.autocast('cpu', enabled=False):
            return self.layer(features.float())


def _is_strided_depthwise(layer: nn.Module) -> bool:
    """Whether the layer's gradient takes 15 to 50 times as long in bfloat16 on a CPU."""
    return (isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1
            and max(layer.stride) > 1)


@MODELS.register_module()
class TorchvisionClassifier(UpstreamModel):
    """A classifier of torchvision with its ImageNet normalisation.

    Args:
        name: as in torchvision, such as 'mobilenet_v2'.
        weights: path of a state dict, or a name of torchvision's weights, such as
            'IMAGENET1K_V2', which it downloads. Required: a random classifier teaches nothing.

    Raises:
        InputError, FileNotFoundError: unknown model or weights, or weights that do not fit.
    """

    def __init__(self, name: str, weights: str):
        if name not in torchvision.models.list_models():
            raise InputError(f'torchvision has no model {name!r}; see torchvision.models.'
                             'list_models().')
        known = torchvision.models.get_model_weights(name).__members__
        if weights in known:
            model = torchvision.models.get_model(name, weights=weights)
        elif weights and ('/' in weights or '.' in weights):
            model = torchvision.models.get_model(name, weights=None)
            load_weights(model, weights, CLASSIFIER, f"Wanted torchvision's {name}.")
        else:
            raise InputError(f'{name}: weights={weights!r} is neither a file nor one of '
                             f'{", ".join(known)}.')
        super().__init__(model)

    def logits(self, image: Tensor) -> Tensor:
        """Class scores (B, classes) for images (B, 3, H, W), RGB on [0, 1]."""
        return self.model(IMAGENET_RGB.standardise(image))


@MODELS.register_module()
class MMPretrainClassifier(UpstreamModel):
    """An `ImageClassifier` of MMPretrain, with the data preprocessor of its config.

    Args:
        config: a config file, or a name of MMPretrain's model zoo.
        weights: path of a checkpoint; left out with a zoo name, the zoo's are downloaded, and with
            a config file, its `load_from`.
    """

    def __init__(self, config: str, weights: str | None = None):
        from mmpretrain import get_model  # Takes seconds to import, and may not be installed.
        if Path(config).suffix == '.py':
            cfg = load_config(config)
            model, weights = get_model(cfg), weights or cfg.get('load_from')
            if weights is None:
                raise InputError(f'{config} has no load_from: name the classifier\'s weights.')
        else:
            model = get_model(config, pretrained=weights is None)
        if weights is not None:
            load_weights(model, weights, CLASSIFIER, FITTING, surplus_allowed=True)
        super().__init__(model)

    def logits(self, image: Tensor) -> Tensor:
        """Class scores (B, classes) for images (B, 3, H, W), RGB on [0, 1]."""
        return self.model(_preprocessed(self.model, image), mode='tensor')


@MODELS.register_module()
class MMSegSegmentor(UpstreamModel):
    """A segmentor of MMSegmentation, with its own loss.

    Args:
        config: a config file, or the config itself.
        weights: path of a checkpoint; by default the config's `load_from`.

    Targets are label maps (B, H, W), 255 where nothing is labelled.
    """

    def __init__(self, config: str | Config, weights: str | None = None):
        cfg = load_config(config) if isinstance(config, str) else config
        weights = weights or cfg.get('load_from')
        if weights is None:
            raise InputError(f'{config} has no load_from: name the segmentor\'s weights.')
        model_cfg = cfg.model.copy()
        model_cfg.backbone.init_cfg = None
        with DefaultScope.overwrite_default_scope('mmseg'):
            model = MMSEG_MODELS.build(model_cfg)
        load_segmentor_weights(model, weights)
        super().__init__(model)

    def logits(self, image: Tensor) -> Tensor:
        """Scores (B, classes, H, W) at the image's resolution."""
        metas = [dict(ori_shape=image.shape[-2:], img_shape=image.shape[-2:],
                      pad_shape=image.shape[-2:])] * len(image)
        scores = self.model.encode_decode(_preprocessed(self.model, image), metas)
        return scores[..., :image.shape[-2], :image.shape[-1]]

    def loss(self, image: Tensor, target: Tensor) -> Tensor:
        """The loss of the decode heads for label maps (B, H, W), a scalar."""
        samples = [SegDataSample(gt_sem_seg=PixelData(data=labels[None])) for labels in target]
        losses = self.model.loss(_preprocessed(self.model, image), samples)
        return self.model.parse_losses(losses)[0]

    @torch.no_grad()
    def own_target(self, image: Tensor) -> Tensor:
        """Predicted label maps (B, H, W) for clean images."""
        return self.logits(image).argmax(dim=1)


def build_upstream(cfg: Mapping[str, Any]) -> UpstreamModel:
    """The model of a config, for gradients; its `source` is as `load_source` takes it."""
    cfg = dict(cfg)
    source = cfg.pop('source', None)
    model = MODELS.build(cfg).optimize_for_inference().to(memory_format=torch.channels_last)
    model.source = None if source is None else load_source(source)
    return model


@torch.inference_mode()
def check_classes(dataset: Photographs, model: UpstreamModel, name: str) -> None:
    """Raise InputError where labels cannot be those of the classifier."""
    device = next(model.parameters()).device
    outputs = model.logits(torch.zeros(1, 3, 224, 224, device=device)).shape[1]
    folders = dataset.named_class_folders()
    if folders and len(folders) != outputs:
        raise InputError(
            f'{dataset.root} has {len(folders)} class folders and {name} {outputs} classes, so '
            'the place of a folder is not its class. Name the folders by the number of the '
            'class, or write labels.csv.')
    if dataset.num_classes > outputs:
        raise InputError(f'{dataset.root} has labels up to {dataset.num_classes - 1}, and '
                         f'{name} only the classes 0 to {outputs - 1}.')


def _preprocessed(model: BaseModel, image: Tensor) -> Tensor:
    """RGB images on [0, 1] through the model's own preprocessor, which expects BGR on 0..255."""
    data = dict(inputs=image.flip(1) * 255)
    # Moved with the model that holds it, a preprocessor still casts its inputs to the old device.
    model.data_preprocessor.to(image.device)
    return model.data_preprocessor(data, training=False)['inputs']
