"""Where a training run that is called again goes on."""
import re
from pathlib import Path

from ..errors import InputError
from ..io.checkpoints import read_checkpoint

NEWEST = 'newest'
_SAVED = re.compile(r'(?:iter|epoch)_(\d+)\.pth')  # as MMEngine's hook names them
_NEEDED = ('state_dict', 'optimizer', 'message_hub', 'meta')


def checkpoint_to_resume(work_dir: Path, wanted: str) -> Path | None:
    """The file to go on from; None where nothing was saved yet.

    Args:
        work_dir: of the run.
        wanted: a file, or `NEWEST` of the work dir.

    Raises:
        InputError, FileNotFoundError: it is missing, damaged or no checkpoint of a training run, or
            it is not clear which is the newest.
    """
    path = newest_checkpoint(work_dir) if wanted == NEWEST else Path(wanted)
    if path is None:
        return None
    try:
        checkpoint = read_checkpoint(path, 'training checkpoint', map_location='meta')
    except InputError as error:
        raise InputError(f'{error} To go on from an earlier one: --resume FILE.') from error
    missing = [key for key in _NEEDED if not isinstance(checkpoint, dict) or key not in checkpoint]
    if missing:
        raise InputError(f'{path} is no checkpoint of a training run: it has no '
                         f'{", ".join(missing)}. To start from weights alone, leave --resume out '
                         f'and give --cfg-options load_from={path}.')
    return path


def newest_checkpoint(work_dir: Path) -> Path | None:
    """The last checkpoint of the run in a work dir; None where none lies.

    By the number in its name. `last_checkpoint` may be gone, names an earlier one after an
    interruption, and a place from before the folder was moved; it helps where checkpoints are in
    another folder or have other names.

    Raises:
        InputError: checkpoints by step and by epoch, or none at all where `last_checkpoint` is.
    """
    record = work_dir / 'last_checkpoint'
    recorded = Path(record.read_text(encoding='utf-8').strip()) if record.is_file() else None
    for folder in [work_dir, *([recorded.parent] if recorded else [])]:
        saved = checkpoints_in(folder)
        if len({path.name.split('_')[0] for path in saved}) > 1:
            raise InputError(f'{folder} holds checkpoints by step (iter_N.pth) and by epoch '
                             '(epoch_N.pth), of more than one run: name the one to go on from, '
                             '--resume FILE.')
        if saved:
            return saved[-1]
    if recorded is None:
        return None
    for path in (work_dir / recorded.name, recorded):
        if path.is_file():
            return path
    raise InputError(f'{record} names {recorded}, which is neither there nor in {work_dir}. Name '
                     'the checkpoint to go on from, --resume FILE, or delete that record to start '
                     'at the beginning.')


def checkpoints_in(folder: Path) -> list[Path]:
    """Those that MMEngine's hook saved in a folder, by number."""
    numbers = {path: int(match[1]) for path in (folder.iterdir() if folder.is_dir() else ())
               if (match := _SAVED.fullmatch(path.name))}
    return sorted(numbers, key=lambda path: numbers[path])
