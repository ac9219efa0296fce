"""The train-id labels of Cityscapes from its polygons."""
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from cityscapesscripts.helpers.annotation import Annotation
from cityscapesscripts.preparation.json2labelImg import createLabelImage
from tqdm import tqdm

from ..errors import InputError
from ..io.files import read_text, written_whole
from ..io.images import is_leftover

POLYGONS, LABELS = '_polygons.json', '_labelTrainIds.png'


class Labels(NamedTuple):
    """How many labels were made and were there, of how many, and what was wrong with the others."""

    made: int
    there: int
    total: int
    problems: Sequence[str]


def make_labels(root: Path, workers: int) -> Labels:
    """Make the labels that are missing below a folder, in several processes.

    Raises:
        InputError: there are no polygons.
    """
    polygons = [path for path in sorted(root.glob(f'gtFine/*/*/*_gtFine{POLYGONS}'))
                if not is_leftover(path.relative_to(root))]
    if not polygons:
        raise InputError(f'No gtFine/SPLIT/CITY/*_gtFine{POLYGONS} below {root}. Unpack '
                         'gtFine_trainvaltest.zip of https://www.cityscapes-dataset.com there.')
    todo = [path for path in polygons if not label_path(path).is_file()]
    with ProcessPoolExecutor(workers) as pool:
        problems = [problem for problem in tqdm(pool.map(make_label, todo), total=len(todo),
                                                unit='label') if problem]
    return Labels(len(todo) - len(problems), len(polygons) - len(todo), len(polygons), problems)


def label_path(polygons: Path) -> Path:
    """Where the label of a file of polygons goes."""
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
