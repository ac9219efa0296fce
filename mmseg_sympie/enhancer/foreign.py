"""Other people's enhancers in front of a segmentor, to compare with."""
import importlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..io.checkpoints import load_weights
from ..io.home import home_path
from ..registry import MODELS
from .check import check_images


@MODELS.register_module()
class TorchModule(nn.Module):
    """Any PyTorch module from images (B, 3, H, W), RGB on [0, 1], to the same.

    Args:
        file: a TorchScript file (`torch.jit.save`). Like any program, it should be from somebody
            you trust.
        module: instead, a class or function that can be imported, as 'package.module.Name'.
        arguments: of the class.
        weights: state dict of the class, loaded strictly and without running code.
        output: which one, where the module returns several.

    The result is clamped to [0, 1].

    Raises:
        FileNotFoundError, InputError: the module cannot be had; in `forward`, the result is no
            image of the same size.
    """

    def __init__(self, file: str | None = None, module: str | None = None,
                 arguments: Mapping[str, Any] = {}, weights: str | None = None,
                 output: int = 0):
        super().__init__()
        if file is not None and module is None:
            self.name, self.module = file, _from_file(file)
        elif module is not None and file is None:
            self.name, self.module = module, _imported(module, arguments)
        else:
            raise InputError('TorchModule wants either file= (a TorchScript file) or module= '
                             "('package.module.Name').")
        self.output = output
        if weights is not None:
            load_weights(self.module, weights, 'enhancer weights', f'Wanted those of {module}.')

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Enhance images (B, 3, H, W), RGB on [0, 1]."""
        check_images(image)
        result = self.module(image)
        if isinstance(result, (list, tuple)):
            result = result[self.output]
        if not isinstance(result, Tensor) or result.shape != image.shape:
            found = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
            raise InputError(f'{self.name} made {found} of images {tuple(image.shape)}: wanted '
                             'enhanced images of the same shape.')
        if not torch.isfinite(result).all():
            raise InputError(f'{self.name} made values that are not finite (NaN or infinity).')
        return result.clamp(0, 1)


def _from_file(file: str) -> nn.Module:
    path = home_path(file)
    if not path.is_file():
        raise FileNotFoundError(f'The TorchScript file {path} does not exist.')
    try:
        return torch.jit.load(str(path), map_location='cpu')
    except RuntimeError as error:
        raise InputError(f'{path} is not a TorchScript file. Write one with `torch.jit.save('
                         "torch.jit.script(module), 'FILE')`, or name the class by "
                         "module='package.module.Name'.") from error


def _imported(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    package, _, attribute = name.rpartition('.')
    try:
        made = getattr(importlib.import_module(package), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f'TorchModule cannot import {name}: {error}. Is its folder on '
                         'PYTHONPATH?') from error
    return made(**arguments) if isinstance(made, type) else made
