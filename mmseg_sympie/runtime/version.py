"""The version of this package, and of the MMSegmentation that it needs."""
__version__ = '0.1.0'


def check_mmseg() -> None:
    """Raise ImportError where MMSegmentation is missing or too old."""
    from importlib import metadata  # It takes longer than all that a command's help needs.
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
