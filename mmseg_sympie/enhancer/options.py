"""The choice of an enhancer on the command line."""
import argparse
import ast
from pathlib import Path
from typing import Any, Dict, Optional, Union

import torch
from torch import Tensor

from ..devices import device
from ..errors import InputError
from .affine import MeanMatch, SourceMatch
from .dwm import WarpParameters
from .fast import FastAffine, FastSyMPIE, Pixels
from .sympie import SyMPIE

# Enhancers that need no training, and others, by the names that `parse_enhancer` knows.
TRAINING_FREE = ('SourceMatch', 'GreyWorld', 'MeanMatch', 'Levels', 'CLAHE')
TRAINED = ('SyMPIE', 'TorchModule')


def parse_enhancer(text: str) -> Dict[str, Any]:
    """The config of one enhancer: 'GreyWorld', 'SourceMatch:strength=0.5,method=gain',
    'MeanMatch:110', 'default' (SyMPIE with the weights that ship) or a checkpoint of SyMPIE.

    Raises:
        InputError: an unknown name that is no file either, or arguments of another form.
    """
    kind, _, arguments = text.partition(':')
    if kind == 'default':
        kind = 'SyMPIE'
    if kind not in TRAINING_FREE + TRAINED:
        if Path(text).suffix or Path(text).is_file():
            return dict(type='SyMPIE', checkpoint=text)
        raise InputError(f'There is no enhancer {text!r}: wanted one of '
                         f'{", ".join(TRAINING_FREE + TRAINED)}, default, or a checkpoint of '
                         'SyMPIE. One of your own goes into a config.')
    if kind == 'MeanMatch' and arguments and '=' not in arguments:
        text = f'{kind}:target={arguments}'
    return dict(parse_arguments(text), type=kind)


def parse_arguments(text: str) -> Dict[str, Any]:
    """'NAME:ARGUMENT=VALUE,ARGUMENT=VALUE' as the config `dict(type=NAME, ARGUMENT=VALUE, ...)`.

    Raises:
        InputError: the arguments are of another form.
    """
    kind, _, arguments = text.partition(':')
    config: Dict[str, Any] = dict(type=kind)
    for argument in filter(None, arguments.split(',')):
        name, equals, value = argument.partition('=')
        if not equals:
            raise InputError(f'{text}: wanted NAME:ARGUMENT=VALUE,ARGUMENT=VALUE, got '
                             f'{argument!r}.')
        try:
            config[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            config[name] = value
    return config


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


def chosen_enhancer(args: argparse.Namespace) -> Union[FastSyMPIE, FastAffine, MeanMatch]:
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


def enhance_raw(enhancer: Union[FastSyMPIE, FastAffine, MeanMatch], image: Tensor,
                parameters: Optional[WarpParameters] = None) -> Tensor:
    """Enhance images (B, 3, H, W), RGB, uint8, to RGB on 0..255; not clamped with MeanMatch.

    Args:
        parameters: of SyMPIE's first application, where they are known already.
    """
    if isinstance(enhancer, MeanMatch):
        return 255 * enhancer(image.float() / 255)
    return enhancer(image, Pixels('rgb'), parameters)
