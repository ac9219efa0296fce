"""Which files `sympie enhance` and `predict` read and write, and what they have done before."""
import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..enhancer.image_statistics import load_source
from ..enhancer.pretrained import shipped
from ..errors import InputError
from ..io import video
from ..io.files import read_text, sha256, write_json
from ..io.images import SUFFIXES, files_below, has_suffix

RECORD = 'parameters.json'
LABELS = 'labels'  # the folder of label maps among the results of `predict`


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name."""
    return has_suffix(path, video.SUFFIXES)


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
        root = source if source.is_dir() else source.parent
        if out.resolve() == root.resolve():
            raise InputError(f'--out {out} is the folder of the originals. Choose another one.')
        files = files_to_enhance(source, out) if source.is_dir() else [source.name]
        for file, target in zip(files, results(files)):
            if reserved is not None and Path(target).parts[0] == reserved:
                raise InputError(f'The result of {root / file} would lie in {out / reserved}, '
                                 'which is for label maps. Rename that folder of the originals.')
            if target in planned.values():
                raise InputError(f'{root / file} and another file would both become {target}. '
                                 'Rename one, or enhance them into different folders.')
            planned[root / file] = target
    for source in sources:
        if not source.exists():
            raise InputError(f'{source} does not exist (looked from {Path.cwd()}).')
    return planned


def files_to_enhance(folder: Path, out: Path) -> list[str]:
    """All images and videos below a folder, without those of an earlier run below `out`."""
    suffixes = (*SUFFIXES, *video.SUFFIXES)
    files = [file for file in files_below(folder, suffixes)
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
    suffixes = [video.target_suffix(Path(file)) if is_video(Path(file)) else '.png'
                for file in files]
    short = [str(Path(file).with_suffix(suffix)) for file, suffix in zip(files, suffixes)]
    count = Counter(short)
    return [name if count[name] == 1 else file + suffix
            for name, file, suffix in zip(short, files, suffixes)]


def source_digest(source: str) -> str:
    """Source statistics by their contents, as the file of one name may change."""
    return hashlib.sha256(load_source(source).to_json().encode()).hexdigest()[:16]


def made_by(args: argparse.Namespace) -> str:
    """The enhancer that the options name, to tell results of one from those of another."""
    if args.mean_match is not None:
        return f'MeanMatch({args.mean_match:g})'
    match = f'SourceMatch({source_digest(args.source)})' if args.source else ''
    if match and not args.checkpoint:
        return match
    before = f'{match} and ' if match else ''
    weights = sha256(args.checkpoint or shipped(args.source))
    return (before + f'SyMPIE of sha256 {weights[:16]}, {args.iterations} times, '
            f'every {args.every}, momentum {args.momentum:g}')


class Record:
    """A file such as `parameters.json`: what was predicted for each result, and by which enhancer.

    Args:
        out: the folder of the results.
        enhancer: what makes them now, with all that decides a result.
        name: of the file.

    Raises:
        InputError: in the constructor, for a file that is no such record.
    """

    def __init__(self, out: Path, enhancer: str, name: str = RECORD):
        self.out, self.enhancer, self.path = out, enhancer, out / name
        path = self.path
        try:
            self.entries = json.loads(read_text(path)) if path.is_file() else {}
        except ValueError as error:
            raise InputError(f'{path} is not JSON: {error}. Delete it, or choose another '
                             '--out.') from error
        if not isinstance(self.entries, dict):
            raise InputError(f'{path} is no record of this tool: wanted names with what was '
                             'predicted. Delete it, or choose another --out.')

    def has(self, target: str) -> bool:
        """Whether a result of this enhancer is there already."""
        entry = self.entries.get(target)
        return (isinstance(entry, dict) and entry.get('enhancer') == self.enhancer
                and (self.out / target).is_file())

    def add(self, target: str, parameters: Mapping[str, Any]) -> None:
        """Keep what was predicted for a result."""
        self.entries[target] = dict(parameters, enhancer=self.enhancer)

    def write(self) -> None:
        """Write the file."""
        write_json(self.path, self.entries)
