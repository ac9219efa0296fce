"""Run a file of `sympie export` on an image, with neither PyTorch nor MMSegmentation.

Example:
    python tools/run_onnx.py enhancer.onnx street.png enhanced.png
    python tools/run_onnx.py segmentor.onnx street.png labels.png

Enhanced images go to any image format, labels to one that keeps every value, logits to .npy.
"""
from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cv2
    import numpy as np
    import onnxruntime

STANDALONE = True  # This file is also a program by itself: copy it to where it is needed.
LOSSLESS = ('.png', '.tif', '.tiff', '.bmp', '.npy')  # of eight bits and one channel
FORMATS = dict(labels=LOSSLESS, logits=('.npy',))  # any for enhanced images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, image and result."""
    for name in ('model', 'source', 'target'):
        parser.add_argument(name, type=lambda text: Path(os.path.expanduser(text)))


def main(args: argparse.Namespace) -> None:
    """Run the model on the image, and write the result whole."""
    import_packages()
    session = open_model(args.model)
    check_target(args.target, session.get_outputs()[0].name)
    image = read_image(args.source)
    try:
        result = session.run(None, {'image': image})[0][0]
    except Exception as error:
        sys.exit(f'Error: {args.model} cannot be run on {args.source}: {first_line(error)}')
    partial = args.target.with_name(f'.{args.target.stem}.{os.getpid()}.part')
    try:
        partial.write_bytes(encode(result, args.target.suffix))
        os.replace(partial, args.target)
    except OSError as error:
        sys.exit(f'Error: cannot write {args.target}: {error.strerror}.')
    finally:
        partial.unlink(missing_ok=True)


def import_packages() -> None:
    """Import what the functions below use, once the command line was found to be right."""
    global cv2, np, onnxruntime
    try:
        import cv2
        import numpy as np
        import onnxruntime
    except ImportError as error:
        sys.exit(f'Error: {error}. Wanted the packages numpy, opencv-python and onnxruntime.')


def open_model(path: Path) -> onnxruntime.InferenceSession:
    """The model, ready to run."""
    if not path.is_file():
        sys.exit(f'Error: the model {path} does not exist. Make it with `sympie export`.')
    try:
        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    except Exception as error:  # ONNX Runtime's are of a dozen classes
        sys.exit(f'Error: {path} cannot be read as an ONNX file: {first_line(error)}')
    names = [each.name for each in session.get_inputs()], [session.get_outputs()[0].name]
    if names[0] != ['image'] or names[1][0] not in ('normalised', *FORMATS):
        sys.exit(f'Error: {path} goes from {names[0]} to {names[1]}: wanted a file of '
                 "`sympie export`, from 'image' to 'normalised', 'labels' or 'logits'.")
    return session


def check_target(path: Path, output: str) -> None:
    """End where the format cannot hold the result: a label map must come back as it was."""
    wanted = FORMATS.get(output)
    if wanted and path.suffix.lower() not in wanted:
        sys.exit(f'Error: {path}: {output} need a format that keeps every value, '
                 f'{", ".join(wanted)}.')
    if path.suffix.lower() != '.npy' and not (path.suffix and cv2.haveImageWriter(str(path))):
        sys.exit(f'Error: {path} has no suffix of an image format, such as .png.')


def read_image(path: Path) -> np.ndarray:
    """BGR, uint8, (1, 3, H, W)."""
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None:
        sys.exit(f'Error: {path} ' + ('cannot be read as an image.' if path.is_file()
                                      else 'does not exist.'))
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None])


def encode(result: np.ndarray, suffix: str) -> bytes:
    """The result as the bytes of a file."""
    if suffix.lower() == '.npy':
        file = io.BytesIO()
        np.save(file, result)
        return file.getvalue()
    if result.ndim == 3:  # an enhanced image
        result = result.transpose(1, 2, 0).round().astype(np.uint8)
    return cv2.imencode(suffix, result)[1].tobytes()


def first_line(error: Exception) -> str:
    """Of a message, not too long."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


if __name__ == '__main__':
    own = argparse.ArgumentParser(description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(own)
    main(own.parse_args())
