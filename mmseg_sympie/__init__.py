"""SyMPIE for MMSegmentation: a small frozen image enhancer in front of any segmentor."""
from importlib import metadata

from .version import __version__

__all__ = ['__version__', 'attach', 'enhancer', 'registry']


def _check_mmseg() -> None:
    for distribution in ('mmsegmentation', 'onedl-mmsegmentation'):
        try:
            found = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        if int(found.split('.')[0]) < 1:
            raise ImportError(
                f'mmseg_sympie needs MMSegmentation 1.0 or newer, found {distribution} {found}. '
                "Run, in this project's folder: pip install -e '.[onedl]'")
        return
    raise ImportError('mmseg_sympie needs MMSegmentation, and none is installed. '
                      "Run, in this project's folder: pip install -e '.[onedl]'")


_check_mmseg()

from .io.checkpoints import read_mmengine_checkpoints_safely  # noqa: E402

read_mmengine_checkpoints_safely()

from . import enhancer, registry  # noqa: E402
from .attachment import attach  # noqa: E402
