"""Finding and reading images: the same rules for every tool.

1. An image is a file with one of `SUFFIXES`, in any case. What operating systems and editors leave
   behind (`is_leftover`) is none, and neither are folders of that kind classes.
2. Images stand upright, as their EXIF orientation says. MMCV reads them so too; a label map, which
   it does not turn, has to be stored upright, pixel for pixel like the turned image.
3. Eight bits a channel are taken as they are, of 16 the upper eight, as in OpenCV (which MMCV reads
   by, and which rounds where Pillow cuts). Real numbers are on 0..1 or on 0..255. What fits none of
   these would come out black or white: it is refused.
4. A file is one image: animations and files of several pages are refused.
"""
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from ..errors import InputError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jpe', '.jfif', '.bmp', '.tif', '.tiff', '.webp', '.gif',
            '.avif', '.jp2', '.ppm', '.pgm', '.pnm')
_SYSTEM_FOLDERS = ('__MACOSX', '@eaDir', '$RECYCLE.BIN', 'System Volume Information', 'lost+found')
_DARKEST = 1 / 16  # of a range: below it, an image looks black and its range is another one
_ORIENTATION, _SUBFILE = 0x112, 0xFE  # tags of EXIF and TIFF

FilePath = str | Path
Item = TypeVar('Item')


def is_leftover(relative: Path) -> bool:
    """Whether a path below a folder of data is hidden, or of an operating system or editor."""
    return any(part.startswith('.') or part in _SYSTEM_FOLDERS for part in relative.parts)


def has_suffix(path: Path, suffixes: Sequence[str] = SUFFIXES) -> bool:
    """Whether a file name ends in one of the suffixes, in any case."""
    return path.suffix.lower() in suffixes


def files_below(root: Path, suffixes: Sequence[str] = SUFFIXES) -> list[str]:
    """All files of these suffixes below a folder, sorted, relative to it."""
    found = (path.relative_to(root) for path in root.rglob('*')
             if has_suffix(path, suffixes) and not path.is_dir())
    return sorted(path.as_posix() for path in found if not is_leftover(path))


def files_in(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """The files of these suffixes in a folder itself, sorted by name; [] without the folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if has_suffix(path, suffixes)
                  and not path.is_dir() and not is_leftover(Path(path.name)))


def evenly(items: Sequence[Item], limit: int | None) -> list[Item]:
    """So many of the items, spread evenly over all; every one where there are no more, or None."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[index * len(items) // limit] for index in range(limit)]


def subfolders(root: Path) -> list[str]:
    """Names of the folders in a folder, sorted; [] without the folder."""
    if not root.is_dir():
        return []
    return sorted(path.name for path in root.iterdir()
                  if path.is_dir() and not is_leftover(Path(path.name)))


def read_rgb(path: FilePath) -> Image.Image:
    """An image of any mode and depth as RGB of 8 bits, upright.

    Raises:
        InputError: it cannot be read, or is not one image, or its values have no known range.
    """
    try:
        with Image.open(path) as image:
            _check_single(image, path)
            deep = _is_deep(image)
            image.load()
            upright = _upright(image)
            if not deep:
                return upright.convert('RGB')
            values = np.array(upright)
            if values.dtype == np.uint8:
                # Pillow has cut off the low bits, which tell black from another range.
                values = _decoded_by_opencv(path)
    except InputError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        try:
            values = _decoded_by_opencv(path)
        except (OSError, cv2.error):
            raise _unreadable(path, error) from error
    except Exception as error:  # A damaged file fails in a dozen ways, down to struct.error.
        raise _unreadable(path, error) from error
    return Image.fromarray(_to_8_bit(values, path)).convert('RGB')


def check_for_mmcv(path: FilePath) -> None:
    """Raise InputError unless MMCV reads an image as `read_rgb` does; cheap for one of 8 bits."""
    with Image.open(path) as image:
        _check_single(image, path)
        deep = _is_deep(image)
        if image.mode == 'F' or image.format == 'AVIF' and orientation(image) != 1:
            raise InputError(f'{path} holds real numbers, or is a turned AVIF, neither of which '
                             'MMCV reads: save it upright, with 8 or 16 bits a channel.')
    if deep:
        read_rgb(path)


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8 of an image that is opened but not loaded; 1 is upright.

    Of TIFF always 1: Pillow turns these itself, and MMCV reads labels by Pillow.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get('exif', b''))
        value = exif.get(_ORIENTATION, 1)
    except Exception:  # Damaged EXIF, in many ways; nobody turns such an image.
        return 1
    return value if value in range(1, 9) else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened image when it stands upright, without loading it."""
    return image.size[::-1] if orientation(image) >= 5 else image.size


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # as in `orientation`
        return image


def _check_single(image: Image.Image, path: FilePath) -> None:
    count = getattr(image, 'n_frames', 1)
    if image.format == 'MPO':  # A phone's photograph with a preview or a depth map behind it.
        count = 1
    elif image.format == 'TIFF' and count > 1:  # Pages of reduced resolution are no images.
        pages: Iterator[Any] = iter(ImageSequence.Iterator(image))
        count = sum(not page.tag_v2.get(_SUBFILE, 0) & 1 for page in pages)
        image.seek(0)
    if count > 1:
        raise InputError(f'{path} holds {count} images, and one was wanted. Save them one by one, '
                         'or as a video.')


def _is_deep(image: Image.Image) -> bool:
    """Whether an opened image has more than 8 bits a channel in its file."""
    return image.mode in ('I', 'F') or ';16' in image.mode + str(getattr(image, 'tile', ''))


def _decoded_by_opencv(path: FilePath) -> np.ndarray:
    """(H, W, 3), RGB, upright, in the depth of the file."""
    bgr = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if bgr is None:
        raise OSError('OpenCV cannot decode it')
    return bgr[..., ::-1]


def _to_8_bit(values: np.ndarray, path: FilePath) -> np.ndarray:
    """Values of any depth to the grey levels that they stand for."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    lowest, highest = float(values.min()), float(values.max())  # NaN stays NaN.
    if values.dtype.kind == 'f':
        if 0 <= lowest and highest <= 1:
            return (255 * values).round().astype(np.uint8)
        if 0 <= lowest and 255 * _DARKEST <= highest <= 255:
            return values.round().astype(np.uint8)
        wanted = 'real numbers on 0..1 or on 0..255'
    else:
        if lowest == highest == 0 or 0 <= lowest and 65536 * _DARKEST <= highest < 65536:
            return (values >> 8).astype(np.uint8)
        wanted = 'whole numbers on 0..65535, and not in their darkest sixteenth alone'
    raise InputError(f'{path} holds values from {lowest:g} to {highest:g} ({values.dtype}), which '
                     f'have no known range; wanted {wanted}. Scale them, or save 8 bits.')


def _unreadable(path: FilePath, error: Exception) -> InputError:
    return InputError(f'{path} cannot be read as an image: {error}. Copy it again, or leave it '
                      'out.')
