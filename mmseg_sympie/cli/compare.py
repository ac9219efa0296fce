r"""Reports of the same images to one table: class by class, with bootstrap intervals.

Example:
    python tools/compare.py work_dirs/mobilenetv2_camvid work_dirs/mobilenetv2_camvid_meanmatch
    python tools/compare.py work_dirs/acdc/none work_dirs/acdc/SourceMatch work_dirs/acdc/SyMPIE \
        --out work_dirs/compared --html work_dirs/page
"""
import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('without', help='output folder of tools/test.py: the baseline')
    parser.add_argument('with_', metavar='with', nargs='+',
                        help='output folders of tools/test.py: the changes')
    parser.add_argument('--out', help='also write the tables to this folder: compare.json, .csv, '
                        '.md and .png, or of more than two runs enhancers.json, .csv and .md')
    parser.add_argument('--html', type=Path, metavar='FOLDER',
                        help='also write FOLDER/index.html, the numbers as one page')


def main(args: argparse.Namespace) -> None:
    """Show the comparison, and write it where that was asked for."""
    from ..engine.comparison import compare_reports_of
    compare_reports_of([args.without, *args.with_], args.out, args.html)
