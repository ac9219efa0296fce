r"""Time the enhancer or the corruptions beside other implementations, interleaved in one run.

Example:
    python tools/benchmark.py enhancer --sizes 1920x1080 --threads 2
    python tools/benchmark.py enhancer --device cuda --batch-sizes 16 1
    python tools/benchmark.py corruptions --threads 2
    python tools/benchmark.py corruptions --device cuda --batch-size 384
    python tools/benchmark.py smoothing data/camvid/train --prefix 0001TP
    python tools/benchmark.py pretraining configs/sympie_shipped.py
    python tools/benchmark.py pretraining configs/sympie_resnet50_imagenet.py --device cuda \
        --random-weights

enhancer: the preprocessor beside MMSegmentation's own and beside the published formulation, and the
parts of each. corruptions: the pool of 23 on a batch of all severities, beside the NumPy
implementations of ImageNet-C's 19 where the package imagecorruptions-imaug is installed. smoothing:
parameters re-used from frame to frame of a video. pretraining: a step of a config, and the share of
its corruptions and networks. Results go to --out as .md and .json, and for the enhancer as a plot.
"""
import argparse
from pathlib import Path

from .options import device, whole_number

SIZES = ['256x256', '512x512', '1024x512', '1280x720', '2048x1024', '3840x2160', '1920x1080']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    commands = parser.add_subparsers(dest='what', required=True)

    command = commands.add_parser('enhancer')
    command.add_argument('--sizes', nargs='+', default=[size(text) for text in SIZES],
                         metavar='WIDTHxHEIGHT', type=size, help='parts are shown of the last')
    command.add_argument('--batch-sizes', nargs='+', type=int, default=[1])
    command.add_argument('--threads', nargs='+', type=int, metavar='N',
                         help="by default PyTorch's own number")
    command.add_argument('--precision', choices=['float32', 'bfloat16', 'float16'],
                         help='of the network; by default what the device is fast in')
    command.add_argument('--output-dtype', choices=['float32', 'bfloat16', 'float16'],
                         default='float32', help='of our preprocessor')
    command.add_argument('--source', default='cityscapes',
                         help='also time our preprocessor with this source')
    command.add_argument('--keep-freed-memory', action='store_true', dest='tune_malloc',
                         help='let calls on a CPU use what those before have freed, as '
                              'tools/train.py does; by default it goes back to the system, and '
                              'comes page by page')
    command.add_argument('--segmentor', metavar='CONFIG',
                         help='also time its forward pass, at the last size')
    common(command, repeats=15)

    command = commands.add_parser('corruptions')
    command.add_argument('--size', default=(224, 224), metavar='WIDTHxHEIGHT', type=size)
    command.add_argument('--batch-size', type=int, help='48, on CUDA 384')
    command.add_argument('--threads', type=int, help="by default PyTorch's own number")
    common(command, repeats=5)

    command = commands.add_parser('smoothing')
    command.add_argument('frames', type=Path, help='folder of frames, in the order of their names')
    command.add_argument('--prefix', default='', help='only frames whose names start with this')
    command.add_argument('--every', nargs='+', type=int, default=[1, 2, 4, 8])
    command.add_argument('--momentum', type=float, default=0.5)
    common(command, repeats=3)

    command = commands.add_parser('pretraining')
    command.add_argument('config', help='such as configs/sympie_shipped.py')
    command.add_argument('--batch-size', type=int, help="by default the config's")
    command.add_argument('--random-weights', action='store_true',
                         help="of torchvision's classifiers, where theirs are not at hand")
    common(command, repeats=5)


def common(command: argparse.ArgumentParser, repeats: int) -> None:
    """--device, --repeats and --out."""
    command.add_argument('--device', type=device, default='cpu')
    command.add_argument('--repeats', type=whole_number(1), default=repeats)
    command.add_argument('--out', type=Path, default=Path('work_dirs/benchmark'))


def size(text: str) -> tuple[int, int]:
    """'1920x1080' as width and height."""
    width, height = (int(side) for side in text.split('x'))
    return width, height


def main(args: argparse.Namespace) -> None:
    """Run the benchmark that was asked for."""
    import torch
    if args.what == 'enhancer':
        from ..benchmarks.enhancer import benchmark_enhancer
        args.threads = args.threads or [torch.get_num_threads()]
        benchmark_enhancer(args)
    elif args.what == 'smoothing':
        from ..benchmarks.smoothing import benchmark_smoothing
        benchmark_smoothing(args)
    elif args.what == 'pretraining':
        from ..benchmarks.pretraining import benchmark_pretraining
        benchmark_pretraining(args)
    else:
        from ..benchmarks.corruptions import benchmark_corruptions
        args.batch_size = args.batch_size or (384 if args.device.startswith('cuda') else 48)
        args.threads = args.threads or torch.get_num_threads()
        torch.set_num_threads(args.threads)
        benchmark_corruptions(args)
