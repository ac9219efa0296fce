"""The tools as a user calls them, each in a process of its own."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, 'PYTHONPATH': str(ROOT)}


def tool(name, *args, fails=False, **kwargs):
    result = subprocess.run([sys.executable, f'tools/{name}.py', *map(str, args)], cwd=ROOT,
                            capture_output=True, text=True, timeout=300, env=ENVIRONMENT, **kwargs)
    assert (result.returncode != 0) == fails, result.stdout + result.stderr
    if fails:
        assert 'Traceback' not in result.stderr, result.stderr
    return result.stdout + result.stderr


def scene_options(scenes):
    return ['--cfg-options', f'data_root={scenes}']
