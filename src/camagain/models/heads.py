"""The layers behind a network's last feature maps: its classifier, and what stands between maps and classifier."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from camagain.errors import UserError

if TYPE_CHECKING:
    from camagain.models.zoo import Network

TOLERANCE = 1e-3
"""Largest relative error of a decomposition that still counts as exact; a wrong one is off by tenths."""

PLAIN = (nn.Identity, nn.Flatten, nn.Dropout)
"""Layers that change no value in eval mode."""


def whole_classifier(network: "Network") -> nn.Module:
    """The classifier of pooled features, with the BatchNorm that some heads have in front of its linear layer.

    `get_classifier` leaves that norm out where the two are one module (efficientvit_m0, shvit_s1).
    """
    classifier: nn.Module = network.get_classifier()
    for module in network.modules():
        parts = list(module.children())
        if classifier in parts and module is not network and isinstance(parts[0], nn.BatchNorm1d):
            return module
    return classifier


def inputs_of(classifier: nn.Module) -> int | None:
    """How many channels a classifier takes: those of its first layer; None where it has no weights."""
    first = next(classifier.parameters(), None) if isinstance(classifier, nn.Module) else None
    return None if first is None else first.shape[0 if first.ndim == 1 else 1]


def affine(module: nn.Module) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Weight (K, C) and bias (K,) of a module that is affine in its inputs (B, C) in eval mode; None of others.

    So is a BatchNorm with a linear layer behind it. Values of the module at the unit vectors, in double precision and
    rounded once, and tried on random inputs.
    """
    width, given = inputs_of(module), next(module.parameters(), None) if isinstance(module, nn.Module) else None
    if width is None or given is None:
        return None
    exact = copy.deepcopy(module).cpu().double().eval()  # in this order: Apple's GPU has no float64
    inputs = torch.randn(3, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        try:
            bias = exact(torch.zeros(1, width, dtype=torch.float64))[0]  # (K,)
            weight = (exact(torch.eye(width, dtype=torch.float64)) - bias).T.contiguous()  # (K, C)
            if not agree(inputs @ weight.T + bias, exact(inputs), 1e-9):
                return None
        except (RuntimeError, ValueError, TypeError, NotImplementedError):  # it takes no pooled features
            return None
    return weight.to(given.dtype).to(given.device), bias.to(given.dtype).to(given.device)


def agree(found: torch.Tensor, expected: torch.Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether two tensors are the same up to a share of the largest value."""
    return found.shape == expected.shape and bool((found - expected).abs().max() <= tolerance * expected.abs().max())


@dataclass(frozen=True)
class Between:
    """What runs between the last feature maps and the classifier."""

    ran: tuple[nn.Module, ...]  # every module
    pooling: str  # as `global_pool` names it, "avg" or "max", or the layer's type; "" where no layer pools
    layers: dict[str, nn.Module]  # by name, the outermost ones, without pooling and what changes no value

    @property
    def verb(self) -> str:
        return "stands" if len(self.layers) == 1 else "stand"

    def __str__(self) -> str:
        """The layers in words, `conv_head` (Conv2d) and `act2` (Hardswish)."""
        named = [f"`{name}` ({type(layer).__name__})" for name, layer in self.layers.items()]
        return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]])) or "operations without a name"


def between(network: "Network", features: torch.Tensor) -> Between:
    """Runs a network's head on feature maps, whose values do not matter, and sees which of its layers run."""
    classifier = network.get_classifier()
    ran: list[tuple[str, nn.Module]] = []
    handles = [
        module.register_forward_pre_hook(lambda layer, _, name=name: ran.append((name, layer)))
        for name, module in network.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            network.forward_head(features)
    except (RuntimeError, AssertionError, ValueError):  # what ran until then is still true
        pass
    finally:
        for handle in handles:
            handle.remove()
    pools = [module for _, module in ran if pools_maps(module)]
    layers: dict[str, nn.Module] = {}
    for name, module in ran:
        inner = list(module.modules())
        inside = any(name.startswith(f"{outer}.") for outer in layers)
        if not inside and not isinstance(module, PLAIN) and not any(m is classifier or pools_maps(m) for m in inner):
            layers[name] = module
    inside_pools = [m for pool in pools for m in pool.modules()]
    layers = {name: layer for name, layer in layers.items() if not any(layer is m for m in inside_pools)}
    pooling = getattr(pools[0], "pool_type", None) or type(pools[0]).__name__ if pools else ""
    return Between(tuple(module for _, module in ran), pooling, layers)


def pools_maps(module: nn.Module) -> bool:
    """Whether a layer is one of pooling; timm has a dozen types of them, with no base in common."""
    return "Pool" in type(module).__name__


def put_gap_head(network: "Network", name: str) -> None:
    """Makes a network's head global average pooling (GAP) and one linear layer, in place; that layer is new.

    What else stood between the last feature maps and the classifier is left out. So VGG has been used for class
    activation maps since Zhou et al. (CVPR 2016). UserError where a head pools otherwise or not in a layer of its own.
    """
    classifier = network.get_classifier()
    width, classes, training = network.num_features, network.num_classes, network.training
    weight = next(network.parameters())
    network.eval()
    for key in between(network, weight.new_zeros(1, width, 7, 7)).layers:
        network.set_submodule(key, nn.Identity())
    place = next((key for key, module in network.named_modules() if module is classifier), None)
    if place is not None:
        made = nn.Conv2d(width, classes, 1) if isinstance(classifier, nn.Conv2d) else nn.Linear(width, classes)
        network.set_submodule(place, made)
    if place is None or not averages(network, width):
        raise UserError(
            f"'{name}': `gap_head` cannot change its head to average pooling and a linear layer. Leave the option out, "
            "and `global_pool`, too, or choose another architecture."
        )
    network.head_hidden_size = width
    network.train(training)


def averages(network: "Network", width: int) -> bool:
    """Whether a head is the mean and its classifier, tried on random features; where there are no values, taken so."""
    layer: Any = network.get_classifier()
    if layer.weight.is_meta:
        return True
    features = torch.randn(2, width, 3, 5, generator=torch.Generator().manual_seed(0)).to(layer.weight)
    with torch.no_grad():
        try:
            scores = network.forward_head(features)
        except (RuntimeError, AssertionError, ValueError):
            return False
        return agree(features.mean((2, 3)) @ layer.weight.flatten(1).T + layer.bias, scores)
