"""The effective receptive field, against closed forms and plain loops."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import convolve2d
from torch import nn

from camagain.analysis.erf import contribution as erf
from camagain.analysis.erf.contribution import area_ratios, contribution_map
from camagain.errors import UserError
from camagain.models import create, replace_large_kernels


def positive(network: nn.Module) -> nn.Module:
    """Weights in (0, 1), no bias: feature maps of positive images are linear in them."""
    torch.manual_seed(5)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.uniform_(0.01, 1)
                if layer.bias is not None:
                    layer.bias.zero_()
    return network


def randomised(network: nn.Module) -> nn.Module:
    """A network as if trained: no branch that starts at zero, BatchNorms with statistics of their own."""
    torch.manual_seed(7)
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.2)
    return network


def images(n: int = 1, height: int = 20, width: int = 24) -> torch.Tensor:
    return torch.rand(n, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(n))


def taps(layer: nn.Conv2d) -> np.ndarray:
    return layer.weight.detach().numpy()


# --- contribution maps in closed form -------------------------------------------------------------------------------


def test_a_linear_network_spreads_the_convolution_of_its_kernels(stack: Callable):
    first, depthwise, last = (
        nn.Conv2d(3, 4, (3, 5), padding=(1, 2)),
        nn.Conv2d(4, 4, 5, padding=2, groups=4),
        nn.Conv2d(4, 2, 1),
    )
    network = positive(stack(first, depthwise, last, channels=2))
    found = contribution_map(network, images())
    expected = np.zeros((20, 24))
    mix = taps(last)[:, :, 0, 0].sum(0)  # (4,) weight of each inner channel in the sum of the outputs
    for c in range(4):
        kernel = mix[c] * convolve2d(taps(first)[c].sum(0), taps(depthwise)[c, 0])  # (7, 9)
        expected[10 - 3 : 10 + 4, 12 - 4 : 12 + 5] += kernel
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.dtype == np.float64
    assert network.seen[-1] == (7, 9)  # no more than the kernels' sum was computed


def test_a_one_pixel_field_is_one_pixel(stack: Callable):
    layer = nn.Conv2d(3, 2, 1)
    found = contribution_map(positive(stack(layer, channels=2)), images(3))
    assert found[10, 12] == pytest.approx(taps(layer).sum(), rel=1e-12)
    assert np.count_nonzero(found) == 1


def test_strides_spread_the_second_kernel_over_the_steps_of_the_first(stack: Callable):
    first, second = nn.Conv2d(3, 1, 4, stride=3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
    found = contribution_map(positive(stack(first, second, channels=1)), images(1, 36, 36))
    # 12 cells; cell 6 sees cells 5 to 7, and cell j sees pixels 3 j - 1 to 3 j + 2.
    expected = np.zeros((36, 36))
    for u in range(3):
        for v in range(3):
            top, left = 3 * (5 + u) - 1, 3 * (5 + v) - 1
            expected[top : top + 4, left : left + 4] += taps(second)[0, 0, u, v] * taps(first)[0].sum(0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_negative_gradients_count_nothing_pixel_by_pixel_and_colour_by_colour(stack: Callable):
    layer = nn.Conv2d(3, 1, 3, padding=1)
    network = positive(stack(layer, channels=1))
    with torch.no_grad():
        layer.weight[0, 0, 0, 0] = -5  # red alone, above on the left
        layer.bias += 10
    expected = taps(layer)[0].clip(0).sum(0)
    np.testing.assert_allclose(contribution_map(network, images())[9:12, 11:14], expected, rtol=1e-12)


def test_a_channel_that_is_negative_in_the_centre_counts_nothing(stack: Callable):
    layer = nn.Conv2d(3, 2, 1)
    network = positive(stack(layer, channels=2))
    with torch.no_grad():
        layer.bias[1] = -100
    assert contribution_map(network, images())[10, 12] == pytest.approx(taps(layer)[0].sum(), rel=1e-12)


def test_it_is_the_mean_over_images_however_they_come():
    network = randomised(create("resnet_narrow", 4))
    batch = images(3, 40, 48).float()
    each = [contribution_map(network, image[None]) for image in batch]
    np.testing.assert_allclose(contribution_map(network, batch), np.mean(each, 0), rtol=1e-12)
    np.testing.assert_allclose(contribution_map(network, iter(batch.split(1))), np.mean(each, 0), rtol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 16)])
def test_a_single_cell_is_its_own_centre(height: int, width: int):
    found = contribution_map(randomised(create("resnet_narrow", 4)), images(1, height, width).float())
    assert found.shape == (height, width)
    assert found.max() > 0


def test_absolute_gradients_count_what_lowers_the_centre_too(stack: Callable):
    layer = nn.Conv2d(3, 1, 3, padding=1)
    network = positive(stack(layer, channels=1))
    with torch.no_grad():
        layer.weight[0, 0, 0, 0] = -5
        layer.bias += 10
    found = erf.measure(network, images())
    np.testing.assert_allclose(found.absolute[9:12, 11:14], abs(taps(layer)[0]).sum(0), rtol=1e-12)
    np.testing.assert_array_equal(found.values, contribution_map(network, images()))


def test_the_mean_cell_of_a_shift_invariant_network_is_every_cell(stack: Callable):
    """A convolution without borders in reach: each of the nine cells has the same field, moved to the middle."""
    layer = nn.Conv2d(3, 2, 5, padding=2)
    network = positive(stack(layer, channels=2))
    found = erf.measure_everywhere(network, images(18, 30, 36).split(1), grid=3)
    assert found.images == 18 and found.values.shape == (60, 72)
    expected = np.zeros((60, 72))
    expected[28:33, 34:39] = taps(layer).sum((0, 1))
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)


def test_the_mean_over_cells_is_a_loop_over_images_and_their_cells(stack: Callable):
    """Cells with strides and borders, by an independent route: one image at a time through autograd, moved by hand."""
    network = positive(stack(nn.Conv2d(3, 2, 7, stride=3, padding=3), nn.Conv2d(2, 2, 3, padding=1), channels=2))
    batch = images(5, 24, 30)
    expected = np.zeros((48, 60))
    for n, image in enumerate(batch):
        x = image[None].clone().requires_grad_()
        row, column = ((2, 2), (2, 7), (6, 2), (6, 7))[n % 4]  # middles of 2 x 2 parts of 8 x 10 cells
        network.forward_features(x)[0, :, row, column].clamp(min=0).sum().backward()
        gradient = x.grad.clamp(min=0).sum((0, 1)).numpy()
        top, left = 24 - int((row + 0.5) * 3), 30 - int((column + 0.5) * 3)
        expected[top : top + 24, left : left + 30] += gradient / 5
    found = erf.measure_everywhere(network, batch.split(1), grid=2)
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)


# --- the crop -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "height", "width", "computed"),
    [
        ("resnet_narrow", 160, 200, (128, 128)),
        ("resnet_narrow", 157, 203, (125, 123)),
        ("convnext_narrow", 290, 96, (266, 96)),  # high enough to be cut, but too narrow
        ("slak_narrow", 96, 96, (96, 96)),
        ("efficientnet_b0", 128, 128, (128, 128)),  # squeeze-and-excitation
    ],
)
def test_cropping_changes_no_value(name: str, height: int, width: int, computed: tuple):
    network = randomised(create(name, 4)).double()  # in single precision the two may take other routes and round
    sizes, batch = [], images(2, height, width)
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    first.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape[2:])))
    cropped = contribution_map(network, batch)
    assert sizes[-1] == computed
    whole = contribution_map(network, batch, crop=False)
    assert sizes[-1] == (height, width)
    assert np.abs(cropped - whole).max() <= 1e-12 * whole.max()
    assert whole.max() > 0


LAYERS = {
    "same padding that depends on the size": lambda: nn.Sequential(
        *(create("tf_efficientnet_lite0", 4).blocks[1][0].conv_dw.__class__(3, 3, k, 2) for k in (3, 5, 4))
    ),
    "dilation": lambda: nn.Sequential(nn.Conv2d(3, 3, 3, dilation=4), nn.Conv2d(3, 3, 3, 2, padding=1)),
    "even kernels": lambda: nn.Sequential(nn.Conv2d(3, 3, 2, 2), nn.Conv2d(3, 3, 4, 2, padding=1), nn.AvgPool2d(2)),
    "pooling to the ceiling": lambda: nn.Sequential(
        nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, 1, ceil_mode=True)
    ),
    "strides that skip pixels": lambda: nn.Sequential(nn.Conv2d(3, 3, 1, 3), nn.Conv2d(3, 3, 3, padding=1)),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (61, 90), (62, 75)])
def test_cropping_changes_no_value_with(stack: Callable, kind: str, height: int, width: int):
    network = positive(stack(LAYERS[kind](), channels=3))
    cropped = contribution_map(network, images(1, height, width))
    assert network.seen[-1][0] < height and network.seen[-1][1] < width
    np.testing.assert_allclose(cropped, contribution_map(network, images(1, height, width), crop=False), rtol=1e-12)
    assert cropped.max() > 0


def test_a_network_that_treats_small_images_otherwise_is_not_cropped(stack: Callable):
    class Sized(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * (2 if x.shape[2] > 15 else 1)

    network = positive(stack(Sized(3, 2, 3, padding=1), channels=2))
    cropped = contribution_map(network, images())
    np.testing.assert_array_equal(cropped, contribution_map(network, images(), crop=False))


def test_a_fast_large_kernel_gives_the_same_map():
    network = randomised(create("replknet_narrow", 4, kernels=(31, 15, 13, 13)))
    batch = images(1, 96, 96).float()
    slow = contribution_map(network, batch)
    assert np.abs(contribution_map(replace_large_kernels(network), batch) - slow).max() < 1e-4 * slow.max()


def test_single_precision_differs_by_rounding():
    network, batch = randomised(create("convnext_narrow", 4)), images(1, 160, 160).float()
    found, exact = contribution_map(network, batch), contribution_map(network.double(), batch.double())
    assert np.abs(found - exact).max() <= 1e-4 * exact.max()


# --- what it leaves behind, and what it refuses ---------------------------------------------------------------------


def test_the_network_and_the_images_are_left_as_they_were():
    network = randomised(create("resnet_narrow", 4)).train()
    network.layer1.eval()
    network.conv1.weight.requires_grad_(False)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    batch = images(1, 40, 40).float()
    with torch.no_grad():
        contribution_map(network, batch)
    assert network.training and network.layer2.training and not network.layer1.training
    assert [key for key, p in network.named_parameters() if not p.requires_grad] == ["conv1.weight"]
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert not batch.requires_grad and batch.grad is None
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())
    with pytest.raises(UserError):
        contribution_map(network, [])
    assert network.training and not network.conv1.weight.requires_grad


def test_images_without_finite_gradients_are_skipped_and_counted(stack: Callable):
    network = positive(stack(nn.Conv2d(3, 2, 3, padding=1), nn.Softplus(), channels=2))
    batch = images(3)
    expected = contribution_map(network, batch[[0, 2]])
    batch[1, 0, 10, 12] = torch.nan
    with pytest.warns(RuntimeWarning, match="'small': skipped 1 of 3 images"):
        found = contribution_map(network, batch, name="small")
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(UserError, match="'small': its gradients are not finite in any of 1 images"):
        contribution_map(network, batch[1:2], name="small")


def test_any_module_or_callable_that_returns_feature_maps_will_do(stack: Callable):
    network = positive(stack(nn.Conv2d(3, 2, 4, stride=4), channels=2))
    expected = contribution_map(network, images())
    assert expected.any()

    class Plain:
        def forward_features(self, pixels: torch.Tensor) -> torch.Tensor:
            return network.forward_features(pixels)

    class Body(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = network

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.body.forward_features(pixels)

    for model in (Plain(), Body(), network.forward_features, lambda pixels: network.forward_features(pixels)):
        assert np.array_equal(contribution_map(model, images()), expected)


def test_mistakes_are_named(stack: Callable):
    network = positive(stack(nn.Conv2d(3, 2, 4, stride=4), channels=2))
    with pytest.raises(UserError, match="no images"):
        contribution_map(network, images()[:0])
    with pytest.raises(UserError, match="image 1 has 24 x 20 pixels, those before 20 x 24"):
        contribution_map(network, [images(), images(1, 24, 20)])
    with pytest.raises(UserError, match="'tiny' computes no feature maps of 3 x 9 pixels"):
        contribution_map(network, images(1, 3, 9), name="tiny")
    with pytest.raises(UserError, match="'network' computes no feature maps of 20 x 24 pixels: Expected size"):
        contribution_map(nn.Linear(2, 2), images())
    with pytest.raises(UserError, match="Choose a convolutional network"):
        contribution_map(create("vit_tiny_patch16_224", 2, depth=1, img_size=32), images(1, 32, 32).float())
    for wrong in (images()[:, :1], images()[0], images().long()):
        with pytest.raises(ValueError, match=r"expected floats of \(1, 3, H, W\)"):
            contribution_map(network, [wrong])


# --- area ratios ----------------------------------------------------------------------------------------------------


def plain(contribution: np.ndarray, t: float) -> tuple[int, float] | None:
    """Squares one after the other; sums rounded once, as documented."""
    scaled = np.log10(contribution + 1)
    scaled = scaled / scaled.max()
    height, width = scaled.shape
    total = math.fsum(scaled.ravel())
    for i in range(1, min(height, width) // 2):
        square = scaled[height // 2 - i : height // 2 + i + 1, width // 2 - i : width // 2 + i + 1]
        assert square.shape == (2 * i + 1, 2 * i + 1)
        if math.fsum(square.ravel()) / total > t:
            return 2 * i + 1, (2 * i + 1) ** 2 / (height * width)
    return None


SHARES = st.one_of(st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.3, 0.36, 0.5, 0.81, 0.99]), st.floats(0, 0.999))
MAPS = st.tuples(st.integers(4, 15), st.integers(4, 15)).flatmap(
    lambda shape: arrays(
        np.float64, shape, elements=st.one_of(st.sampled_from([0.0, 1.0, 9.0, 99.0]), st.floats(0, 1e6))
    )
)


@settings(max_examples=300, deadline=None)
@given(MAPS, st.lists(SHARES, min_size=1, max_size=5))
def test_ratios_are_those_of_a_plain_loop(contribution: np.ndarray, thresholds: list[float]):
    if np.log10(contribution.max() + 1) == 0:
        return
    assert area_ratios(contribution, thresholds) == {t: plain(contribution, t) for t in thresholds}


def test_ratios_by_hand():
    even = np.ones((10, 10))
    assert area_ratios(even, (0.08, 0.09, 0.25, 0.3, 0.8, 0.81)) == {
        0.08: (3, 0.09),
        0.09: (5, 0.25),  # 9 of 100 cells are not more than 0.09
        0.25: (7, 0.49),
        0.3: (7, 0.49),
        0.8: (9, 0.81),
        0.81: None,  # the first row and column of an even map are in no square
    }
    peak = np.zeros((8, 12))
    peak[4, 6] = 3
    assert set(area_ratios(peak).values()) == {(3, 9 / 96)}
    logarithmic = np.zeros((9, 9))
    logarithmic[4, 4], logarithmic[4, 7] = 99, 9  # log10(A + 1) is 2 and 1
    assert area_ratios(logarithmic, (0.6, 0.7)) == {0.6: (3, 9 / 81), 0.7: (7, 49 / 81)}
    assert list(area_ratios(even)) == [0.2, 0.3, 0.5, 0.99]


def test_ties_do_not_hang_on_the_order_of_summation():
    # Half of the sum lies in the square of 3, exactly; the other half is the same numbers in another order, outside.
    rng = np.random.default_rng(0)
    for _ in range(50):
        contribution = np.zeros((12, 12))
        ring = rng.random(8) * 9
        contribution[5:8, 5:8].flat[[0, 1, 2, 3, 5, 6, 7, 8]] = ring
        rng.shuffle(ring)
        contribution[4, 4:7], contribution[3, 3:6], contribution[10, 5:7] = ring[:3], ring[3:6], ring[6:]
        assert area_ratios(contribution, [0.5]) == {0.5: (5, 25 / 144)}


@pytest.mark.parametrize("transform", [np.flipud, np.fliplr, np.transpose])
def test_ratios_of_an_odd_map_do_not_depend_on_orientation(transform: Callable):
    contribution = np.random.default_rng(2).random((31, 31)) ** 8 * 50
    assert area_ratios(transform(contribution)) == area_ratios(contribution)


@pytest.mark.parametrize(
    ("contribution", "message"),
    [
        (np.zeros((8, 8)), "at most 0.0, of which"),
        (np.full((8, 8), 1e-17), "no square holds a share"),
        (np.full((8, 8), np.nan), "64 values that are not finite"),
        (np.diag([np.inf, 1, 1, 1]), "1 values that are not finite"),
        (np.diag([-0.5, 1, 1, 1]), "negative"),
        (np.ones((1, 64)), r"shape \(1, 64\); expected \(H, W\) of at least 4 x 4"),
        (np.ones((1, 8, 8)), "expected"),
    ],
)
def test_maps_without_ratios_are_refused_by_name(contribution: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        area_ratios(contribution)


@pytest.mark.parametrize("t", [-0.1, 1.0, math.nan])
def test_thresholds_must_be_shares(t: float):
    with pytest.raises(ValueError, match=r"outside \[0, 1\)"):
        area_ratios(np.ones((8, 8)), [0.2, t])


def test_published_thresholds():
    assert erf.THRESHOLDS == (0.2, 0.3, 0.5, 0.99)
