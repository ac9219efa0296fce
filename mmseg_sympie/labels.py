"""What a label map may hold."""
import torch
from torch import Tensor

IGNORE_LABEL = 255


def has_unknown_labels(label: Tensor, num_classes: int) -> bool:
    """Whether a label map holds anything but 0..num_classes-1 and 255."""
    return bool(torch.any(((label < 0) | (label >= num_classes)) & (label != IGNORE_LABEL)))
