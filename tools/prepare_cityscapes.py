"""Make the train-id labels of Cityscapes, *_gtFine_labelTrainIds.png, from its polygons.

Example:
    python tools/prepare_cityscapes.py data/cityscapes
"""
import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from cityscapesscripts.preparation.json2labelImg import json2labelImg
from tqdm import tqdm

from mmseg_sympie.config import parsed_args
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.files import written_whole
from mmseg_sympie.images import is_leftover

POLYGONS, LABELS = '_polygons.json', '_labelTrainIds.png'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='the folder that holds gtFine/')
    parser.add_argument('--workers', type=int, default=2)
    return parsed_args(parser)


def make_label(polygons: Path) -> None:
    with written_whole(str(polygons).replace(POLYGONS, LABELS)) as path:
        json2labelImg(str(polygons), str(path), 'trainIds')


def main() -> None:
    args = parse_args()
    polygons = [path for path in sorted(args.root.glob(f'gtFine/*/*/*_gtFine{POLYGONS}'))
                if not is_leftover(path.relative_to(args.root))]
    if not polygons:
        raise InputError(f'No gtFine/SPLIT/CITY/*_gtFine{POLYGONS} below {args.root}. Unpack '
                         'gtFine_trainvaltest.zip of https://www.cityscapes-dataset.com there.')
    todo = [path for path in polygons if not Path(str(path).replace(POLYGONS, LABELS)).is_file()]
    with ProcessPoolExecutor(args.workers) as pool:
        for _ in tqdm(pool.map(make_label, todo), total=len(todo), unit='label'):
            pass
    print(f'{len(todo)} labels made, {len(polygons) - len(todo)} were there.')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
