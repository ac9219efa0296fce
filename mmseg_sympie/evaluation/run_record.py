"""What a test run was made of."""
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any


@dataclass(frozen=True)
class RunRecord:
    """What a test run was made of: enough to repeat it, and to say what was tested."""

    command: str
    date: str                             # UTC, ISO 8601
    config: str                           # its file
    checkpoint: str                       # the segmentor's weights
    checkpoint_sha256: str
    config_sha256: str                    # of the whole config as text
    model: str                            # 'HEAD on BACKBONE'
    data: Mapping[str, Any]               # type and root of the test data, and whether rendered
    enhancers: Sequence[str]              # their types, in order
    data_preprocessor: Mapping[str, Any]
    further_sha256: Mapping[str, str]     # path -> checksum, of enhancers and correction units
    shipped_sha256: str | None            # of the shipped weights of SyMPIE, where they are used
    source: Mapping[str, Any] | None      # source statistics
    precision: str | None                 # in which SyMPIE runs
    versions: Mapping[str, str]
    device: str
    partial: str | None = None            # how far the run got, if it stopped early

    def details(self) -> dict[str, Any]:
        """The record as `report.json` holds it under 'details'."""
        optional = {'sha256 of the shipped enhancer': self.shipped_sha256,
                    'source statistics': self.source,
                    'precision of the enhancer': self.precision}
        return {
            **({'partial': self.partial} if self.partial else {}),
            'command': self.command, 'date': self.date, 'config': self.config,
            'checkpoint': self.checkpoint, 'checkpoint_sha256': self.checkpoint_sha256,
            'config_sha256': self.config_sha256, 'model': self.model, 'data': dict(self.data),
            'enhancers': list(self.enhancers), 'data_preprocessor': self.data_preprocessor,
            **{f'sha256 of {path}': value for path, value in self.further_sha256.items()},
            **{key: value for key, value in optional.items() if value is not None},
            'versions': dict(self.versions), 'device': self.device}


def versions() -> Iterator[tuple[str, str]]:
    """Name and version of what a result depends on."""
    yield 'python', platform.python_version()
    for name in ('mmseg-sympie', 'numpy', 'torch', 'torchvision', 'mmengine', 'onedl-mmengine',
                 'mmcv', 'onedl-mmcv', 'mmsegmentation', 'onedl-mmsegmentation', 'mmpretrain',
                 'onedl-mmpretrain'):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            pass
