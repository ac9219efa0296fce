"""Run a file of tools/export_onnx.py on an image, with neither PyTorch nor MMSegmentation.

Example:
    python tools/run_onnx.py enhancer.onnx street.png enhanced.png
"""
import sys

import cv2
import numpy as np
import onnxruntime


def main() -> None:
    model, source, target = sys.argv[1:]
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    image = cv2.imread(source).transpose(2, 0, 1)[None]  # BGR, uint8, (1, 3, H, W)
    result = session.run(None, {'image': np.ascontiguousarray(image)})[0][0]
    if result.ndim == 3:
        result = result.transpose(1, 2, 0).round()
    if not cv2.imwrite(target, result.astype(np.uint8)):
        sys.exit(f'cannot write {target}')


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main()
