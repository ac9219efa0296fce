"""Turn a published checkpoint into one that this package loads.

Example:
    python tools/convert_checkpoint.py enhancer sympie_published.pth checkpoints/sympie.pth
    python tools/convert_checkpoint.py deeplabv2 published_segmentor.pth \
        checkpoints/deeplabv2_cityscapes.pth
    python tools/convert_checkpoint.py mobilenetv2 mobilenet_v2-b0353104.pth \
        checkpoints/mobilenetv2_imagenet.pth
    python tools/convert_checkpoint.py mobilenetv2_classifier mobilenet_v2-b0353104.pth \
        checkpoints/mobilenetv2_classifier.pth
    python tools/convert_checkpoint.py efficientnet_lite efficientnet-lite0-57934424.pth \
        checkpoints/efficientnet_lite0_imagenet.pth
    python tools/convert_checkpoint.py espnetv2 espnetv2_s_2.0_city_1024x512.pth \
        checkpoints/espnetv2_cityscapes.pth
"""
import argparse

import torch

from mmseg_sympie.datasets.street_scenes import CITYSCAPES_METAINFO
from mmseg_sympie.enhancer.pretrained import convert_published_enhancer
from mmseg_sympie.errors import errors_without_traceback
from mmseg_sympie.io.checkpoints import read_checkpoint, unwrap_state_dict, with_dataset_meta
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import sha256, written_whole
from mmseg_sympie.models.deeplabv2 import convert_published_deeplabv2
from mmseg_sympie.models.efficientnet_lite import convert_efficientnet_lite
from mmseg_sympie.models.espnetv2 import convert_espnetv2
from mmseg_sympie.models.mobilenetv2 import (
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


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kind', choices=CONVERTERS, help='what the file holds')
    parser.add_argument('source', help='the published file')
    parser.add_argument('target', help='where to write the result')
    return parsed_args(parser)


def main() -> None:
    args = parse_args()
    what, convert = CONVERTERS[args.kind]
    state = convert(unwrap_state_dict(read_checkpoint(args.source, what), args.source, what),
                    args.source)
    with written_whole(args.target) as partial:
        torch.save(with_dataset_meta(state, DATASET_METAS.get(args.kind)), partial)
    parameters = sum(value.numel() for key, value in state.items()
                     if not key.endswith(('running_mean', 'running_var', 'num_batches_tracked')))
    print(f'{what}: {len(state)} entries, {parameters:,} parameters\n'
          f'  from {args.source}  SHA-256 {sha256(args.source)}\n'
          f'  to   {args.target}  SHA-256 {sha256(args.target)}')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
