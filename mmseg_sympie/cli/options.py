"""Options that several commands share: changes to a config, the device and the enhancer."""
import argparse
from collections.abc import Callable, Sequence
from typing import Any


class CfgOptions(argparse.Action):
    """`--cfg-options KEY=VALUE ...` as a dict, with a message for what is no such pair."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, option_string: str | None = None) -> None:
        """Add the pairs to those of the same option before."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for pair in values:
            key, equals, text = pair.partition('=')
            balanced = all(text.count(a) == text.count(b) for a, b in ('()', '[]'))
            if not (key and equals and balanced):
                parser.error(f'argument {option_string}: {pair!r} is not KEY=VALUE, such as '
                             'model.test_cfg.mode=whole; lists are [1,2], without spaces.')
            options[key] = config_value(text)
        setattr(namespace, self.dest, options)


def config_value(text: str) -> Any:
    """A value as MMEngine's `DictAction` reads it: '1', '[a,(1,2.5)]', 'True', 'None' or a text.

    But the spaces in a text stay.
    """
    text = text.strip().strip('\'"')
    parts = _split(text)
    if len(parts) == 1 and text[:1] + text[-1:] in ('()', '[]'):
        return (tuple if text[0] == '(' else list)(map(config_value, _split(text[1:-1])))
    if len(parts) > 1 or text.endswith(','):
        return [config_value(part) for part in parts]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    named = {'true': True, 'false': False}
    return None if text == 'None' else named.get(text.lower(), text)


def _split(text: str) -> Sequence[str]:
    """The parts of a text between commas outside brackets; none after the last comma."""
    parts, depth = [''], 0
    for char in text:
        depth += (char in '([') - (char in ')]')
        if char == ',' and depth == 0:
            parts.append('')
        else:
            parts[-1] += char
    return parts if parts[-1] else parts[:-1]


def add_cfg_options(parser: argparse.ArgumentParser, of: str = 'the config') -> None:
    """--cfg-options."""
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={},
                        metavar='KEY=VALUE', help=f'changes to {of}; data_root=FOLDER sets '
                        'the root of all its data sets')


def device(text: str) -> str:
    """A `type` for argparse: a device that PyTorch has here, such as 'cpu' or 'cuda:1'."""
    if text == 'cpu':
        return text
    import torch
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


def whole_number(least: int) -> Callable[[str], int]:
    """A `type` for argparse: a whole number from `least`."""
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f'wanted a whole number from {least}, got {text!r}')
        return int(text)
    return number


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device; where it is left out, `cli.execute` sets it."""
    parser.add_argument('--device', type=device, help='by default the GPU, where there is one')


def add_enhancer(group: Any) -> None:
    """--enhancer."""
    group.add_argument('--enhancer', metavar='WHICH',
                       help='such as SyMPIE, SourceMatch:strength=0.5, GreyWorld, CLAHE, '
                       'MeanMatch:110, or a checkpoint of SyMPIE; several joined by +')


def add_source(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """--source, with `default` where it is left out."""
    parser.add_argument('--source', metavar='NAME_OR_JSON', default=default,
                        type=lambda text: None if text == 'none' else text,
                        help='what the model behind was trained on: cityscapes, camvid, imagenet, '
                        'or a file of `sympie source-statistics`; none for nothing'
                        + ('; by default what the config says' if default == 'auto' else ''))


def add_enhancer_options(parser: argparse.ArgumentParser) -> None:
    """--checkpoint, --enhancer or --mean-match; --source, --iterations and --device."""
    enhancer = parser.add_mutually_exclusive_group()
    enhancer.add_argument('--checkpoint', help='weights of SyMPIE; by default those that ship')
    add_enhancer(enhancer)
    enhancer.add_argument('--mean-match', type=float, metavar='TARGET',
                          help='instead of SyMPIE, scale each image to this mean on 0..255')
    add_source(parser)
    parser.add_argument('--iterations', type=int, default=1, help='applications of SyMPIE')
    add_device(parser)
