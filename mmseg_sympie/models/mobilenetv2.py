"""ImageNet weights of torchvision's MobileNetV2 for MMSegmentation's."""
from collections.abc import Mapping

import torch
from mmseg.models import MobileNetV2
from torch import Tensor

from ..errors import InputError
from ..io.checkpoints import check_state_dict


def convert_torchvision_mobilenetv2(state: Mapping[str, Tensor], path: str) -> dict[str, Tensor]:
    """Rename torchvision's entries to those of `mmseg.MobileNetV2`, and drop the classifier.

    Both list the same layers in the same order; the shape of each is checked.

    Raises:
        InputError: the entries are not those of torchvision's MobileNetV2.
    """
    features = {key: value for key, value in state.items()
                if key.startswith('features.') and not key.startswith('features.18.')}
    with torch.device('meta'):
        wanted = {key: value.shape for key, value in MobileNetV2().state_dict().items()}
    if len(features) != len(wanted):
        raise InputError(f'The MobileNetV2 weights {path} do not fit: {len(features)} entries '
                         f'named features.0 to features.17, wanted {len(wanted)}. Wanted '
                         "torchvision's mobilenet_v2.")
    renamed = dict(zip(wanted, features.values()))
    check_state_dict(renamed, wanted, path, 'MobileNetV2 weights',
                     "Wanted torchvision's mobilenet_v2.")
    return renamed


def convert_torchvision_mobilenetv2_classifier(state: Mapping[str, Tensor],
                                               path: str) -> dict[str, Tensor]:
    """Rename all of torchvision's entries to those of `mmpretrain`'s ImageClassifier.

    Raises:
        InputError: the entries are not those of torchvision's MobileNetV2.
    """
    renamed = {f'backbone.{key}': value
               for key, value in convert_torchvision_mobilenetv2(state, path).items()}
    for theirs, ours in (('features.18.0.', 'backbone.conv2.conv.'),
                         ('features.18.1.', 'backbone.conv2.bn.'), ('classifier.1.', 'head.fc.')):
        part = {ours + key.removeprefix(theirs): value for key, value in state.items()
                if key.startswith(theirs)}
        if not part:
            raise InputError(f'The MobileNetV2 weights {path} have no {theirs}*. Wanted '
                             "torchvision's mobilenet_v2 with its classifier.")
        renamed.update(part)
    return renamed
