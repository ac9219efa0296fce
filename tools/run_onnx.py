"""`sympie run-onnx` from a clone of the repository, which needs no package of it installed."""
import runpy
from pathlib import Path

if __name__ == '__main__':
    runpy.run_path(str(Path(__file__).parents[1] / 'mmseg_sympie/cli/run_onnx.py'),
                   run_name='__main__')
