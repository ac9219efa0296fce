"""Check every config family of the installed MMSegmentation with an enhancer in front.

Example:
    python tools/check_zoo.py
    python tools/check_zoo.py --families fcn segformer

Builds the smallest config of each family on the CPU, with small random images, and writes a table
and a JSON file to --out.
"""
import argparse
from collections import Counter
from pathlib import Path

import torch
from mmengine.utils import import_modules_from_strings
from tqdm import tqdm

from mmseg_sympie.engine.zoo import CHECKS, check_config, families
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.evaluation.report import markdown, terminal
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable, write_json, write_text


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--families', nargs='+', help='only these')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/zoo'))
    return parsed_args(parser)


def main() -> None:
    args = parse_args()
    known = families()
    unknown = sorted(set(args.families or ()) - set(known))
    if unknown:
        raise InputError(f'Unknown families {", ".join(unknown)}; known are {", ".join(known)}.')
    check_writable(args.out)
    import_modules_from_strings(['mmseg.models'])
    outcomes = {}
    for family in tqdm(args.families or known, unit='family'):
        outcomes[family] = dict(config=known[family].stem, **check_config(known[family]))
    rows = [['family', 'config', *CHECKS]]
    for family, outcome in outcomes.items():
        rows.append([family, outcome['config'], *(outcome.get(check, '') for check in CHECKS)])
    write_json(args.out / 'zoo.json', dict(torch=torch.__version__, families=outcomes))
    write_text(args.out / 'zoo.md', markdown(rows) + '\n')
    print(terminal(rows, 'model zoo', summary_rows=len(outcomes)))
    passed = Counter(check for outcome in outcomes.values() for check in CHECKS
                     if outcome.get(check) == 'yes')
    print(', '.join(f'{check} {passed[check]}' for check in CHECKS),
          f'of {len(outcomes)} families: {args.out}')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
