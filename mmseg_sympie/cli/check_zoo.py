"""Check every config family of the installed MMSegmentation with an enhancer in front.

Example:
    python tools/check_zoo.py
    python tools/check_zoo.py --families fcn segformer

Builds the smallest config of each family on the CPU, with small random images, and writes a table
and a JSON file to --out.
"""
import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('--families', nargs='+', help='only these')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/zoo'))


def main(args: argparse.Namespace) -> None:
    """Check the families, show the table, and say where the files are."""
    from ..engine.zoo import CHECKS, check_families
    from ..evaluation.report import terminal
    outcomes, rows = check_families(args.families, args.out)
    print(terminal(rows, 'model zoo', summary_rows=len(outcomes)))
    passed = {check: sum(outcome.get(check) == 'yes' for outcome in outcomes.values())
              for check in CHECKS}
    print(', '.join(f'{check} {passed[check]}' for check in CHECKS),
          f'of {len(outcomes)} families: {args.out}')
