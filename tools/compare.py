"""Reports of the same images to one table: class by class, with bootstrap intervals.

Example:
    python tools/compare.py work_dirs/mobilenetv2_camvid work_dirs/mobilenetv2_camvid_meanmatch
    python tools/compare.py work_dirs/acdc/none work_dirs/acdc/SourceMatch work_dirs/acdc/SyMPIE \
        --out work_dirs/compared --html work_dirs/page
"""
import argparse
from pathlib import Path

from mmseg_sympie.engine.variants import is_training_free
from mmseg_sympie.errors import errors_without_traceback
from mmseg_sympie.evaluation.compare import show_comparison
from mmseg_sympie.evaluation.compare_enhancers import compare_enhancers, show_enhancers
from mmseg_sympie.evaluation.html import write_page
from mmseg_sympie.evaluation.report import read_report, run_names
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('without', help='output folder of tools/test.py: the baseline')
    parser.add_argument('with_', metavar='with', nargs='+',
                        help='output folders of tools/test.py: the changes')
    parser.add_argument('--out', help='also write the tables to this folder: compare.json, .csv, '
                        '.md and .png, or of more than two runs enhancers.json, .csv and .md')
    parser.add_argument('--html', type=Path, metavar='FOLDER',
                        help='also write FOLDER/index.html, the numbers as one page')
    return parsed_args(parser)


def main() -> None:
    args = parse_args()
    for folder in filter(None, (args.out, args.html)):
        check_writable(folder)
    folders = [args.without, *args.with_]
    if len(folders) == 2:
        show_comparison(*folders, ' -> '.join(folders), args.out)
    reports = dict(zip(run_names(folders), map(read_report, folders)))
    if len(folders) > 2:
        show_enhancers(compare_enhancers(reports, list(filter(is_training_free, reports)),
                                         next(iter(reports))), 'comparison', args.out)
    if args.html:
        write_page(args.html / 'index.html', reports)
        print(f'Page: {args.html}/index.html')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
