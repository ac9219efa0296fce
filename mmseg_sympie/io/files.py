"""Files are written whole or not at all, text in UTF-8, and contents are named by checksum."""
import codecs
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError
from .home import home_path

# What a file in another encoding begins with; that of UTF-32 begins as UTF-16's.
_OTHER_MARKS = ((codecs.BOM_UTF32_LE, 'UTF-32'), (codecs.BOM_UTF32_BE, 'UTF-32'),
                (codecs.BOM_UTF16_LE, 'UTF-16'), (codecs.BOM_UTF16_BE, 'UTF-16'))


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; rename it to `path` if the body succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, because image and array writers choose the format by it.
    partial = path.with_name(f'.{path.stem}.{os.getpid()}.part{path.suffix}')
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8; file names that are in no encoding get question marks."""
    with written_whole(path) as partial:
        partial.write_bytes(text.encode('utf-8', 'replace'))


def read_text(path: str | Path) -> str:
    """Text in UTF-8, with or without a byte order mark.

    Raises:
        FileNotFoundError, InputError: there is no such file, or it is in another encoding.
    """
    content = Path(path).read_bytes()
    found = next((name for mark, name in _OTHER_MARKS if content.startswith(mark)), None)
    try:
        if found is None:
            return content.decode('utf-8-sig')
        where = ''
    except UnicodeDecodeError as error:
        found = 'another encoding, such as Windows-1252'
        where = f' (byte {content[error.start]:#x} at {error.start})'
    raise InputError(f'{path} is in {found}{where}: wanted UTF-8. Save it as UTF-8.')


def write_json(path: str | Path, value: Any, indent: int | None = 1) -> None:
    """Write JSON that every reader takes: see `plain`."""
    write_text(path, json.dumps(plain(value), indent=indent, allow_nan=False) + '\n')


def plain(value: Any) -> Any:
    """What JSON can hold: None for numbers that are not finite, and names or text for objects."""
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): plain(value[key]) for key in value}
    if isinstance(value, (list, tuple, set)):
        return [plain(each) for each in value]
    if hasattr(value, '__qualname__'):  # a class or function, as in configs in Python's style
        return f'{value.__module__}.{value.__qualname__}'
    if hasattr(value, 'tolist'):  # of NumPy or PyTorch
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileNotFoundError, InputError: there is no such file, or it is no JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path} is not JSON: {error}. Make or download it again.') from error


def check_writable(folder: str | Path, needed_bytes: int = 10 * 2**20) -> None:
    """Raise OSError now, not after hours of work, if `folder` cannot take `needed_bytes`.

    A folder that is not there yet is not made: what fails later leaves no empty one behind.
    """
    folder = Path(folder).absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b'\0' * needed_bytes)
    except OSError as error:
        raise OSError(f'Cannot write {needed_bytes / 2**20:.0f} MiB to the output folder {folder}: '
                      f'{error.strerror}. Choose another folder, or make room or permission for '
                      'this one.') from error


def sha256(path: str | Path) -> str:
    """Checksum of a file as 64 hexadecimal digits."""
    return hashlib.sha256(home_path(path).read_bytes()).hexdigest()
