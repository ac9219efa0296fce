r"""Turn a published checkpoint into one that this package loads.

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

KINDS = ('enhancer', 'deeplabv2', 'mobilenetv2', 'mobilenetv2_classifier', 'efficientnet_lite',
         'espnetv2')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('kind', choices=KINDS, help='what the file holds')
    parser.add_argument('source', help='the published file')
    parser.add_argument('target', help='where to write the result')


def main(args: argparse.Namespace) -> None:
    """Convert the file, and say what it holds."""
    from ..engine.conversion import convert_checkpoint
    from ..io.files import sha256
    what, entries, parameters = convert_checkpoint(args.kind, args.source, args.target)
    print(f'{what}: {entries} entries, {parameters:,} parameters\n'
          f'  from {args.source}  SHA-256 {sha256(args.source)}\n'
          f'  to   {args.target}  SHA-256 {sha256(args.target)}')
