"""Two reports of the same images to one table: class by class, with a bootstrap interval.

Example:
    python tools/compare.py work_dirs/mobilenetv2_camvid work_dirs/mobilenetv2_camvid_meanmatch
"""
import argparse

from mmseg_sympie.errors import errors_without_traceback
from mmseg_sympie.evaluation.compare import show_comparison
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('without', help='output folder of tools/test.py: the baseline')
    parser.add_argument('with_', metavar='with', help='output folder of tools/test.py: the change')
    parser.add_argument('--out', help='also write compare.json, .csv, .md and .png to this folder')
    return parsed_args(parser)


def main() -> None:
    args = parse_args()
    if args.out:
        check_writable(args.out)
    show_comparison(args.without, args.with_, f'{args.without} -> {args.with_}', args.out)


if __name__ == '__main__':
    with errors_without_traceback():
        main()
