"""Make the train-id labels of Cityscapes, *_gtFine_labelTrainIds.png, from its polygons.

Example:
    python tools/prepare_cityscapes.py data/cityscapes

Files that cannot be read are named at the end, and the others made.
"""
import argparse
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from cityscapesscripts.helpers.annotation import Annotation
from cityscapesscripts.preparation.json2labelImg import createLabelImage
from tqdm import tqdm

from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import read_text, written_whole
from mmseg_sympie.io.images import is_leftover

POLYGONS, LABELS = '_polygons.json', '_labelTrainIds.png'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='the folder that holds gtFine/')
    parser.add_argument('--workers', type=int, default=2)
    return parsed_args(parser)


def label_path(polygons: Path) -> Path:
    return polygons.with_name(polygons.name.replace(POLYGONS, LABELS))


def make_label(polygons: Path) -> str | None:
    """Write one label; what is wrong with the polygons, or None."""
    said = StringIO()
    try:
        annotation = Annotation()
        with redirect_stdout(said), written_whole(label_path(polygons)) as path:
            annotation.fromJsonText(read_text(polygons))
            createLabelImage(annotation, 'trainIds').save(path)
        return None
    except InputError as error:
        return str(error)
    except SystemExit:  # The converter says what is wrong, prints its usage, and ends the process.
        return f'{polygons}: {said.getvalue().splitlines()[0].removeprefix("ERROR: ")}'
    except Exception as error:
        return f'{polygons} is damaged: {type(error).__name__}: {error}'


def main() -> None:
    args = parse_args()
    polygons = [path for path in sorted(args.root.glob(f'gtFine/*/*/*_gtFine{POLYGONS}'))
                if not is_leftover(path.relative_to(args.root))]
    if not polygons:
        raise InputError(f'No gtFine/SPLIT/CITY/*_gtFine{POLYGONS} below {args.root}. Unpack '
                         'gtFine_trainvaltest.zip of https://www.cityscapes-dataset.com there.')
    todo = [path for path in polygons if not label_path(path).is_file()]
    with ProcessPoolExecutor(args.workers) as pool:
        problems = [problem for problem in tqdm(pool.map(make_label, todo), total=len(todo),
                                                unit='label') if problem]
    print(f'{len(todo) - len(problems)} labels made, {len(polygons) - len(todo)} were there.')
    if problems:
        raise InputError('\n- '.join([f'no label from {len(problems)} of {len(polygons)} polygon '
                                      'files. Unpack them again:', *problems]))


if __name__ == '__main__':
    with errors_without_traceback():
        main()
