"""SyMPIE for MMSegmentation: a small frozen image enhancer in front of any segmentor.

What the package offers is imported when it is asked for: importing the package takes no time, and
changes nothing outside it.
"""
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any

from .runtime.version import __version__

if TYPE_CHECKING:
    from . import enhancer, registry
    from .attachment import attach
    from .engine.inference import ImageEnhancer, SegmentorWithEnhancer, load_enhancer

__all__ = ['ImageEnhancer', 'SegmentorWithEnhancer', '__version__', 'attach', 'enhancer',
           'load_enhancer', 'registry']

_MODULE_OF = dict(attach='attachment', ImageEnhancer='engine.inference',
                  SegmentorWithEnhancer='engine.inference', load_enhancer='engine.inference')
_LOCK = RLock()  # What is printed meanwhile is one process's.


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        from .engine.preparation import quiet_imports
        with _LOCK, quiet_imports():
            globals()[name] = getattr(import_module(f'{__name__}.{_MODULE_OF[name]}'), name)
        return globals()[name]
    if name in __all__:
        return import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
