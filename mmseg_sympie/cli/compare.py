"""Two reports of the same images to one table: class by class, with a bootstrap interval.

Example:
    python tools/compare.py work_dirs/mobilenetv2_camvid work_dirs/mobilenetv2_camvid_meanmatch
"""
import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('without', help='output folder of tools/test.py: the baseline')
    parser.add_argument('with_', metavar='with', help='output folder of tools/test.py: the change')
    parser.add_argument('--out', help='also write compare.json, .csv, .md and .png to this folder')


def main(args: argparse.Namespace) -> None:
    """Show the comparison, and write it where that was asked for."""
    from ..evaluation.compare import show_comparison
    from ..io.files import check_writable
    if args.out:
        check_writable(args.out)
    show_comparison(args.without, args.with_, f'{args.without} -> {args.with_}', args.out)
