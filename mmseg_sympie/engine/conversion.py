"""Published checkpoints as this package loads them."""
import torch

from ..datasets.street_scenes import CITYSCAPES_METAINFO
from ..enhancer.pretrained import convert_published_enhancer
from ..io.checkpoints import read_checkpoint, unwrap_state_dict, with_dataset_meta
from ..io.files import written_whole
from ..models.deeplabv2 import convert_published_deeplabv2
from ..models.efficientnet_lite import convert_efficientnet_lite
from ..models.espnetv2 import convert_espnetv2
from ..models.mobilenetv2 import (
    convert_torchvision_mobilenetv2,
    convert_torchvision_mobilenetv2_classifier,
)

CONVERTERS = dict(
    enhancer=('noise estimation network of SyMPIE', convert_published_enhancer),
    deeplabv2=('DeepLabV2-R50 of SyMPIE', convert_published_deeplabv2),
    mobilenetv2=("torchvision's MobileNetV2", convert_torchvision_mobilenetv2),
    mobilenetv2_classifier=("torchvision's MobileNetV2",
                            convert_torchvision_mobilenetv2_classifier),
    efficientnet_lite=('EfficientNet-Lite', convert_efficientnet_lite),
    espnetv2=('ESPNetv2 of EdgeNets', convert_espnetv2))
# Segmentors, whose classes MMSegmentation's `init_model` looks for in the file.
DATASET_METAS = dict(deeplabv2=CITYSCAPES_METAINFO, espnetv2=CITYSCAPES_METAINFO)


def convert_checkpoint(kind: str, source: str, target: str) -> tuple[str, int, int]:
    """Convert a published checkpoint.

    Args:
        kind: one of `CONVERTERS`.
        source: the published file.
        target: where to write the result.

    Returns:
        What the file holds, and its numbers of entries and of trained parameters.

    Raises:
        FileNotFoundError, InputError: the file is missing, damaged or of another kind.
    """
    what, convert = CONVERTERS[kind]
    state = convert(unwrap_state_dict(read_checkpoint(source, what), source, what), source)
    with written_whole(target) as partial:
        torch.save(with_dataset_meta(state, DATASET_METAS.get(kind)), partial)
    parameters = sum(value.numel() for key, value in state.items()
                     if not key.endswith(('running_mean', 'running_var', 'num_batches_tracked')))
    return what, len(state), parameters
