"""Files that are named by an address are downloaded, once."""
import hashlib
import shutil
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
    """A path as it is, or the file of an address (http, https).

    It is kept where `torch.hub` keeps its downloads, `checkpoints/` below `torch.hub.get_dir()`,
    and not looked for again.

    Raises:
        InputError: nothing was found at the address, or less than was announced.
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
        if response.headers.get_content_type() == 'text/html':
            raise ValueError('it is a web page')
        length = int(response.headers.get('Content-Length', 0)) or None
        with written_whole(target) as partial:
            with open(partial, 'wb') as file, tqdm.wrapattr(
                    response, 'read', total=length, desc=f'download {target.name}') as stream:
                shutil.copyfileobj(stream, file)
            found = partial.stat().st_size
            if length not in (None, found):
                raise ValueError(f'{found:,} of {length:,} bytes came')
