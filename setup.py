"""Copy the configs and the model zoo into wheels; all else is in pyproject.toml."""
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithConfigs(build_py):
    """Copy configs/ to mmseg_sympie/configs, where a wheel is built."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib, 'mmseg_sympie')
        shutil.copytree(ROOT / 'configs', package / 'configs', dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns('__pycache__'))
        zoo = ROOT / 'docs/model_zoo.json'
        if zoo.is_file():
            shutil.copy(zoo, package)


setup(cmdclass=dict(build_py=BuildWithConfigs))
