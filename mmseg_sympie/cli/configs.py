"""List the configs that ship, with their data, weights and scores.

Example:
    sympie configs
    sympie configs camvid acdc

A name of the list is taken wherever a command wants a config: sympie test demo_sympie.
"""
import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('parts', nargs='*', metavar='PART',
                        help='only configs with one of these in their names')


def main(args: argparse.Namespace) -> None:
    """Print one row for each config."""
    from ..engine.configs import config_rows
    from ..evaluation.report import terminal
    from ..io.shipped import config_folder
    rows = config_rows(args.parts)
    print(terminal(rows, f'configs in {config_folder()}', len(rows) - 1, align='l'))
