"""Commands as a user calls them, but in this process: their imports take seconds."""
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from mmseg.visualization import SegLocalVisualizer

from mmseg_sympie import cli

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, 'PYTHONPATH': str(ROOT)}


def call(name: str, *arguments) -> None:
    """Run a command; its errors come as they are raised."""
    cli.execute(name, cli.parse_args(name, [str(each) for each in arguments]))


def tool(name: str, *arguments, fails: bool = False) -> str:
    """Run `tools/NAME.py` from the project's folder, and give what it prints."""
    said, words = StringIO(), [str(each) for each in arguments]
    SegLocalVisualizer._instance_dict.clear()  # in a new process there is none
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(ROOT)
        patch.setattr(sys, 'argv', [f'tools/{name}.py', *words])
        try:
            cli.run('export' if name == 'export_onnx' else name)
            code = None
        except SystemExit as stop:
            code = stop.code
            if isinstance(code, str):
                print(code)
    assert bool(code) == fails, said.getvalue()
    return said.getvalue()


def scene_options(scenes) -> list[str]:
    """The scenes as the data of a config."""
    return ['--cfg-options', f'data_root={scenes}']
