"""The theoretical receptive field, against NaN: a pixel counts if the centre cell is NaN when the pixel is."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from timm.layers import Conv2dSame, SqueezeExcite, create_pool2d
from torch import nn

from camagain.analysis.erf.receptive_field import Span, receptive_field
from camagain.models import create

C = 3
SMALL = st.integers(1, 3)


class Residual(nn.Module):
    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


class Joined(Residual):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.branch(x)], dim=1)


class CellMLP(nn.Module):
    """ConvNeXt's detour over channels-last."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(C), nn.Linear(C, C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


@st.composite
def layers(draw: st.DrawFn) -> nn.Module:
    kind = draw(
        st.sampled_from(["conv", "conv", "same", "tf", "max", "avg", "tf-max", "residual", "mlp", "joined", "pad"])
    )
    kernel, stride, dilation = draw(st.integers(1, 5)), draw(SMALL), draw(st.integers(1, 2))
    padding = draw(st.integers(0, kernel // 2))
    if kind == "conv":
        size, padded = (kernel, draw(st.integers(1, 5))), (padding, draw(st.integers(0, 2)))
        return nn.Conv2d(C, C, size, (stride, draw(SMALL)), padded, (dilation, 1))
    if kind == "same":
        return nn.Sequential(nn.Conv2d(C, C, kernel, padding="same", dilation=dilation), nn.BatchNorm2d(C), nn.GELU())
    if kind == "tf":
        return Conv2dSame(C, C, kernel, stride, dilation=dilation)
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans()))
    if kind == "avg":
        return nn.AvgPool2d(kernel, stride, padding, draw(st.booleans()), count_include_pad=draw(st.booleans()))
    if kind == "tf-max":
        return create_pool2d("max", kernel, stride, padding="same")
    if kind == "residual":
        return Residual(nn.Sequential(nn.Conv2d(C, C, 3, padding=1, groups=C), nn.ReLU(inplace=True)))
    if kind == "mlp":
        return CellMLP()
    if kind == "joined":
        return nn.Sequential(Joined(nn.Conv2d(C, C, 3, padding=1)), nn.Conv2d(2 * C, C, 1))
    return nn.ZeroPad2d((draw(SMALL), draw(SMALL), draw(SMALL), draw(SMALL)))


def support(network: nn.Module, height: int, width: int) -> list[np.ndarray]:
    """Which rows, and which columns, make the centre cell NaN when they are."""
    rows = torch.zeros(height, C, height, width, dtype=torch.float64)
    rows[torch.arange(height), :, torch.arange(height)] = torch.nan
    columns = torch.zeros(width, C, height, width, dtype=torch.float64)
    columns[torch.arange(width), :, :, torch.arange(width)] = torch.nan
    with torch.no_grad():
        maps = [network.forward_features(probe) for probe in (rows, columns)]
    return [m[:, :, m.shape[2] // 2, m.shape[3] // 2].isnan().any(1).numpy().nonzero()[0] for m in maps]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@settings(max_examples=150, deadline=None)
@given(st.lists(layers(), min_size=1, max_size=5), st.integers(6, 40), st.integers(6, 40))
def test_it_is_exactly_what_nan_reaches(stack: Callable, body: list[nn.Module], height: int, width: int):
    network = stack(*body, channels=C)
    try:
        expected = support(network, height, width)
    except RuntimeError:  # too small an image for these layers
        assume(False)
    found = receptive_field(network, height, width)
    if any(len(pixels) == 0 for pixels in expected):  # the centre sees padding alone
        assert [(span.start, span.stop) for span in found] == [(0, height), (0, width)]
    else:
        assert [(span.start, span.stop - 1) for span in found] == [(p[0], p[-1]) for p in expected]


def test_resnet50_sees_427_pixels_in_any_direction():
    with torch.device("meta"):
        network = create("resnet50", 4).eval()
    rows, columns = receptive_field(network, 1024, 1280)
    # 1 + (7 - 1) + 2 (3 - 1), then (3 - 1) times the step of the input of each of 16 convolutions of 3 x 3
    assert 1 + 6 + 4 + 2 * (3 * 4 + 4 + 3 * 8 + 8 + 5 * 16 + 16 + 2 * 32) == 427
    assert (rows.stop - rows.start, columns.stop - columns.start) == (427, 427)
    assert (rows.step, rows.cell, columns.cell) == (32, 16, 20)
    assert columns.start - rows.start == (20 - 16) * 32


def test_large_kernels_have_the_same_field_by_the_fast_route():
    from camagain.models import replace_large_kernels

    network = create("replknet_narrow", 4).eval()
    before = receptive_field(network, 1024, 1200)
    assert before[0].start > 0
    assert receptive_field(replace_large_kernels(network), 1024, 1200) == before


class Elsewhere(torch.autograd.Function):
    """An operator that is no torch function: its result must not pass for a constant."""

    @staticmethod
    def forward(ctx, x):
        return x.mean((2, 3), keepdim=True)


class Gate(nn.Module):
    def __init__(self, gate: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gate(x)


def written(x: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x[:, :, :, :] = x.mean()
    return x


GLOBAL = {
    "squeeze-and-excitation": SqueezeExcite(C, rd_channels=2),
    "adaptive pooling": nn.AdaptiveAvgPool2d(8),
    "norm over cells": nn.GroupNorm(1, C),
    "norm over the batch": nn.BatchNorm2d(C, track_running_stats=False),
    "resizing": nn.Upsample(scale_factor=2),
    "reflection": nn.ReflectionPad2d(1),
    "softmax over cells": Gate(lambda x: x.flatten(2).softmax(-1).view_as(x)),
    "operator outside torch": Gate(lambda x: x * Elsewhere.apply(x)),
    "position code": Gate(lambda x: x + torch.ones(x.shape[2:])),
    "written in place": Gate(written),
    "transposed": Gate(lambda x: x + x.mT if x.shape[2] == x.shape[3] else x.mT),
    "shifted": Gate(lambda x: x.roll(5, 2)),
    "sliced": Gate(lambda x: x[:, :, 3:]),
}


@pytest.mark.parametrize("kind", GLOBAL)
def test_what_is_not_known_to_keep_cells_apart_sees_the_whole_image(stack: Callable, kind: str):
    plain = stack(nn.Conv2d(3, C, 3, padding=1), nn.Conv2d(C, C, 3, padding=1), channels=C)
    assert receptive_field(plain, 40, 40)[0] == Span(18, 23, 1, 20)
    network = stack(nn.Conv2d(3, C, 3, padding=1), GLOBAL[kind], nn.Conv2d(C, C, 3, padding=1), channels=C)
    assert receptive_field(network, 40, 40) == (Span(0, 40, 40), Span(0, 40, 40))


def test_alignment_leaves_out_whole_steps_on_both_sides():
    assert Span(23, 138, 8, 10).aligned(157) == Span(16, 157 - 16, 8, 8)
    assert Span(0, 157, 157).aligned(157) == Span(0, 157, 157)
