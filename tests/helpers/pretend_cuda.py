"""Tensors that say they are on a GPU and are computed on the CPU, for machines without one.

What asks for a tensor's device does what it would do on a GPU, with real values. Operations that a
GPU would refuse, because their tensors are on two devices, are refused. Copies between the devices,
and whatever else makes the CPU wait for the GPU, are listed. Gradients cannot be taken, and
the GPU is too old for Triton.
"""
import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from mmseg_sympie.enhancer.backends import triton_works
from mmseg_sympie.runtime import device_constants as constants

CUDA, CPU = torch.device('cuda', 0), torch.device('cpu')
SOURCES = str(Path(constants.__file__).parents[1])
STREAM = mock.MagicMock()
# Operations whose result, or its shape, is needed on the CPU.
WAITING = ('_local_scalar_dense', 'nonzero', 'is_nonzero', '_unique2', 'masked_select', 'equal',
           'repeat_interleave', 'bincount')
INDEXING = ('index', 'index_put', 'index_put_')
COPYING = ('_to_copy', 'copy_')

# Without it, as in PyTorch 2.8, the driver is asked about whatever says that it is on a GPU.
AVAILABLE = hasattr(torch._C, '_ensureCUDADeviceGuardSet')


class CudaTensor(Tensor):
    """Claims to be on `CUDA`; its values are in `values`, on the CPU."""

    @staticmethod
    def __new__(cls, values: Tensor) -> Tensor:
        tensor = Tensor._make_wrapper_subclass(
            cls, values.shape, values.stride(), values.storage_offset(), dtype=values.dtype,
            device=CUDA, requires_grad=values.requires_grad)
        tensor.values = values
        return tensor

    def __repr__(self) -> str:
        return f'CudaTensor({self.values})'

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise AssertionError(f'{function} outside of PretendCuda')


class CudaGenerator(torch.Generator):
    """Draws on the CPU and says that it is of the GPU."""

    device = CUDA


class Graph:
    """Does recorded operations once more, from and to the memory that they had."""

    def __init__(self):
        self.operations = []

    def replay(self):
        for function, args, kwargs, result in self.operations:
            for old, new in zip(tree_flatten(result)[0],
                                tree_flatten(function(*args, **kwargs))[0]):
                if isinstance(old, Tensor):  # A question about types has no other answer.
                    old.copy_(new)


class PretendCuda(TorchDispatchMode):
    """Run operations on `CudaTensor`s.

    Attributes:
        launched: names of the operations on the GPU.
        waits: names of what the CPU waits for, with the line of this package that asked.
    """

    def __init__(self):
        super().__init__()
        self.launched: list[str] = []
        self.waits: list[str] = []
        self.recording = None  # of a graph: operations with their arguments and results
        self.around = contextlib.ExitStack()

    def __enter__(self):
        make = torch.Generator
        for patch in (
                mock.patch.object(torch.cuda, '_lazy_init', lambda: None),
                mock.patch.object(torch, 'Generator', lambda device='cpu': (
                    CudaGenerator() if torch.device(device).type == 'cuda' else make(device))),
                mock.patch.object(constants, 'Tensor', CudaTensor),
                mock.patch.multiple(
                    torch.cuda, get_device_capability=lambda device: (6, 1),
                    device_of=contextlib.nullcontext, stream=contextlib.nullcontext,
                    Stream=mock.MagicMock, current_stream=lambda: STREAM,
                    is_current_stream_capturing=lambda: self.recording is not None,
                    CUDAGraph=Graph, graph=self.record),
                torch.backends.cudnn.flags(enabled=False),
                _swapped_parameters(), _Functions(self)):
            self.around.enter_context(patch)
        torch._C._ensureCUDADeviceGuardSet()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.around.close()
        constants._constant.cache_clear()
        triton_works.cache_clear()

    @contextlib.contextmanager
    def record(self, graph: 'Graph', stream, capture_error_mode: str) -> Iterator[None]:
        self.recording = graph.operations
        yield
        self.recording = None

    def wait(self, name: str) -> None:
        assert self.recording is None, f'{name} while a graph is recorded {_caller()}'
        self.waits.append(f'{name} {_caller()}')

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = function._overloadpacket.__name__
        tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
        on_gpu = any(isinstance(each, CudaTensor) for each in tensors)
        mixed = on_gpu and not all(isinstance(each, CudaTensor) for each in tensors)
        to_gpu = on_gpu
        if kwargs.get('device') is not None:
            to_gpu = torch.device(kwargs['device']).type == 'cuda'
            kwargs['device'] = CPU
        if name in COPYING:
            if mixed or to_gpu != on_gpu:
                self.wait(name)
        elif mixed:
            # A GPU takes numbers from the CPU, but no more than numbers.
            assert all(each.ndim == 0 for each in tensors if not isinstance(each, CudaTensor)), (
                f'{name} of tensors on two devices {_caller()}')
        masked = name in INDEXING and any(each.dtype == torch.bool for each in tensors[1:])
        if on_gpu and (name in WAITING or masked):
            self.wait(name)
        if on_gpu or to_gpu:
            self.launched.append(name)
        args, kwargs = tree_map(_values, (args, kwargs))
        result = function(*args, **kwargs)
        if self.recording is not None:
            self.recording.append((function, args, kwargs, result))
        if not to_gpu:
            return result
        same = {id(each.values): each for each in tensors if isinstance(each, CudaTensor)}

        def wrapped(each):
            if id(each) in same:
                return same[id(each)]
            # Of a conjugate that is only noted, the operations below would not know.
            return CudaTensor(each.resolve_conj()) if isinstance(each, Tensor) else each

        return tree_map(wrapped, result)


@contextlib.contextmanager
def _swapped_parameters():
    """`Module.to` exchanges a parameter for a new one, rather than only what is in it."""
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    yield
    torch.__future__.set_swap_module_params_on_conversion(before)


class _Functions(TorchFunctionMode):
    """What PyTorch does before it dispatches an operation."""

    def __init__(self, device: PretendCuda):
        super().__init__()
        self.device = device

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(function, '__name__', '')
        if name in ('tensor', 'as_tensor', 'new_tensor'):
            target = kwargs.pop('device', None)
            to_gpu = (isinstance(args[0], CudaTensor) if target is None
                      else torch.device(target).type == 'cuda')
            if name == 'new_tensor':
                kwargs.setdefault('dtype', args[0].dtype)
                function, args = torch.tensor, args[1:]
            made = function(*args, **kwargs)
            if to_gpu:
                self.device.wait(name)
            return CudaTensor(made) if to_gpu else made
        if name in ('tolist', 'numpy') and isinstance(args[0], CudaTensor):
            self.device.wait(name)
            return function(args[0].values)
        return function(*args, **kwargs)


def _values(each):
    return each.values if isinstance(each, CudaTensor) else each


def _caller() -> str:
    """The line of this package that is at work."""
    frames = [frame for frame in traceback.extract_stack() if frame.filename.startswith(SOURCES)]
    return f'{Path(frames[-1].filename).name}:{frames[-1].lineno}' if frames else ''
