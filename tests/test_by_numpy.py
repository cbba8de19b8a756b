"""Matrix products by numpy's BLAS: torch's results up to rounding, forward and backward, in a process of its own."""

import subprocess
import sys

WORK = """
import torch
from camagain.by_numpy import take_over
torch.manual_seed(0)
def r(*shape, dtype=torch.float32): return torch.randn(*shape, dtype=torch.float64).to(dtype)
inputs = [
    (torch.mm, (r(5, 7), r(7, 9)), {}),
    (torch.mm, (r(7, 5).T, r(9, 7).T), {}),
    (torch.mm, (r(5, 0), r(0, 9)), {}),
    (torch.mm, (r(5, 7, dtype=torch.float64), r(7, 9, dtype=torch.float64)), {}),
    (torch.mm, (r(5, 7, dtype=torch.bfloat16), r(7, 9, dtype=torch.bfloat16)), {}),
    (torch.mm, (torch.arange(6).view(2, 3), torch.arange(12).view(3, 4)), {}),
    (torch.bmm, (r(3, 5).expand(4, -1, -1), r(4, 5, 6)), {}),
    (torch.bmm, (r(4, 5, 3, dtype=torch.bfloat16), r(4, 3, 6, dtype=torch.bfloat16)), {}),
    (torch.addmm, (r(9), r(5, 7), r(7, 9)), {}),
    (torch.addmm, (r(5, 1), r(5, 7), r(7, 9)), {"beta": 0.5, "alpha": -2.0}),
    (torch.addmm, (torch.full((5, 9), torch.nan), r(5, 7), r(7, 9)), {"beta": 0}),
    (torch.nn.functional.linear, (r(2, 3, 7), r(4, 7), r(4)), {}),
    (torch.sqrt, (r(5, 7).abs(),), {}),
    (torch.sqrt, (r(2, 3, 4, 5).abs().contiguous(memory_format=torch.channels_last),), {}),
    (torch.sqrt, (r(7, 5, dtype=torch.float64).abs().T,), {}),
    (torch.sqrt, (r(5, dtype=torch.bfloat16).abs(),), {}),
    (torch.sqrt, (torch.arange(5),), {}),
    (torch.sqrt, (torch.tensor(2.0),), {}),
    (torch.Tensor.sqrt_, (torch.arange(5).double() * 1.5,), {}),
    (torch.nn.functional.bilinear, (r(6, 3), r(6, 4), r(2, 3, 4)), {}),
]
def outcome(function, tensors, options):
    learns = function is not torch.Tensor.sqrt_
    leaves = [t.clone().requires_grad_(learns) if t.is_floating_point() else t for t in tensors]
    result = function(*leaves, **options)
    if result.requires_grad:
        result.float().square().sum().backward()
    return [result.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]
before = [outcome(*one) for one in inputs]
library = take_over()
assert take_over() is library
for one, expected in zip(inputs, before, strict=True):
    for a, b in zip(outcome(*one), expected, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape and a.stride() == b.stride(), one
        torch.testing.assert_close(a, b)
exact = torch.rand(9999, generator=torch.Generator().manual_seed(1))
assert torch.equal(exact.sqrt(), exact.double().sqrt().float()), "not the nearest number"
from unittest.mock import patch
import numpy as np
with patch.object(np, "matmul", side_effect=AssertionError("numpy was asked")):
    for function, tensors in ((torch.mm, (r(2, 3), r(3, 2))), (torch.bmm, (r(1, 2, 3), r(1, 3, 2)))):
        try:
            function(*tensors)
        except AssertionError:
            continue
        raise SystemExit(f"{function} did not go to numpy")
"""

WRONG = """
import torch
from camagain.by_numpy import take_over
take_over()
torch.mm(torch.ones(2, 3), torch.ones(4, 5))
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)


def test_products_are_those_of_torch_up_to_rounding():
    done = python(WORK)
    assert (done.returncode, done.stderr) == (0, "")


def test_shapes_that_do_not_fit_are_refused():
    done = python(WRONG)
    assert done.returncode == 1
    assert "(2, 3) and (4, 5) cannot be multiplied" in done.stderr
