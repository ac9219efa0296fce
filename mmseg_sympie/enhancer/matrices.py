"""3x3 matrices in batches. What a GPU would wait for, or ONNX lacks, is done another way there."""
import torch
from torch import Tensor

from ..runtime.device_constants import constant

MEAN_STEPS = 16  # each halves the ratio of the two means, then doubles the digits that agree


def identity_like(like: Tensor) -> Tensor:
    """(3, 3), on the device and of the type of a tensor."""
    return constant((1.0, 0, 0, 0, 1, 0, 0, 0, 1), like).view(3, 3)


def diagonal(matrix: Tensor) -> Tensor:
    """The three numbers on the diagonals of (..., 3, 3).

    `torch.diagonal` becomes branches in ONNX, one for each way to ask for it.
    """
    return (matrix * identity_like(matrix)).sum(-1)


def inverse(matrix: Tensor) -> Tensor:
    """Invert 3x3 matrices (..., 3, 3), by cofactors.

    `torch.linalg.inv` cannot be recorded in a CUDA graph, nor exported to ONNX.
    """
    first, second, third = matrix.unbind(-2)
    cofactors = torch.stack([torch.linalg.cross(second, third), torch.linalg.cross(third, first),
                             torch.linalg.cross(first, second)], dim=-1)
    determinant = (first * cofactors[..., 0]).sum(-1)
    return cofactors / determinant[..., None, None]


def geometric_mean(first: Tensor, second: Tensor) -> Tensor:
    """Of symmetric positive matrices (B, 3, 3): the G with `G second^-1 G = first`."""
    by_eigenvalues = first.device.type == 'cpu' and not torch.onnx.is_in_onnx_export()
    by = _geometric_mean_by_eigenvalues if by_eigenvalues else _geometric_mean_by_means
    return by(first, second)


def _geometric_mean_by_eigenvalues(first: Tensor, second: Tensor) -> Tensor:
    """With `second = L L^T`: G = L (L^-1 first L^-T)^(1/2) L^T."""
    root = torch.linalg.cholesky(second)
    whitened = torch.linalg.solve_triangular(root, first, upper=False)
    whitened = torch.linalg.solve_triangular(root, whitened.mT, upper=False)
    values, vectors = torch.linalg.eigh(whitened)
    vectors = root @ vectors
    return vectors * values.clamp(min=0).sqrt()[:, None] @ vectors.mT


def _geometric_mean_by_means(first: Tensor, second: Tensor) -> Tensor:
    """Where arithmetic and harmonic mean meet.

    On a GPU, eigenvectors would wait for it, and ONNX has none.
    """
    scale = torch.sqrt(_trace(first) / _trace(second))
    first, second = first / scale, second * scale
    for _ in range(MEAN_STEPS):
        total = first + second
        first, second = total / 2, 2 * first @ inverse(total) @ second
    return first


def _trace(matrix: Tensor) -> Tensor:
    return diagonal(matrix).sum(-1)[..., None, None]
