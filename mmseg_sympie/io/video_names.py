"""Which files are videos, by their names."""
from pathlib import Path

from .images import has_suffix

SUFFIXES = ('.mp4', '.mkv', '.mov', '.avi', '.webm')


def is_video(path: Path) -> bool:
    """Whether a file is a video."""
    return has_suffix(path, SUFFIXES)


def target_suffix(source: Path) -> str:
    """Of the result: H.264 in the same container, in Matroska where that is no place for it."""
    return source.suffix.lower() if source.suffix.lower() in ('.mp4', '.mov') else '.mkv'
