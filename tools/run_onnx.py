"""Run a file of tools/export_onnx.py on an image, with neither PyTorch nor MMSegmentation.

Example:
    python tools/run_onnx.py enhancer.onnx street.png enhanced.png
    python tools/run_onnx.py segmentor.onnx street.png labels.png

Enhanced images go to any image format, labels to one that keeps every value, logits to .npy.
"""
import argparse
import io
import os
import sys
from pathlib import Path

try:
    import cv2
    import numpy as np
    import onnxruntime
except ImportError as error:
    sys.exit(f'Error: {error}. Wanted the packages numpy, opencv-python and onnxruntime.')

LOSSLESS = ('.png', '.tif', '.tiff', '.bmp', '.npy')  # of eight bits and one channel
FORMATS = dict(labels=LOSSLESS, logits=('.npy',))  # any for enhanced images


def open_model(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        sys.exit(f'Error: the model {path} does not exist. Make it with tools/export_onnx.py.')
    try:
        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    except Exception as error:  # ONNX Runtime's are of a dozen classes
        sys.exit(f'Error: {path} cannot be read as an ONNX file: {first_line(error)}')
    names = [each.name for each in session.get_inputs()], [session.get_outputs()[0].name]
    if names[0] != ['image'] or names[1][0] not in ('normalised', *FORMATS):
        sys.exit(f'Error: {path} goes from {names[0]} to {names[1]}: wanted a file of '
                 "tools/export_onnx.py, from 'image' to 'normalised', 'labels' or 'logits'.")
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
    if suffix.lower() == '.npy':
        file = io.BytesIO()
        np.save(file, result)
        return file.getvalue()
    if result.ndim == 3:  # an enhanced image
        result = result.transpose(1, 2, 0).round().astype(np.uint8)
    return cv2.imencode(suffix, result)[1].tobytes()


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('model', 'source', 'target'):
        parser.add_argument(name, type=lambda text: Path(os.path.expanduser(text)))
    args = parser.parse_args()
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


if __name__ == '__main__':
    main()
