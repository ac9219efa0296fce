"""What our commands set up in their process before they work, and importing the package does not.

A script of your own gets the same by `mmseg_sympie.engine.preparation.prepare()`.
"""
import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mmengine
import torch

from ..io.checkpoints import read_mmengine_checkpoints_safely
from ..runtime.version import check_mmseg

# What the libraries warn of in every run (patterns for the beginnings).
REPEATED = ('When align_corners=True', 'Default ``avg_non_ignore`` is False',
            'Fail to import ``MultiScaleDeformableAttention``',
            '.* instance named of visualizer has been created')
ON_IMPORT = 'Could not import OneDL'  # is printed by packages that are OneDL's, or may be


def prepare() -> None:
    """Check MMSegmentation, read checkpoints without running code, leave out repeated messages.

    Raises:
        ImportError: MMSegmentation is missing or too old.
    """
    check_mmseg()
    read_mmengine_checkpoints_safely()
    leave_out_repeated_warnings()
    mmengine.print_log = mmengine.logging.print_log = print_log


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Meanwhile, what is imported shows nothing of what it says in every process."""
    printed, show = io.StringIO(), warnings.showwarning

    def show_others(message: Warning | str, *args, **kwargs) -> None:
        if not any(re.match(repeated, str(message)) for repeated in REPEATED):
            show(message, *args, **kwargs)

    warnings.showwarning = show_others  # Filters would have to be told from those that imports add.
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        warnings.showwarning = show
        print(printed.getvalue().replace(f'{ON_IMPORT}\n', ''), end='')


def leave_out_repeated_warnings() -> None:
    """Show nothing of what the libraries warn of in every run."""
    for message in REPEATED:
        warnings.filterwarnings('ignore', message=message)


_print_log = mmengine.logging.print_log


def print_log(msg: Any, logger: Any = None, level: int = logging.INFO) -> None:
    """MMEngine's, but where it prints, no debugging messages (such as `ON_IMPORT`)."""
    if logger is not None or level > logging.DEBUG:
        _print_log(msg, logger, level)


def best_device() -> str:
    """'cuda' where PyTorch has a GPU, else 'cpu'."""
    return 'cuda' if torch.cuda.is_available() else 'cpu'
