"""Maps of the package grad-cam: what mathematics says they are, from features made once, with nothing left behind."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import torch

from camagain.config import methods as names
from camagain.errors import UserError
from camagain.localization import cam
from camagain.localization.methods.grad_cam import (
    frozen,
    gradient_maps,
    package_class,
    package_maps,
    require_package,
    signed,
)
from camagain.models import create
from camagain.models.zoo import class_scores, feature_maps, linear_head

NETWORKS = ["resnet_narrow", "convnext_narrow", "replknet_narrow", "slak_narrow"]
BASES = [method.name for method in names.MODULES if not method.native]
CLASSES = 5
PREDICTED, TRUE = torch.tensor([3, 0]), torch.tensor([1, 0])


@pytest.fixture
def package():
    """The optional package; skips where it is not installed."""
    return pytest.importorskip("pytorch_grad_cam", reason="needs the optional package grad-cam")


@pytest.fixture(scope="module")
def made():
    """Networks in eval mode with their features of two noise images (B, C, 8, 12), made once each."""
    cache: dict = {}

    def make(architecture: str):
        if architecture not in cache:
            torch.manual_seed(0)
            network = create(architecture, CLASSES).eval()
            generator = torch.Generator().manual_seed(1)
            with torch.no_grad():
                features = feature_maps(network, torch.rand(2, 3, 64, 96, generator=generator))
                usual = torch.nn.functional.normalize(features.mean((0, 2, 3)), dim=0)  # evidence for every class
                weight = network.get_classifier().weight
                weight.copy_(2 * usual + torch.randn(weight.shape, generator=generator) / len(usual) ** 0.5)
            cache[architecture] = network, features
        return cache[architecture]

    return make


def linear_gap(channels: int = 6, height: int = 4, width: int = 7, images: int = 2):
    """The head of `resnet_narrow` (mean over cells, then linear) for features (B, C, h, w) of both signs."""
    torch.manual_seed(0)
    network = create("resnet_narrow", CLASSES, channels=(24, 48, 96, channels)).eval()
    return network, torch.randn(images, channels, height, width)


def scaled(evidence: np.ndarray) -> np.ndarray:
    """Maps (B, h, w) as the package scales them: negative values cut off, shifted and divided to span [0, 1]."""
    positive = np.maximum(evidence.astype(np.float64), 0)
    positive = positive - positive.min((1, 2), keepdims=True)
    return positive / np.maximum(positive.max((1, 2), keepdims=True), 1e-300)


def first_component(samples: np.ndarray) -> np.ndarray:
    """The first principal component (h, w) of cells, each a sample of C values: (C, h, w), by eigenvectors."""
    rows = samples.reshape(len(samples), -1).T.astype(np.float64)  # (P, C)
    rows = rows - rows.mean(0)
    values, vectors = np.linalg.eigh(rows @ rows.T)  # (P,), (P, P), ascending
    return (vectors[:, -1] * np.sqrt(values[-1])).reshape(samples.shape[1:])


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("base", BASES)
def test_maps_have_the_grid_and_span_and_come_out_twice_the_same(package, made, architecture, base):
    network, features = made(architecture)
    methods = ["cam", base, f"{base}-gt", "pc1-gt"]
    with torch.no_grad():
        maps, again = (gradient_maps(network, features, PREDICTED, TRUE, methods) for _ in range(2))
    assert list(maps) == [base, f"{base}-gt"]
    for name, found in maps.items():
        assert found.shape == (2, 8, 12) and found.dtype == torch.float32 and found.device == features.device
        assert found.isfinite().all() and found.min() >= 0 and found.max() <= 1
        assert found.amax((1, 2)).min() > 0.99
        assert torch.equal(found, again[name])
    same = names.declared(base).class_free
    assert torch.equal(maps[base][0], maps[f"{base}-gt"][0]) is same  # classes 3 and 1
    assert torch.equal(maps[base][1], maps[f"{base}-gt"][1])  # class 0 twice


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("base", ["grad-cam", "hires-cam"])
def test_with_a_linear_head_grad_cam_and_hires_cam_are_cam(package, made, architecture, base):
    network, features = made(architecture)
    found = gradient_maps(network, features, PREDICTED, TRUE, [base])[base]
    ours = cam(features, linear_head(network).weight[PREDICTED], "described")  # ReLU, divided by the largest
    np.testing.assert_allclose(found, scaled(ours.numpy()), atol=1e-5)


def test_behind_a_norm_after_pooling_grad_cam_is_weighed_by_finite_differences(package):
    network = create("convnext_atto", CLASSES).eval().double()  # mean, LayerNorm, linear: not linear in the features
    features = torch.randn(2, network.num_features, 3, 4, dtype=torch.float64)
    step, rows = 1e-5, torch.arange(2)
    with torch.no_grad():
        moved = []  # per channel, the score's change when the whole channel moves
        for channel in range(features.shape[1]):
            shift = torch.zeros_like(features)
            shift[:, channel] = step
            up, down = (class_scores(network, features + sign * shift)[rows, PREDICTED] for sign in (1, -1))
            moved.append((up - down) / (2 * step))
        evidence = torch.einsum("bchw,cb->bhw", features, torch.stack(moved))
    found = gradient_maps(network, features, PREDICTED, TRUE, ["grad-cam"])["grad-cam"]
    np.testing.assert_allclose(found, scaled(evidence.numpy()), atol=1e-4)
    plain = cam(features, linear_head(network).weight[PREDICTED], "described")
    assert np.abs(scaled(plain.numpy()) - found.numpy()).max() > 1e-3  # the norm does make a difference


def test_every_formula_on_a_linear_head_written_out(package):
    network, features = linear_gap()
    features = features.abs() + 0.1  # XGrad-CAM divides by sums of features
    weight = linear_head(network).weight[PREDICTED].double().numpy()  # (B, C)
    cells = features.double().numpy()
    gradient = weight[:, :, None, None] / (cells.shape[2] * cells.shape[3])  # (B, C, 1, 1), the same in every cell
    products, total = gradient * cells, cells.sum((2, 3), keepdims=True)
    alpha = gradient**2 / (2 * gradient**2 + total * gradient**3 + 1e-6)
    plus_plus = np.maximum(gradient, 0) * alpha * cells
    expected = {
        "grad-cam": products.sum(1),
        "grad-cam-plus-plus": plus_plus.sum(1),
        "xgrad-cam": products.sum(1),
        "layer-cam": (np.maximum(gradient, 0) * cells).sum(1),
        "hires-cam": products.sum(1),
        "grad-cam-elementwise": np.maximum(products, 0).sum(1),
        "eigen-cam": signed(np.array([first_component(image) for image in cells])),
        "eigen-grad-cam": signed(np.array([first_component(image) for image in products])),
    }
    assert set(expected) == set(BASES)
    found = gradient_maps(network, features, PREDICTED, TRUE, BASES)
    for base, evidence in expected.items():
        np.testing.assert_allclose(found[base], scaled(evidence), atol=1e-4, err_msg=base)


@pytest.mark.parametrize("base", ["eigen-cam", "eigen-grad-cam"])
def test_the_sign_of_a_component_is_not_the_librarys(package, base, monkeypatch):
    network, features = linear_gap()
    expected = package_maps(base, network, features, [3, 0])
    plain = np.linalg.svd

    def turned(*args, **kwargs):
        left, values, right = plain(*args, **kwargs)
        return -left, values, -right

    monkeypatch.setattr(np.linalg, "svd", turned)
    np.testing.assert_array_equal(package_maps(base, network, features, [3, 0]), expected)


def test_the_largest_absolute_cell_becomes_positive():
    components = np.array([[[1.0, -3.0]], [[3.0, -1.0]]])
    np.testing.assert_array_equal(signed(components), [[[-1.0, 3.0]], [[3.0, -1.0]]])


@pytest.mark.parametrize("architecture", NETWORKS)
def test_two_images_at_once_are_two_times_one(package, made, architecture):
    network, features = made(architecture)
    both = gradient_maps(network, features, PREDICTED, TRUE, names.METHODS)
    assert len(both) == 2 * len(BASES)
    for i in range(2):
        row = slice(i, i + 1)
        alone = gradient_maps(network, features[row], PREDICTED[row], TRUE[row], names.METHODS)
        for name, maps in both.items():
            np.testing.assert_allclose(maps[row], alone[name], atol=1e-5, err_msg=name)


def test_the_backbone_is_not_run_again(package, made, monkeypatch):
    network, features = made("replknet_narrow")
    calls = []
    monkeypatch.setattr(network, "forward_features", lambda images: calls.append("features"))
    monkeypatch.setattr(network, "forward", lambda images: calls.append("forward"))
    heads, plain = [], network.forward_head
    monkeypatch.setattr(network, "forward_head", lambda *a, **k: heads.append(1) or plain(*a, **k))
    gradient_maps(network, features, PREDICTED, TRUE, BASES)
    assert calls == [] and len(heads) == len(BASES)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_any_mode_gives_the_same_and_is_kept(package, mode):
    network, features = linear_gap()
    expected = gradient_maps(network, features, PREDICTED, TRUE, BASES)
    with mode():
        copy = features * 1
        found = gradient_maps(network, copy, PREDICTED * 1, TRUE * 1, BASES)
        assert torch.is_grad_enabled() is (mode is torch.enable_grad)
        assert torch.is_inference_mode_enabled() is (mode is torch.inference_mode)
    assert torch.equal(copy, features) and not copy.requires_grad
    for base in BASES:
        assert torch.equal(found[base], expected[base]) and not found[base].requires_grad


def test_maps_lie_where_the_features_lie(package):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    network, features = linear_gap()
    expected = gradient_maps(network, features, PREDICTED, TRUE, BASES)
    found = gradient_maps(network.cuda(), features.cuda(), PREDICTED.cuda(), TRUE.cuda(), BASES)
    for base in BASES:
        assert found[base].is_cuda
        np.testing.assert_allclose(found[base].cpu(), expected[base], atol=1e-4, err_msg=base)


def hooks_of(network: torch.nn.Module) -> int:
    """How many hooks of any kind hang on a network."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(layer, kind)) for layer in network.modules() for kind in kinds)


def test_the_network_stays_as_it_was(package, made):
    network, features = made("slak_narrow")
    parameters = list(network.parameters())
    parameters[0].requires_grad_(False)
    parameters[1].grad = torch.ones_like(parameters[1])  # somebody else's
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    gradient_maps(network, features, PREDICTED, TRUE, BASES)
    assert hooks_of(network) == 0
    assert [p.requires_grad for p in parameters] == [False] + [True] * (len(parameters) - 1)
    assert [i for i, p in enumerate(parameters) if p.grad is not None] == [1] and (parameters[1].grad == 1).all()
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
    parameters[0].requires_grad_(True)
    parameters[1].grad = None


def test_what_fails_inside_is_raised_and_leaves_the_network_as_it_was(package):
    network, features = linear_gap()
    with pytest.raises(IndexError):  # the package's own `with` would swallow it
        gradient_maps(network, features, torch.tensor([0, CLASSES]), TRUE, ["grad-cam"])
    assert all(weight.requires_grad and weight.grad is None for weight in network.parameters())


def test_no_method_leaves_anything_on_the_features_for_the_next(package):
    network, features = linear_gap()
    for base in BASES:
        package_maps(base, network, features, [3, 0])
        assert not features.requires_grad and features.grad is None and not features._backward_hooks


@pytest.mark.parametrize("finalizer", [True, False])
def test_nothing_piles_up_over_calls(package, monkeypatch, finalizer):
    network, features = linear_gap()
    if not finalizer:  # hooks are taken off without waiting for it
        monkeypatch.delattr(package.base_cam.BaseCAM, "__del__")

    def alive() -> int:
        return sum(issubclass(type(thing), torch.Tensor | torch.nn.Module) for thing in gc.get_objects())

    gradient_maps(network, features, PREDICTED, TRUE, BASES)
    gc.collect()
    gc.disable()  # what only the collector can free piles up between its visits
    try:
        before = alive()
        for _ in range(5):
            gradient_maps(network, features, PREDICTED, TRUE, BASES)
        assert alive() == before
    finally:
        gc.enable()


def test_without_positive_evidence_the_map_is_zeros(package):
    network, features = linear_gap()
    with torch.no_grad():
        network.get_classifier().weight.fill_(-1)
    methods = [base for base in BASES if not base.startswith("eigen")]
    for found in gradient_maps(network, features.abs(), PREDICTED, TRUE, methods).values():
        assert (found == 0).all()


def test_wrong_shapes_and_training_mode_are_refused(package):
    network, features = linear_gap()
    with pytest.raises(ValueError, match="classes have shape"):
        gradient_maps(network, features, PREDICTED[:1], TRUE, BASES)
    with pytest.raises(ValueError, match="features have shape"):
        gradient_maps(network, features[0], PREDICTED, TRUE, BASES)
    with pytest.raises(ValueError, match="training mode"):
        gradient_maps(network.train(), features, PREDICTED, TRUE, BASES)


def test_frozen_puts_back_after_an_error():
    layer = torch.nn.Linear(2, 2)
    with pytest.raises(RuntimeError), frozen(layer):
        assert not layer.weight.requires_grad
        raise RuntimeError
    assert layer.weight.requires_grad and layer.bias.requires_grad


def test_without_the_package_a_method_is_refused_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)  # as if it were not installed
    require_package(["cam", "pc1-gt"])
    with pytest.raises(UserError) as refused:
        require_package(["cam", "layer-cam-gt"])
    assert "'layer-cam-gt' needs the optional package grad-cam" in str(refused.value)
    assert "pip install 'camagain[grad-cam]'" in str(refused.value)
    with pytest.raises(UserError):
        gradient_maps(None, None, None, None, ["grad-cam"])


def test_names_agree_and_cost_no_import():
    expected = [f"{base}{ending}" for base in ("cam", "pc1", *BASES) for ending in ("", "-gt")]
    assert list(names.METHODS) == expected == list(names.METHOD_NAMES)
    assert len(set(names.METHOD_NAMES.values())) == len(expected)
    assert names.METHOD_NAMES["grad-cam-plus-plus-gt"] == "Grad-CAM++, true class"
    assert (names.base_of("cam-gt"), names.uses_true_class("cam-gt")) == ("cam", True)
    assert (names.base_of("pc1"), names.uses_true_class("pc1")) == ("pc1", False)
    code = "import sys, camagain.config.methods; sys.exit(bool({'torch', 'pytorch_grad_cam'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


@pytest.mark.parametrize("base", BASES)
def test_the_package_has_every_method(package, base):
    assert issubclass(package_class(base), getattr(package, names.declared(base).package_class))
