"""Checkpoints that are named by an address are downloaded, once."""
import hashlib
import shutil
import zipfile
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from torch.hub import get_dir
from tqdm import tqdm

from ..errors import InputError
from .files import written_whole

SCHEMES = ('http://', 'https://')
TIMEOUT = 30  # seconds without an answer


def local_file(named: str) -> str:
    """A path as it is, or the PyTorch file of an address (http, https).

    It is kept where `torch.hub` keeps its downloads, `checkpoints/` below `torch.hub.get_dir()`,
    and not looked for again.

    Raises:
        InputError: nothing was found at the address, less than was announced, or no PyTorch file.
    """
    if not named.startswith(SCHEMES):
        return named
    try:
        name = PurePosixPath(unquote(urlsplit(named).path)).name or 'file'
        digest = hashlib.sha256(named.encode()).hexdigest()[:8]  # Two addresses may end alike.
        target = Path(get_dir(), 'checkpoints', digest, name)
        if not target.is_file():
            _download(named, target)
    except (OSError, HTTPException, ValueError) as error:
        raise InputError(f'{named} cannot be downloaded: {error}. Download it in another way and '
                         'name the file.') from error
    return str(target)


def _download(address: str, target: Path) -> None:
    with urlopen(address, timeout=TIMEOUT) as response:
        length = int(response.headers.get('Content-Length', 0)) or None
        with written_whole(target) as partial:
            with open(partial, 'wb') as file, tqdm.wrapattr(
                    response, 'read', total=length, desc=f'download {target.name}') as stream:
                shutil.copyfileobj(stream, file)
            found = partial.stat().st_size
            if length not in (None, found):
                raise ValueError(f'{found:,} of {length:,} bytes came')
            if not _is_pytorch_file(partial):
                raise ValueError('what came is no PyTorch file, or not the whole of one')


def _is_pytorch_file(path: Path) -> bool:
    """By its beginning and end: a ZIP archive, or before PyTorch 1.6 a pickle."""
    with open(path, 'rb') as file:
        return zipfile.is_zipfile(file) or file.seek(0) == 0 and file.read(1) == b'\x80'
