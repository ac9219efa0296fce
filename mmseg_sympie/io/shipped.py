"""Where what ships with the package lies: configs, found by name, and weights."""
import difflib
from pathlib import Path

from ..errors import InputError

PACKAGE = Path(__file__).parents[1]
WEIGHTS = 'mmseg_sympie/weights/'  # as configs name them


def config_folder() -> Path:
    """The folder of the configs that ship: in the package, or beside it in a clone."""
    packaged = PACKAGE / 'configs'
    return packaged if packaged.is_dir() else PACKAGE.parent / 'configs'


def find_config(path: str) -> str:
    """The file of a config: `path`, or of a name such as 'demo_sympie' the one that ships.

    Raises:
        FileNotFoundError, InputError: there is no such file, no such name.
    """
    if Path(path).is_file():
        return path
    if not Path(path).is_absolute():
        for file in (config_folder() / path, config_folder() / f'{path}.py'):
            if file.is_file():
                return str(file)
    if '::' in path:
        raise InputError(f'{path} is a config of an installed package, which a file can inherit '
                         f'from: write one with _base_ = [{path!r}], and name that.')
    if Path(path).parent != Path():
        raise FileNotFoundError(f'The config {path} does not exist (looked from {Path.cwd()}).')
    near = difflib.get_close_matches(Path(path).stem, [file.stem for file in
                                                       config_folder().glob('*.py')])
    raise InputError(f'There is no config {path}, neither here nor among those that ship'
                     f'{": did you mean " + " or ".join(near) + "?" if near else "."} '
                     '`sympie configs` lists them.')
