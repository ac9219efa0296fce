"""Export the enhancer, or enhancer and segmentor as one graph, to an ONNX file.

Example:
    python tools/export_onnx.py --out enhancer.onnx
    python tools/export_onnx.py configs/demo_sympie.py mmseg_sympie/weights/demo_segmentor.pth \\
        --out segmentor.onnx
    python tools/run_onnx.py segmentor.onnx street.png labels.png

The file takes images of any size, uint8 (B, 3, H, W), BGR as OpenCV reads them, and gives the
enhanced images on 0..255, or labels or logits. It is held against PyTorch at three sizes before it
is written, and timed beside it.
"""
import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

try:
    import onnx
    import onnxruntime
except ImportError as error:
    sys.exit(f"Error: {error}. ONNX files need pip install -e '.[export]'.")

from mmseg_sympie.attachment import attach
from mmseg_sympie.benchmarks.timing import interleaved, summary
from mmseg_sympie.demo.street import render_street
from mmseg_sympie.engine.segmentation import has_enhancer
from mmseg_sympie.enhancer import SyMPIE
from mmseg_sympie.enhancer.fast import FastSyMPIE, PixelFormat
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.export.enhancer import NORMALISED, enhancer_onnx
from mmseg_sympie.export.segmentor import OUTPUTS, WholeImage, segmentor_onnx
from mmseg_sympie.io.config import CfgOptions, building, forget_pretrained, load_config, parsed_args
from mmseg_sympie.io.files import check_writable, written_whole
from mmseg_sympie.pretraining.upstream import MMSegSegmentor

SIZES = ((256, 512), (333, 250), (480, 640))
LARGEST_DIFFERENCE_255, SMALLEST_AGREEMENT = 1e-3 * 255, 0.999


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', help='of a segmentor; left out, the enhancer alone')
    parser.add_argument('weights', nargs='?', help='of the segmentor; by default its load_from')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--output', choices=OUTPUTS, default=OUTPUTS[0])
    parser.add_argument('--checkpoint', help='weights of SyMPIE; by default those that ship')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    parser.add_argument('--repeats', type=int, default=5, help='of the timing; 0 for none')
    return parsed_args(parser)


def of_enhancer(args: argparse.Namespace) -> tuple:
    """The exported model, and the same by PyTorch."""
    enhancer = SyMPIE(args.checkpoint).eval()
    fast = FastSyMPIE(enhancer, 'bgr', torch.float32)  # as the file
    return (enhancer_onnx(enhancer, 'bgr', PixelFormat('bgr')),
            lambda image: fast(torch.from_numpy(image), PixelFormat('bgr')).numpy())


def of_segmentor(args: argparse.Namespace) -> tuple:
    """The exported model, and the same by PyTorch."""
    cfg = load_config(args.config, args.cfg_options)
    weights = args.weights or cfg.get('load_from')
    if weights is None:
        raise InputError(f'{args.config} has no load_from: name the weights after it.')
    if not has_enhancer(cfg) or args.checkpoint:
        cfg = attach(cfg, dict(type='SyMPIE'), args.checkpoint, source=None)
    forget_pretrained(cfg.model)
    with building('the model'):
        model = MMSegSegmentor(cfg, weights).model
    whole = WholeImage(model, args.output).eval()
    exported = segmentor_onnx(model, args.output)
    model.data_preprocessor.fast.precision = torch.float32  # as the file

    def by_pytorch(image: np.ndarray) -> np.ndarray:
        if model.data_preprocessor.channel_order == 'rgb':
            image = image[:, ::-1].copy()
        data = dict(inputs=list(torch.from_numpy(image)), data_samples=[None] * len(image))
        return whole(model.data_preprocessor(data)['inputs']).numpy()

    return exported, by_pytorch


def session(model: onnx.ModelProto) -> Callable[[np.ndarray], np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    running = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=['CPUExecutionProvider'])
    return lambda image: running.run(None, {'image': image})[0]


def check(by_onnx: Callable, by_pytorch: Callable, output: str) -> dict[str, float]:
    """Largest difference or smallest agreement, by size, on rendered streets.

    Raises:
        InputError: the two differ by more than rounding explains.
    """
    found = {}
    for height, width in SIZES:
        clear, other = (render_street(seed, height, width).image for seed in range(2))
        image = np.stack([clear, other // 3]).transpose(0, 3, 1, 2)[:, ::-1].copy()
        name = f'{width}x{height}'
        outputs = []
        for what, run in (('PyTorch', by_pytorch), ('ONNX Runtime', by_onnx)):
            try:
                outputs.append(run(image))
            except Exception as error:  # of either library
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise InputError(
                    f'The model does not run at {name} by {what}: {reason[:300]}. A graph is for '
                    'images of any size, and this model has sizes fixed in it: nothing was '
                    'written. Export the enhancer alone (leave the config out).') from error
        wanted, got = outputs
        if output == NORMALISED:
            found[name] = np.abs(got - wanted).max().item()
            good = found[name] <= LARGEST_DIFFERENCE_255
        else:
            if output == 'logits':
                wanted, got = wanted.argmax(axis=1), got.argmax(axis=1)
            found[name] = (got == wanted).mean().item()
            good = found[name] >= SMALLEST_AGREEMENT
        if not good:
            raise InputError(f'The exported model and PyTorch differ at {name}: {found[name]:g}. '
                             'Nothing was written.')
    return found


def show_times(by_onnx: Callable, by_pytorch: Callable, repeats: int) -> None:
    image = render_street(0, 1080, 1920).image.transpose(2, 0, 1)[None].copy()
    times = interleaved({'ONNX Runtime': lambda: by_onnx(image),
                         'PyTorch': lambda: by_pytorch(image)}, repeats, 'cpu')
    for name, milliseconds in times.items():
        print(f'{name}: {summary(milliseconds)["median"]:.1f} ms at 1920x1080, '
              f'{torch.get_num_threads()} threads')


@torch.inference_mode()
def main() -> None:
    args = parse_args()
    check_writable(args.out.parent)
    model, by_pytorch = (of_segmentor if args.config else of_enhancer)(args)
    output = model.graph.output[0].name
    by_onnx = session(model)
    for size, value in check(by_onnx, by_pytorch, output).items():
        print(f'{size}: ' + (f'differs by {value:.2g} of 255' if output == NORMALISED else
                             f'{100 * value:.2f}% of the pixels equal'))
    with written_whole(args.out) as partial:
        onnx.save(model, partial)
    print(f'{args.out}: {args.out.stat().st_size / 2**20:.1f} MiB, image -> {output}')
    if args.repeats:
        show_times(by_onnx, by_pytorch, args.repeats)


if __name__ == '__main__':
    with errors_without_traceback():
        main()
