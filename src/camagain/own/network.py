"""Anybody's network, made ready to be localized with: by a name of timm, from a file of weights, a run, or a module."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data import ImageNetInfo, infer_imagenet_subset, resolve_model_data_config
from torch import nn

from camagain.config import Compute, Input
from camagain.errors import UserError
from camagain.localization.forward import ready
from camagain.models.checkpoint import load_network
from camagain.models.decomposition import check_scores
from camagain.models.weights import classifier_keys, tensors_of_file
from camagain.models.zoo import LinearHead, Network, create, linear_head
from camagain.own.wrapped import wrapped

IMAGENET = Input(size=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bilinear")
"""What a module without a data configuration is taken to see; torchvision's networks are trained so."""

INTERFACE = ("forward_features", "forward_head", "get_classifier")
"""What a network of timm offers, and all that is asked of one."""


@dataclass(frozen=True)
class OwnNetwork:
    """A network in eval mode, what it sees, and what its classes are called where that is known."""

    name: str
    network: Network
    input: Input
    classes: tuple[str, ...] | None

    @cached_property
    def head(self) -> LinearHead:
        """Its classifier; NotApplicable where its outputs are not that classifier on its pooled feature maps."""
        device = next(self.network.parameters()).device
        size, generator = self.input.size, torch.Generator().manual_seed(0)
        check_scores(self.network, torch.randn(2, 3, size, size, generator=generator).to(device), self.name)
        return linear_head(self.network, self.name)


def own_network(
    model: str | Path | nn.Module,
    weights: str | Path | None = None,
    *,
    input: Input | None = None,
    device: str | torch.device = "cpu",
    **options: Any,
) -> OwnNetwork:
    """A network that is ready for `localize` and `contribution_map`.

    `model` is one of

    - a name of timm, with its tag ("resnet50.a1_in1k") or without: its pretrained weights, or those of a file that
      `weights` names (.safetensors, or one of torch's), whose classifier says how many classes there are;
    - the folder of a model that a run trained, such as results/demo/models/resnet_narrow;
    - a module, which is copied, not changed. Without timm's three methods (forward_features, forward_head,
      get_classifier) its classifier has to be one linear layer on the mean of feature maps; that is checked.

    `input`: what it sees, if that is not what timm says of it; without any word of timm, 224 pixels and ImageNet's
    colours. `options` go to an architecture of timm. Branches are merged and large kernels take the fast route, which
    changes class scores by rounding alone. UserError for what is not there or does not fit.

    >>> own = own_network(timm.create_model("resnet10t", num_classes=5))
    >>> own.name, own.input.size, own.input.interpolation
    ('ResNet', 176, 'bicubic')
    """
    if isinstance(model, nn.Module):
        if weights is not None or options:
            raise UserError("a module comes with its weights and options; load them into it before.")
        made = copy.deepcopy(model).to(device)
        seen = input or (seen_by(made) if getattr(made, "pretrained_cfg", None) else IMAGENET)
        network = made if all(hasattr(made, name) for name in INTERFACE) else wrapped(made, seen.size)
        found = OwnNetwork(type(model).__name__, network, seen, None)  # type: ignore[arg-type]
    elif Path(model).is_dir():
        if weights is not None or options:
            raise UserError(f"{model}: a trained model has its own weights and options; leave `weights` out.")
        network, card = load_network(Path(model))
        found = OwnNetwork(card.name, network, input or card.input, card.classes)
    elif "/" in str(model):
        raise UserError(f"{model}: no such folder; expected that of a trained model, or a name of timm.")
    elif weights is None:
        name = str(model)
        if timm.is_model(name) and not timm.is_model_pretrained(name):
            raise UserError(f"'{name}': timm has no weights for it; name a file with `weights`.")
        if options.get("gap_head"):
            raise UserError(
                f"'{name}': with gap_head its classifier is new and not trained; name a file with `weights`."
            )
        network = create(name, _classes_of(name), pretrained=True, **options)
        found = OwnNetwork(name, network, input or seen_by(network), _imagenet_names(network))
    else:
        network = _from_file(str(model), Path(weights), options)
        found = OwnNetwork(str(model), network, input or seen_by(network), None)
    ready(found.network, Compute(), torch.device(device))
    return found


def seen_by(network: nn.Module) -> Input:
    """What timm says that a network sees: size, colours, interpolation.

    timm would cut a square from the middle of an image; here the whole image is warped to the network's square, so that
    maps and boxes cover all of it (`camagain.datasets.pixels.warped`). UserError for an input that is no square.
    """
    config = resolve_model_data_config(network)
    channels, height, width = config["input_size"]
    if channels != 3 or height != width:
        raise UserError(
            f"this network sees {channels} channels of {height} x {width} pixels; expected RGB and a square. Say "
            "another with `input`."
        )
    interpolation = config["interpolation"]
    return Input(
        size=height,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=interpolation if interpolation in ("bilinear", "bicubic") else "bicubic",
    )


def _classes_of(name: str) -> int:
    """As many classes as the pretrained weights have; `create` refuses the name where there are none."""
    known = timm.is_model(name) and timm.get_pretrained_cfg(name)
    return known.num_classes if known else 1000


def _imagenet_names(network: Network) -> tuple[str, ...] | None:
    subset = infer_imagenet_subset(network)
    return tuple(ImageNetInfo(subset).label_descriptions()) if subset else None


def _from_file(name: str, path: Path, options: dict[str, Any]) -> Network:
    """A network with the weights of a file, and as many classes as that has."""
    theirs = tensors_of_file(path, name, options)
    classes = len(theirs[classifier_keys(create(name, 2, **options))[0]])
    network = create(name, classes, **options)
    network.load_state_dict(theirs, strict=True)
    return network
