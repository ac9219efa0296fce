"""Files are written whole or not at all, and their contents are named by checksum."""
import hashlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union


@contextmanager
def written_whole(path: Union[str, Path]) -> Iterator[Path]:
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


def check_writable(folder: Union[str, Path], needed_bytes: int = 10 * 2**20) -> None:
    """Raise OSError now, not after hours of work, if `folder` cannot take `needed_bytes`."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b'\0' * needed_bytes)
    except OSError as error:
        raise OSError(f'Cannot write {needed_bytes / 2**20:.0f} MiB to the output folder {folder}: '
                      f'{error.strerror}. Choose another folder, or make room or permission for '
                      'this one.') from error


def sha256(path: Union[str, Path]) -> str:
    """Checksum of a file as 64 hexadecimal digits."""
    return hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()
