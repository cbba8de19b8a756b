"""Operations of torch on the CPU that numpy does in its place, for `compute.portable`.

torch leaves them to MKL. Its matrix products have one code that every x86 processor runs alike, with instructions of
2001: up to three times as slow as its best. OpenBLAS, in numpy, runs its AVX2 code on any processor that has AVX2 when
it is told to. Its square root starts from an approximation that processors of Intel and AMD make differently, whatever
MKL is told: one root in five is not the nearest number. numpy's is, as the processor's own instruction is.
"""

import warnings
from functools import cache

import numpy as np
import torch

BY_NUMPY = (torch.float32, torch.float64)
"""The types of numbers that are handed over; operations on any other stay with torch."""


@cache
def take_over() -> torch.library.Library:
    """Gives `mm`, `bmm`, `addmm` and `sqrt` of CPU tensors to numpy in this process, until it ends."""
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Warning only once for all operators")  # that a kernel has a successor
        for name, function in {"mm": mm, "bmm": bmm, "addmm": addmm, "sqrt": sqrt, "sqrt_": sqrt_}.items():
            library.impl(name, function, "CPU")
    return library


def mm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(m, k), (k, n) -> (m, n)."""
    result = a.new_empty(a.shape[0], b.shape[1])
    return multiplied(a, b, result) if by_numpy(a, b) else torch.mm(a, b, out=result)


def bmm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(N, m, k), (N, k, n) -> (N, m, n)."""
    result = a.new_empty(len(a), a.shape[1], b.shape[2])
    return multiplied(a, b, result) if by_numpy(a, b) else torch.bmm(a, b, out=result)


def addmm(
    summand: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, beta: float = 1, alpha: float = 1
) -> torch.Tensor:
    """beta summand + alpha a b, summand of a shape that broadcasts to (m, n)."""
    result = a.new_empty(a.shape[0], b.shape[1])
    if not by_numpy(summand, a, b):
        return torch.addmm(summand, a, b, beta=beta, alpha=alpha, out=result)
    multiplied(a, b, result)
    if alpha != 1:
        result *= alpha
    return result.add_(summand, alpha=beta) if beta else result


def sqrt(values: torch.Tensor) -> torch.Tensor:
    """The square root of every value, in the layout of the values."""
    inexact = values.is_floating_point() or values.is_complex()
    result = torch.empty_like(values, dtype=None if inexact else torch.get_default_dtype())
    if not by_numpy(values):
        return torch.sqrt(values, out=result)
    np.sqrt(values.detach().numpy(), out=result.numpy())
    return result


def sqrt_(values: torch.Tensor) -> torch.Tensor:
    """The same in place."""
    return values.copy_(sqrt(values))


def multiplied(a: torch.Tensor, b: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
    """The product, written to `result`."""
    if a.shape[-1] != b.shape[-2] or a.shape[:-2] != b.shape[:-2]:
        raise RuntimeError(f"shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be multiplied")
    np.matmul(a.detach().numpy(), b.detach().numpy(), out=result.numpy())
    return result


def by_numpy(*tensors: torch.Tensor) -> bool:
    """Whether all are of one type that is handed over."""
    return all(tensor.dtype == tensors[0].dtype for tensor in tensors) and tensors[0].dtype in BY_NUMPY
