"""The home folder, `~`, in paths that no shell has seen."""
import os
import re
from pathlib import Path
from typing import Any

# At the beginning, or of a path after a name, as in torchvision:vgg16:~/vgg16.pth.
_HOME = re.compile(r'(^|[:+])(~[^/:+]*)')


def home_path(path: str | Path) -> Path:
    """A path with `~` at its beginning written out.

    An unknown user's is left as it is, to be reported as a file that does not exist.
    """
    return Path(os.path.expanduser(path))


def expand_home(value: Any) -> Any:
    """`value` with `~` in its strings and paths written out, also inside lists and dicts.

    Containers are changed in place, where they can be.
    """
    if isinstance(value, Path):
        return home_path(value)
    if isinstance(value, str):
        return _HOME.sub(lambda match: match[1] + os.path.expanduser(match[2]), value)
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(expand_home, value))
    entries = (value.items() if isinstance(value, dict) else
               enumerate(value) if isinstance(value, list) else ())
    for key, entry in list(entries):
        expanded = expand_home(entry)
        if expanded is not entry:
            value[key] = expanded
    return value
