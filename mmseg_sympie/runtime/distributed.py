"""Several processes without a GPU."""
import atexit

import torch
import torch.distributed
from mmengine.config import Config
from mmengine.model import is_model_wrapper
from torch import nn


def join_processes(cfg: Config, launcher: str) -> None:
    """Prepare a config for the processes that `launcher` started ('none' for a single one).

    MMEngine's own start-up asks for a GPU whatever the backend, and its default wrapper puts the
    model on one. Without a GPU, the processes of `torchrun` are joined over gloo here; MMEngine
    leaves a group that is there. The group is destroyed before Python ends: a thread of gloo that
    frees a tensor after that aborts the process.
    """
    cfg.launcher = launcher
    if launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')
        atexit.register(torch.distributed.destroy_process_group)
        cfg.sync_bn = None  # PyTorch synchronises batch norm on GPUs only.
        cfg.setdefault('model_wrapper_cfg', dict(
            type='MMDistributedDataParallel', broadcast_buffers=False))
        cfg.model_wrapper_cfg.device_ids = None


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside the wrapper that keeps it the same in several processes, if there is one."""
    inside = model.module if is_model_wrapper(model) else model
    assert isinstance(inside, nn.Module)
    return inside
