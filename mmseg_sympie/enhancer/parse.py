"""An enhancer and its arguments written as text, such as 'SourceMatch:strength=0.5'."""
import ast
import difflib
from pathlib import Path
from typing import Any

from ..errors import InputError

# Enhancers that need no training, and others, by the names that `parse_enhancer` knows.
TRAINING_FREE = ('SourceMatch', 'GreyWorld', 'MeanMatch', 'Levels', 'CLAHE')
TRAINED = ('SyMPIE', 'TorchModule')


def parse_enhancer(text: str) -> dict[str, Any]:
    """Parse an enhancer: its name, and after a colon its arguments.

    Such as 'GreyWorld', 'SourceMatch:strength=0.5,method=gain', 'MeanMatch:110', 'default' (SyMPIE
    with the weights that ship) or a checkpoint of SyMPIE.

    Args:
        text: as above.

    Returns:
        The config of the enhancer.

    Raises:
        InputError: an unknown name that is no file either, or arguments of another form.
    """
    kind, _, arguments = text.partition(':')
    if kind == 'default':
        kind = 'SyMPIE'
    if kind not in TRAINING_FREE + TRAINED:
        if Path(text).suffix or Path(text).is_file():
            return dict(type='SyMPIE', checkpoint=text)
        near = difflib.get_close_matches(kind, TRAINING_FREE + TRAINED, n=1)
        raise InputError(f'There is no enhancer {text!r}'
                         f'{f" (did you mean {near[0]}?)" if near else ""}: wanted one of '
                         f'{", ".join(TRAINING_FREE + TRAINED)}, default, or a checkpoint of '
                         'SyMPIE. One of your own goes into a config.')
    if kind == 'MeanMatch' and arguments and '=' not in arguments:
        text = f'{kind}:target={arguments}'
    return dict(parse_arguments(text), type=kind)


def parse_arguments(text: str) -> dict[str, Any]:
    """Parse 'NAME:ARGUMENT=VALUE,ARGUMENT=VALUE'.

    Args:
        text: as above; values are Python literals, or else text.

    Returns:
        The config `dict(type=NAME, ARGUMENT=VALUE, ...)`.

    Raises:
        InputError: the arguments are of another form.
    """
    kind, _, arguments = text.partition(':')
    config: dict[str, Any] = dict(type=kind)
    for argument in filter(None, arguments.split(',')):
        name, equals, value = argument.partition('=')
        if not equals or name in config:  # `type` is the name before the colon
            raise InputError(f'{text}: wanted NAME:ARGUMENT=VALUE,ARGUMENT=VALUE, each argument '
                             f'once, got {argument!r}.')
        try:
            config[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            config[name] = value
    return config
