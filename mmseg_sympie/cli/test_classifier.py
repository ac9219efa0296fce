r"""Accuracy of classifiers on corrupted images, with and without enhancers.

Example:
    python tools/test_classifier.py --classifier configs/classifiers/efficientnet_lite0.py \
        --data data/photos_ccby --enhancer default --enhancer MeanMatch
    python tools/test_classifier.py --data data/photos_ccby --iterations 1 2 4 --enhancer default \
        --classifier torchvision:mobilenet_v2:checkpoints/mobilenet_v2-b0353104.pth \
        --corruptions imagenet-c-bar mixed
    python tools/test_classifier.py --classifier torchvision:resnet50:IMAGENET1K_V2 \
        --data /data/imagenet-c --clean /data/imagenet/val --enhancer default
    python tools/test_classifier.py --classifier torchvision:resnet50:IMAGENET1K_V2 \
        --data /data/vizwiz/images --vizwiz /data/vizwiz/annotations.json --enhancer default

--data is a folder of clean images (labels.csv, or a folder for each class), which are corrupted on
the fly; or a tree corruption/severity/class/image such as ImageNet-C, whose images are taken pixel
for pixel; or with --vizwiz the images of VizWiz-Classification. VizWiz's public annotations hold no
labels: then OUT/predictions/*.json are written, as its server takes them, and no accuracies.

Prints the tables and writes OUT/accuracy.json, .csv, .md and .png.
"""
import argparse
from pathlib import Path

from ..errors import InputError
from .options import add_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('--classifier', action='append', required=True, metavar='NAME[:WEIGHTS]',
                        help='torchvision:NAME:WEIGHTS, or a config or zoo name of MMPretrain with '
                        'or without :WEIGHTS; give it again for several')
    parser.add_argument('--data', type=Path, required=True, help='folder of the images')
    parser.add_argument('--clean', type=Path, help='clean images to go with a corrupted tree')
    parser.add_argument('--vizwiz', type=Path, metavar='ANNOTATIONS',
                        help='annotations.json of VizWiz-Classification')
    parser.add_argument('--corruptions', nargs='+', default=['imagenet-c'], metavar='NAME',
                        help="imagenet-c, imagenet-c-bar, mixed, pool, or single ones; 'all' in "
                        'the tables is the mean over all of them')
    parser.add_argument('--severities', nargs='+', type=int, default=[1, 2, 3, 4, 5],
                        choices=range(1, 6), metavar='1..5')
    parser.add_argument('--enhancer', action='append', default=[], metavar='WHICH',
                        help='default (the weights that ship), a checkpoint, MeanMatch[:TARGET], '
                        'or several joined by +; none is always tested; give it again for several')
    parser.add_argument('--iterations', nargs='+', type=int, default=[1],
                        help='how often SyMPIE is applied; several are tested each')
    parser.add_argument('--limit', type=int, help='only so many images, spread evenly')
    parser.add_argument('--batch-size', type=int, default=50)
    parser.add_argument('--workers', type=int, default=0, help='processes that load images')
    parser.add_argument('--seed', type=int, default=0)
    add_device(parser)
    parser.add_argument('--autocast', choices=['bfloat16'],
                        help='run the classifiers in this; enhancers stay in float32')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/test_classifier'))


def main(args: argparse.Namespace) -> None:
    """Test, show the accuracies, and say how many answers there are."""
    if args.batch_size < 1:
        raise InputError(f'--batch-size is a number of images from 1, got {args.batch_size}.')
    from ..engine.classifier_test import test_classifiers
    from ..runtime.malloc import tune_malloc
    tune_malloc()
    test_classifiers(args)
