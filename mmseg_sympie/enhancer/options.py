"""The choice of an enhancer on the command line, for tools that enhance images themselves."""
import argparse
from typing import Optional, Union

import torch
from torch import Tensor

from ..devices import device
from .dwm import WarpParameters
from .fast import FastSyMPIE, Pixels
from .mean_match import MeanMatch
from .sympie import SyMPIE


def add_enhancer_options(parser: argparse.ArgumentParser) -> None:
    """--checkpoint or --mean-match, --iterations and --device."""
    enhancer = parser.add_mutually_exclusive_group()
    enhancer.add_argument('--checkpoint', help='weights of SyMPIE; by default those that ship')
    enhancer.add_argument('--mean-match', type=float, metavar='TARGET',
                          help='instead of SyMPIE, scale each image to this mean on 0..255')
    parser.add_argument('--iterations', type=int, default=1, help='applications of SyMPIE')
    parser.add_argument('--device', type=device,
                        default='cuda' if torch.cuda.is_available() else 'cpu')


def chosen_enhancer(args: argparse.Namespace) -> Union[FastSyMPIE, MeanMatch]:
    """The enhancer that the options of `add_enhancer_options` name, on their device."""
    if args.mean_match is not None:
        return MeanMatch(args.mean_match)
    return FastSyMPIE(SyMPIE(args.checkpoint, args.iterations).eval().to(args.device), 'rgb')


def enhance_raw(enhancer: Union[FastSyMPIE, MeanMatch], image: Tensor,
                parameters: Optional[WarpParameters] = None) -> Tensor:
    """Enhance images (B, 3, H, W), RGB, uint8, to RGB on 0..255; not clamped with MeanMatch.

    Args:
        parameters: of SyMPIE's first application, where they are known already.
    """
    if isinstance(enhancer, MeanMatch):
        return 255 * enhancer(image.float() / 255)
    return enhancer(image, Pixels('rgb'), parameters)
