"""The device that a command line names."""
import argparse

import torch


def device(text: str) -> str:
    """A `type` for argparse: a device that PyTorch has here, such as 'cpu' or 'cuda:1'."""
    try:
        found = torch.device(text)
        if found.type == 'cuda':
            number = torch.cuda.device_count() if torch.cuda.is_available() else 0
            if (found.index or 0) >= number:
                raise RuntimeError(f'PyTorch {torch.__version__} sees {number} GPUs')
        torch.empty(0, device='cpu' if found.type == 'cuda' else found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [''])[0][:200]
        raise argparse.ArgumentTypeError(f'there is no device {text!r} here ({reason}): leave it '
                                         'out, or take cpu') from error
    return text
