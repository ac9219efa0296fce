"""SyMPIE for MMSegmentation: a small frozen image enhancer in front of any segmentor."""
from importlib import metadata

from .version import __version__

__all__ = ['__version__']


def _check_mmseg() -> None:
    for distribution in ('mmsegmentation', 'onedl-mmsegmentation'):
        try:
            found = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        if int(found.split('.')[0]) < 1:
            raise ImportError(
                f'mmseg_sympie needs MMSegmentation 1.0 or newer, found {distribution} {found}. '
                "Run: pip install 'mmseg-sympie[onedl]'")
        return
    raise ImportError('mmseg_sympie needs MMSegmentation, and none is installed. '
                      "Run: pip install 'mmseg-sympie[onedl]'")


_check_mmseg()

from .checkpoints import allow_mmengine_checkpoints  # noqa: E402

allow_mmengine_checkpoints()
