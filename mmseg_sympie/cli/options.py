"""Options that several commands share: the device and the enhancer."""
import argparse

import torch
from torch import Tensor

from ..enhancer.affine import MeanMatch, SourceMatch
from ..enhancer.dwm import WarpParameters
from ..enhancer.fast import FastAffine, FastSyMPIE, PixelFormat
from ..enhancer.sympie import SyMPIE
from ..errors import InputError


def device(text: str) -> str:
    """A `type` for argparse: a device that PyTorch has here, such as 'cpu' or 'cuda:1'."""
    try:
        found = torch.device(text)
        if found.type == 'cuda':
            number = torch.cuda.device_count() if torch.cuda.is_available() else 0
            if (found.index or 0) >= number:
                raise RuntimeError(f'PyTorch {torch.__version__} sees {number} GPUs')
        torch.empty(0, device='cpu' if found.type == 'cuda' else found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [''])[0][:200]
        raise argparse.ArgumentTypeError(f'there is no device {text!r} here ({reason}): leave it '
                                         'out, or take cpu') from error
    return text


def add_enhancer_options(parser: argparse.ArgumentParser) -> None:
    """--checkpoint or --mean-match, --source, --iterations and --device."""
    enhancer = parser.add_mutually_exclusive_group()
    enhancer.add_argument('--checkpoint', help='weights of SyMPIE; by default those that ship')
    enhancer.add_argument('--mean-match', type=float, metavar='TARGET',
                          help='instead of SyMPIE, scale each image to this mean on 0..255')
    parser.add_argument('--source', metavar='NAME_OR_JSON',
                        help='what the model behind was trained on, such as cityscapes: match the '
                        'images to it (SourceMatch), and with --checkpoint correct the match')
    parser.add_argument('--iterations', type=int, default=1, help='applications of SyMPIE')
    parser.add_argument('--device', type=device,
                        default='cuda' if torch.cuda.is_available() else 'cpu')


def chosen_enhancer(args: argparse.Namespace) -> FastSyMPIE | FastAffine | MeanMatch:
    """The enhancer that the options of `add_enhancer_options` name, on their device."""
    alone = args.mean_match is not None or (args.source and not args.checkpoint)
    if args.source and args.mean_match is not None:
        raise InputError('--source and --mean-match are two enhancers: leave one out.')
    if alone and args.iterations != 1:
        raise InputError('--iterations is of SyMPIE: leave it out, or name --checkpoint.')
    if args.mean_match is not None:
        return MeanMatch(args.mean_match)
    if args.source is not None and args.checkpoint is None:
        return FastAffine(SourceMatch(args.source), 'rgb')
    sympie = SyMPIE(args.checkpoint, args.iterations, source=args.source)
    return FastSyMPIE(sympie.eval().to(args.device), 'rgb')


def enhance_raw(enhancer: FastSyMPIE | FastAffine | MeanMatch, image: Tensor,
                parameters: WarpParameters | None = None) -> Tensor:
    """Enhance images (B, 3, H, W), RGB, uint8, to RGB on 0..255; not clamped with MeanMatch.

    Args:
        parameters: of SyMPIE's first application, where they are known already.
    """
    if isinstance(enhancer, MeanMatch):
        return 255 * enhancer(image.float() / 255)
    return enhancer(image, PixelFormat('rgb'), parameters)
