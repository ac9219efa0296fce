"""Export the enhancer, or it and a segmentor, and hold the file against PyTorch."""
import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch

from ..attachment import AUTO
from ..benchmarks.timing import interleaved, summary
from ..demo.street import render_street
from ..enhancer.build import build_enhancer, enhancer_configs
from ..enhancer.fast import FastSyMPIE, PixelFormat, fast_path
from ..errors import InputError
from ..export.enhancer import NORMALISED, enhancer_onnx
from ..export.segmentor import WholeImage, segmentor_onnx
from ..io.config import building, forget_pretrained, load_config
from ..io.files import check_writable, written_whole
from ..pretraining.upstream import MMSegSegmentor
from .segmentor_config import enhancers_for, with_enhancer
from .segmentor_weights import checkpoint_of

SIZES = ((256, 512), (333, 250), (480, 640))
LARGEST_DIFFERENCE_255, SMALLEST_AGREEMENT = 1e-3 * 255, 0.999

Run = Callable[[np.ndarray], np.ndarray]


class Exported(NamedTuple):
    """A written file, run by ONNX Runtime and by PyTorch on images (B, 3, H, W), BGR, uint8."""

    output: str  # its name in the graph
    by_onnx: Run
    by_pytorch: Run
    agreement: dict[str, float]  # from `check`


@torch.inference_mode()
def export(args: argparse.Namespace) -> Exported:
    """Export what the options of the command name, and write it once it agrees with PyTorch."""
    if args.out.is_dir():
        raise InputError(f'--out {args.out} is a folder: name a file in it, such as '
                         f'{args.out / "enhancer.onnx"}.')
    check_writable(args.out.parent)
    model, by_pytorch = (of_segmentor if args.config else of_enhancer)(args)
    output = model.graph.output[0].name
    by_onnx = session(model)
    agreement = check(by_onnx, by_pytorch, output)
    with written_whole(args.out) as partial:
        onnx.save(model, partial)
    return Exported(output, by_onnx, by_pytorch, agreement)


def of_enhancer(args: argparse.Namespace) -> tuple[onnx.ModelProto, Run]:
    """The exported model, and the same by PyTorch."""
    source = None if args.source == AUTO else args.source
    configs = enhancer_configs(enhancers_for(named_enhancer(args) or 'default', source),
                               source=source)
    if len(configs) != 1:
        raise InputError(f'A file holds one enhancer, got {args.enhancer}: export each by itself.')
    with building('the enhancer'):
        enhancer = build_enhancer(configs[0]).eval()
    exported = enhancer_onnx(enhancer, 'bgr', PixelFormat('bgr'))
    fast = fast_path(enhancer, 'bgr', torch.float32)  # as the file
    assert fast is not None  # It was exported.
    return exported, lambda image: fast(torch.from_numpy(image), PixelFormat('bgr')).numpy()


def named_enhancer(args: argparse.Namespace) -> str | dict | None:
    """The enhancer that the options name, as `enhancers_for` takes it."""
    if args.enhancer and args.checkpoint:
        raise InputError('--checkpoint is that of a SyMPIE, and --enhancer names another: leave '
                         'one out.')
    return dict(type='SyMPIE', checkpoint=args.checkpoint) if args.checkpoint else args.enhancer


def of_segmentor(args: argparse.Namespace) -> tuple[onnx.ModelProto, Run]:
    """The exported model, and the same by PyTorch."""
    cfg = load_config(args.config, args.cfg_options)
    weights = checkpoint_of(cfg, args.weights)
    if weights is None:
        raise InputError(f'{args.config} has no load_from: name the weights after it.')
    cfg = with_enhancer(cfg, named_enhancer(args), args.source)
    forget_pretrained(cfg.model)
    with building('the model'):
        model: Any = MMSegSegmentor(cfg, weights).model
    whole = WholeImage(model, args.output).eval()
    exported = segmentor_onnx(model, args.output)
    if isinstance(model.data_preprocessor.fast, FastSyMPIE):
        model.data_preprocessor.fast.precision = torch.float32  # as the file

    def by_pytorch(image: np.ndarray) -> np.ndarray:
        if model.data_preprocessor.channel_order == 'rgb':
            image = image[:, ::-1].copy()
        data = dict(inputs=list(torch.from_numpy(image)), data_samples=[None] * len(image))
        return whole(model.data_preprocessor(data)['inputs']).numpy()

    return exported, by_pytorch


def session(model: onnx.ModelProto) -> Run:
    """The model in ONNX Runtime, on as many threads as PyTorch."""
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


@torch.inference_mode()
def time_beside_pytorch(exported: Exported, repeats: int) -> dict[str, tuple[float, int]]:
    """Median milliseconds of an image of 1920x1080, and the number of threads, by what ran it."""
    image = render_street(0, 1080, 1920).image.transpose(2, 0, 1)[None].copy()
    times = interleaved({'ONNX Runtime': lambda: exported.by_onnx(image),
                         'PyTorch': lambda: exported.by_pytorch(image)}, repeats, 'cpu')
    return {name: (summary(milliseconds)['median'], torch.get_num_threads())
            for name, milliseconds in times.items()}
