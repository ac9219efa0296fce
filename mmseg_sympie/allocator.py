"""The former place of `mmseg_sympie.runtime.malloc`."""
import warnings

from .runtime.malloc import trim_malloc as return_freed_memory
from .runtime.malloc import tune_malloc as keep_freed_memory
from .runtime.malloc import tune_malloc_on_cpu as keep_freed_memory_without_gpu

__all__ = ['keep_freed_memory', 'keep_freed_memory_without_gpu', 'return_freed_memory']

warnings.warn('mmseg_sympie.allocator is now mmseg_sympie.runtime.malloc: keep_freed_memory is '
              'called tune_malloc there.', FutureWarning, stacklevel=2)
