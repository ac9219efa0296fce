"""What a command that a test runs in this process must not leave behind."""
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mmengine
import pytest
import torch
from mmengine import registry
from mmengine.runner.checkpoint import CheckpointLoader

from mmseg_sympie.runtime import malloc
from mmseg_sympie.runtime.parallel import num_threads

TESTS = Path(__file__).parents[1]


@contextmanager
def settings_of_the_process() -> Iterator[None]:
    """Threads, folder, registries and printing afterwards as before, and malloc untouched.

    The settings of malloc cannot be read, and so not put back.
    """
    folder = Path.cwd()
    with num_threads(torch.get_num_threads()), registries(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(malloc, '_glibc', lambda: None)
        for module in (mmengine, mmengine.logging):
            patch.setattr(module, 'print_log', module.print_log)
        try:
            yield
        finally:
            os.chdir(folder)


@contextmanager
def registries() -> Iterator[None]:
    """MMEngine's registries and checkpoint loaders afterwards as before.

    What a module registered when a test first imported it stays: it would not be imported again.
    """
    before = [(entries, dict(entries)) for entries in _entries()]
    loaders = dict(CheckpointLoader._schemes)
    try:
        yield
    finally:
        known = {id(entries): saved for entries, saved in before}
        for entries in _entries():
            saved = known.get(id(entries), {})
            for name in [name for name in entries if name not in saved]:
                if _is_of_tests(entries[name]):
                    del entries[name]
            entries.update(saved)
        CheckpointLoader._schemes.clear()
        CheckpointLoader._schemes.update(loaders)


def _entries() -> Iterator[dict]:
    """The names of each registry of MMEngine and of those below it."""
    waiting = [each for each in vars(registry).values() if isinstance(each, registry.Registry)]
    while waiting:
        each = waiting.pop()
        yield each.module_dict
        waiting += each.children.values()


def _is_of_tests(registered: object) -> bool:
    module = sys.modules.get(getattr(registered, '__module__', ''))
    return TESTS in Path(getattr(module, '__file__', None) or '').parents
