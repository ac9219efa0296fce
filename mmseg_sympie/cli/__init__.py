"""The command `sympie`: one module a command, with its options and what it prints.

A command module has a docstring (its help, with an example as for `tools/`),
`add_arguments(parser)` and `main(args)`; where arguments need more than argparse does, also
`parse(parser, argv)`. It imports what does the work in `main`, after the command line was found to
be right. What can be checked and said without PyTorch, whose import takes seconds, is in `begin`:
it changes the arguments. A module with `STANDALONE = True` needs nothing of MMEngine.
"""
import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from ..errors import errors_without_traceback
from ..io.home import expand_home
from ..runtime.version import __version__

COMMANDS = ('demo', 'test', 'compare', 'predict', 'enhance', 'visualize', 'attach', 'configs',
            'train', 'corrupt', 'export', 'run-onnx', 'benchmark', 'source-statistics',
            'test-classifier', 'rank-filters', 'release', 'render-scenes', 'convert-checkpoint',
            'prepare-cityscapes', 'video-compression', 'check-zoo')
_TOOL = re.compile(r'(?:python )?tools/(\w+)\.py')


class CommandParser(argparse.ArgumentParser):
    """A parser whose help names the commands as they were called: `tools/X.py`, or `sympie X`."""

    def format_help(self) -> str:
        """The help, with the examples as they are typed."""
        text = super().format_help()
        called = self.prog.split()
        if called[0].endswith('.py'):
            return text
        program = ' '.join(called[:3] if called[0] == 'python' else called[:1])
        return _TOOL.sub(lambda tool: f'{program} {_command_of(tool[1])}', text)


def _command_of(tool: str) -> str:
    return 'export' if tool == 'export_onnx' else tool.replace('_', '-')


def main(argv: Sequence[str] | None = None, program: str = 'sympie') -> None:
    """The command `sympie`.

    Args:
        argv: its arguments; by default those of the process.
        program: how it was called.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        command = arguments.pop(0)
        run(command.replace('-', '_'), arguments, f'{program} {command}')
        return
    parser = argparse.ArgumentParser(
        prog=program, formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f'{program} [-h] [--version] COMMAND ...',
        description='SyMPIE for MMSegmentation: a small frozen image enhancer in front of any '
        'segmentor.', epilog='\n'.join(['commands:', *map(_summary, COMMANDS), '',
                                        f'Each answers {program} COMMAND --help with an example.']))
    parser.add_argument('--version', action='version', version=f'mmseg_sympie {__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help='one of those below')
    if arguments and not arguments[0].startswith('-') and (
            near := difflib.get_close_matches(arguments[0], COMMANDS, n=1)):
        parser.error(f'there is no command {arguments[0]!r}: did you mean {near[0]}?')
    parser.parse_args(arguments)


def _summary(command: str) -> str:
    title = (_module(command.replace('-', '_')).__doc__ or '').splitlines()[0]
    return f'  {command:<20}{title.rstrip(".")}'


def run(name: str, argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run a command, and end the process with a message where the user can put something right.

    Args:
        name: of its module.
        argv: its arguments; by default those of the process.
        prog: how it was called; by default the name of the file that was.
    """
    if '' not in sys.path:
        sys.path.append('')  # as `python -m`: the current folder has modules that a config imports
    with errors_without_traceback():
        execute(name, parse_args(name, argv, prog))


def execute(name: str, args: argparse.Namespace) -> None:
    """Run a command with arguments from `parse_args`."""
    command = _module(name)
    if hasattr(command, 'begin'):
        command.begin(args)
    if not getattr(command, 'STANDALONE', False):
        from ..engine.preparation import best_device, prepare
        prepare()
        if getattr(args, 'device', '') is None:
            args.device = best_device()
    command.main(args)


def parse_args(name: str, argv: Sequence[str] | None = None,
               prog: str | None = None) -> argparse.Namespace:
    """The arguments of a command, with `~` written out, as in --out=~/results."""
    command = _module(name)
    parser = CommandParser(prog=prog, description=command.__doc__,
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_arguments(parser)
    argv = list(sys.argv[1:] if argv is None else argv)
    args = command.parse(parser, argv) if hasattr(command, 'parse') else parser.parse_args(argv)
    expand_home(vars(args))
    return args


def _module(name: str) -> ModuleType:
    return import_module(f'{__name__}.{name}')
