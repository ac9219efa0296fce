"""Run a file of tools/export_onnx.py on an image, with neither PyTorch nor MMSegmentation.

Example:
    python tools/run_onnx.py enhancer.onnx street.png enhanced.png
"""
import argparse
import os
import sys

import cv2
import numpy as np
import onnxruntime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('model', 'source', 'target'):
        parser.add_argument(name, type=os.path.expanduser)
    args = parser.parse_args()
    session = onnxruntime.InferenceSession(args.model, providers=['CPUExecutionProvider'])
    image = cv2.imread(args.source)
    if image is None:
        sys.exit(f'{args.source} cannot be read as an image')
    image = image.transpose(2, 0, 1)[None]  # BGR, uint8, (1, 3, H, W)
    result = session.run(None, {'image': np.ascontiguousarray(image)})[0][0]
    if result.ndim == 3:  # an enhanced image; logits have as many channels as classes
        result = result.transpose(1, 2, 0).round()
    if not cv2.imwrite(args.target, result.astype(np.uint8)):
        sys.exit(f'cannot write {args.target}')


if __name__ == '__main__':
    main()
