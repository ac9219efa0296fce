"""Work on many files: which to read and write, one after the other, and a record of what is done.

For `sympie enhance` and `predict`. Imports nothing that takes seconds, so that wrong arguments are
answered at once.
"""
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from ..errors import InputError
from ..io import images
from ..io.files import read_text, write_json
from ..io.video_names import SUFFIXES as VIDEO_SUFFIXES
from ..io.video_names import is_video, target_suffix
from ..runtime.version import __version__

LABELS = 'labels'  # the folder of label maps among the results of `predict`


def plan(sources: Sequence[Path], out: Path, reserved: str | None = None) -> dict[Path, str]:
    """File to read -> its result, relative to `out`.

    Args:
        sources: files and folders.
        out: the folder of the results.
        reserved: a folder in `out` that no result may lie in.

    Raises:
        InputError: no images or videos, two with one result, or results among the originals; or a
            source is missing.
    """
    planned: dict[Path, str] = {}
    for source in sources:
        if not source.exists():
            raise InputError(f'{source} does not exist (looked from {Path.cwd()}).')
    for source in sources:
        root = source if source.is_dir() else source.parent
        if out.resolve() == root.resolve():
            raise InputError(f'--out {out} is the folder of the originals. Choose another one.')
        files = _files_in(source, out) if source.is_dir() else [source.name]
        for file, target in zip(files, results(files)):
            if reserved is not None and Path(target).parts[0] == reserved:
                raise InputError(f'The result of {root / file} would lie in {out / reserved}, '
                                 'which is for label maps. Rename that folder of the originals.')
            if target in planned.values():
                raise InputError(f'{root / file} and another file would both become {target}. '
                                 'Rename one, or write them to different folders.')
            planned[root / file] = target
    return planned


def _files_in(folder: Path, out: Path) -> list[str]:
    """All images and videos below a folder, without those of an earlier run below `out`."""
    suffixes = (*images.SUFFIXES, *VIDEO_SUFFIXES)
    files = [file for file in images.files_below(folder, suffixes)
             if out.resolve() not in (folder / file).resolve().parents]
    if not files:
        raise InputError(f'{folder} is neither an image nor a folder with images or videos '
                         f'({", ".join(suffixes)}).')
    return files


def results(files: Sequence[str]) -> list[str]:
    """The result of each file of a folder.

    It has the name with another suffix, or with one more where two differ in the suffix alone, as
    a.jpg and a.png.
    """
    suffixes = [target_suffix(Path(file)) if is_video(Path(file)) else '.png'
                for file in files]
    short = [str(Path(file).with_suffix(suffix)) for file, suffix in zip(files, suffixes)]
    count = Counter(short)
    return [name if count[name] == 1 else file + suffix
            for name, file, suffix in zip(short, files, suffixes)]


def announce(planned: Mapping[Path, str], out: Path, model: str) -> None:
    """Say what will be done, before what takes seconds to load."""
    videos = sum(map(is_video, planned))
    kinds = [counted(number, noun) for number, noun in
             ((len(planned) - videos, 'image'), (videos, 'video')) if number]
    print(f'{" and ".join(kinds)}, results in {out}. Loading {model} ...', flush=True)


class Record:
    """A file such as `parameters.json`: what was predicted for each result, and by which enhancer.

    Args:
        out: the folder of the results.
        name: of the file.
        enhancer: what makes them now, with all that decides a result but the released version of
            this package.

    Raises:
        InputError: in the constructor, for a file that is no such record.
    """

    def __init__(self, out: Path, name: str, enhancer: str):
        self.out, self.path = out, out / name
        self.enhancer = f'{enhancer}, version {__version__}'
        path = self.path
        try:
            self.entries = json.loads(read_text(path)) if path.is_file() else {}
        except ValueError as error:
            raise InputError(f'{path} is not JSON: {error}. Delete it, or choose another '
                             '--out.') from error
        if not isinstance(self.entries, dict):
            raise InputError(f'{path} is no record of this tool: wanted names with what was '
                             'predicted. Delete it, or choose another --out.')

    def has(self, target: str, source: Path) -> bool:
        """Whether a result of this enhancer is there already, and not older than its original."""
        entry, result = self.entries.get(target), self.out / target
        return (isinstance(entry, dict) and entry.get('enhancer') == self.enhancer
                and result.is_file() and result.stat().st_mtime >= source.stat().st_mtime)

    def add(self, target: str, parameters: Mapping[str, Any]) -> None:
        """Keep what was predicted for a result."""
        self.entries[target] = dict(parameters, enhancer=self.enhancer)

    def write(self) -> None:
        """Write the file."""
        write_json(self.path, self.entries)


class Outcome(NamedTuple):
    """The results that were made and that were there before, and why the others failed."""

    done: list[str]
    there: list[str]
    failures: list[str]

    def summary(self, done: str) -> str:
        """How many files were `done` ('enhanced'), and how many there before."""
        there = f', {len(self.there)} {"was" if len(self.there) == 1 else "were"} there before'
        return f'{counted(len(self.done), "file")} {done}' + there * bool(self.there)

    def raise_failures(self, done: str) -> None:
        """Raise InputError if files could not be `done`, with the reason for each."""
        if self.failures:
            total = sum(map(len, self))
            raise InputError('\n- '.join([f'{len(self.failures)} of {counted(total, "file")} could '
                                          f'not be {done}:', *self.failures]))


def counted(number: int, noun: str) -> str:
    """A number and a noun, such as '1 file' and '2 files'."""
    return f'{number} {noun}{"" if number == 1 else "s"}'


def run_on_files(work: Callable[[Path, str], Mapping[str, Any]], planned: Mapping[Path, str],
                 record: Record, resume: bool, title: str) -> Outcome:
    """Work on each file; one that cannot be read does not stop the others.

    Args:
        work: from a file to read and its result, relative to the folder, to what is recorded.
        planned: from `plan`.
        record: of what was done before; written also after Ctrl-C.
        resume: leave out what the record has.
        title: of the progress bar.
    """
    outcome = Outcome([], [], [])
    try:
        for source in tqdm(planned, unit='file', desc=title, disable=len(planned) == 1):
            target = planned[source]
            if resume and record.has(target, source):
                outcome.there.append(target)
                continue
            try:
                record.add(target, work(source, target))
                outcome.done.append(target)
            except (InputError, OSError) as error:
                record.entries.pop(target, None)
                outcome.failures.append(str(error))
    finally:
        if record.entries or record.path.is_file():
            record.write()
    return outcome
