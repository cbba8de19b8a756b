"""Dense layers over single pixels give the same by the faster route, which is taken where it helps and nowhere else."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from camagain.models.pointwise import FastPointwise


class Seen(TorchFunctionMode):
    """Notes how many images and channels each convolution and linear layer is really given."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.conv2d, linear):
            self.shapes.append(tuple(args[0].shape))
        return function(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=torch.channels_last)


def run(layer: Callable, x: torch.Tensor, fast: bool) -> tuple[torch.Tensor, torch.Tensor, list]:
    """Values, gradients and what torch was given."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    with Seen() as seen:
        if fast:
            with FastPointwise():
                result = layer(x)
        else:
            result = layer(x)
    (gradient,) = torch.autograd.grad((result * result.detach().cos()).sum(), x)
    return result, gradient, seen.shapes


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("make", "shape", "given"),
    [
        (lambda bias: nn.Conv2d(32, 48, 1, bias=bias), (1, 32, 28, 28), (16, 32, 49, 1)),
        (lambda bias: nn.Conv2d(32, 48, 1, bias=bias), (2, 32, 28, 20), (16, 32, 70, 1)),
        (lambda bias: nn.Conv2d(32, 8, 1, bias=bias), (3, 32, 16, 33), (16, 32, 99, 1)),
    ],
)
def test_convolutions(make: Callable, shape: tuple, given: tuple, bias: bool):
    layer, x = make(bias), images(*shape)
    result, gradient, seen = run(layer, x, fast=True)
    expected, expected_gradient, _ = run(layer, x, fast=False)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(gradient, expected_gradient)
    assert seen == [given] and result.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(1, 28, 28, 32), (2, 400, 32), (800, 32)])
def test_linear_layers(shape: tuple):
    layer, x = nn.Linear(32, 48), torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    result, gradient, seen = run(layer, x, fast=True)
    expected, expected_gradient, _ = run(layer, x, fast=False)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(gradient, expected_gradient)
    assert [len(given) for given in seen] == [4] and seen[0][:2] == (16, 32) and result.shape == (*shape[:-1], 48)


OTHERS = {
    "3 x 3": (nn.Conv2d(32, 32, 3, padding=1), images(1, 32, 28, 28)),
    "stride": (nn.Conv2d(32, 32, 1, stride=2), images(1, 32, 28, 28)),
    "padding": (nn.Conv2d(32, 32, 1, padding=1), images(1, 32, 28, 28)),
    "groups": (nn.Conv2d(32, 32, 1, groups=4), images(1, 32, 28, 28)),
    "default layout": (nn.Conv2d(32, 32, 1), images(1, 32, 28, 28).contiguous()),
    "too small": (nn.Conv2d(32, 32, 1), images(1, 32, 16, 16)),
    "not in 16 parts": (nn.Conv2d(32, 32, 1), images(1, 32, 27, 29)),
    "double precision": (nn.Conv2d(32, 32, 1).double(), images(1, 32, 28, 28).double()),
    "no batch": (nn.Conv2d(32, 32, 1), images(1, 32, 28, 28)[0]),
    "scattered pixels": (nn.Linear(28, 32), images(1, 32, 28, 28)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_all_else_is_left_to_torch(kind: str):
    layer, x = OTHERS[kind]
    result, gradient, seen = run(layer, x, fast=True)
    expected, expected_gradient, _ = run(layer, x, fast=False)
    assert torch.equal(result, expected) and torch.equal(gradient, expected_gradient)
    assert seen == [tuple(x.shape)]


def test_several_threads_are_left_to_torch():
    torch.set_num_threads(2)
    layer, x = nn.Conv2d(32, 32, 1), images(1, 32, 28, 28)
    assert run(layer, x, fast=True)[2] == [tuple(x.shape)]


def test_outside_of_the_context_nothing_is_changed():
    layer, x = nn.Conv2d(32, 32, 1), images(1, 32, 28, 28)
    run(layer, x, fast=True)
    assert run(layer, x, fast=False)[2] == [tuple(x.shape)]
