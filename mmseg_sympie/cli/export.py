r"""Export the enhancer, or enhancer and segmentor as one graph, to an ONNX file.

Example:
    python tools/export_onnx.py --out enhancer.onnx
    python tools/export_onnx.py --source cityscapes --out with_match.onnx
    python tools/export_onnx.py --source cityscapes --enhancer SourceMatch --out match.onnx
    python tools/export_onnx.py configs/demo_sympie.py mmseg_sympie/weights/demo_segmentor.pth \
        --out segmentor.onnx
    python tools/run_onnx.py segmentor.onnx street.png labels.png

The file takes images of any size, uint8 (B, 3, H, W), BGR as OpenCV reads them, and gives the
enhanced images on 0..255, or labels or logits. It is held against PyTorch at three sizes before it
is written, and timed beside it.
"""
import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from .options import add_cfg_options, add_enhancer, add_source, whole_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('config', nargs='?', help='of a segmentor; left out, the enhancer alone')
    parser.add_argument('weights', nargs='?', help='of the segmentor, a file or an address; by '
                        'default its load_from')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--output', choices=('labels', 'logits'), default='labels')
    add_enhancer(parser)
    parser.add_argument('--checkpoint', help='weights of SyMPIE; by default those that ship')
    add_source(parser, default='auto')
    add_cfg_options(parser)
    parser.add_argument('--repeats', type=whole_number(0), default=5,
                        help='of the timing; 0 for none')


def main(args: argparse.Namespace) -> None:
    """Export, compare with PyTorch, write, and say how large and how fast the file is."""
    for name in ('onnx', 'onnxruntime'):
        if find_spec(name) is None:
            sys.exit(f'Error: No module named {name!r}. ONNX files need '
                     "pip install '.[export]' in the clone.")
    from ..engine.export import NORMALISED, export, time_beside_pytorch
    exported = export(args)
    for size, value in exported.agreement.items():
        print(f'{size}: ' + (f'differs by {value:.2g} of 255' if exported.output == NORMALISED else
                             f'{100 * value:.2f}% of the pixels equal'))
    what = 'enhanced image on 0..255' if exported.output == NORMALISED else exported.output
    print(f'{args.out}: {args.out.stat().st_size / 2**20:.1f} MiB, image -> {what}')
    if args.repeats:
        for name, (milliseconds, threads) in time_beside_pytorch(exported, args.repeats).items():
            print(f'{name}: {milliseconds:.1f} ms at 1920x1080, {threads} threads')
