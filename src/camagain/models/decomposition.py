"""Whether class activation maps of a network are defined: how its class scores come from its last feature maps.

Everything is found by trial, since architectures say nothing of it: a head is taken for what gives its own scores.
"""

import copy
from typing import Literal

import torch
from torch import nn

from camagain.errors import NotApplicable
from camagain.models.heads import agree, between, whole_classifier
from camagain.models.pooling import Pool, average, pool_of
from camagain.models.zoo import Network, class_scores, feature_maps, linear_head

Tap = Literal["before-norm", "after-norm"]

PROBE = (2, 3, 5)
"""Images, rows and columns of the random features on which a candidate is tried."""


def maximum(features: torch.Tensor) -> torch.Tensor:
    """Global max-pooling, (B, C, h, w) -> (B, C)."""
    return features.amax((2, 3))


def half_maximum(features: torch.Tensor) -> torch.Tensor:
    """The mean of average and maximum, timm's "avgmax", (B, C, h, w) -> (B, C)."""
    return (average(features) + maximum(features)) / 2


def check_class_maps(network: Network, images: torch.Tensor, name: str) -> None:
    """NotApplicable where the class activation maps of a network that is to be trained will not be defined.

    `images`: (B, 3, S, S), whose content does not matter. Tried on a copy whose head is
    changed as a training changes it, since a fresh norm is nearly the identity and a fresh classifier may be zero. Maps
    need to be defined at the tap before-norm alone: another tap is chosen without a new training.
    """
    network = copy.deepcopy(network).eval()
    images = images.to(next(network.parameters()).device)
    try:
        with torch.no_grad():
            features = feature_maps(network, images, name)
            network.forward_head(features)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        if "memory" in str(error):  # no property of the network
            raise
        size = f"{images.shape[-2]} x {images.shape[-1]} pixels"
        raise NotApplicable(f"'{name}' cannot run on images of {size}: {str(error).partition(chr(10))[0]}") from error
    linear_head(network, name)  # a classifier that is not linear is refused as such
    shake(network, features)
    check_scores(network, images, name)
    final_norm(network, name, "before-norm")


def shake(network: Network, features: torch.Tensor) -> None:
    """Draws the weights and statistics of a head anew, in place, far from the identity and from zero."""
    generator = torch.Generator().manual_seed(0)
    for module in {*between(network, features).ran, *whole_classifier(network).modules()}:
        own = {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}
        for key, value in own.items():
            if not value.is_floating_point() or not value.ndim:
                continue
            noise = torch.randn(value.shape, generator=generator).to(value)
            scales = key == "running_var" or (key == "weight" and value.ndim == 1)
            value.data = noise.abs() + 0.5 if scales else noise / max(1, value[0].numel()) ** 0.5


def check_scores(network: Network, images: torch.Tensor, name: str) -> None:
    """NotApplicable unless a network's own outputs for images are its classifier on its pooled feature maps.

    A softmax in the network may follow. The network is in eval mode.
    """
    with torch.no_grad():
        scores = class_scores(network, feature_maps(network, images, name))  # (B, K)
        outputs = network(images)
    if not isinstance(outputs, torch.Tensor) or outputs.shape != scores.shape:
        found = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else f"a {type(outputs).__name__}"
        raise NotApplicable(f"'{name}': its output is {found}; expected class scores {tuple(scores.shape)}.")
    if not outputs.isfinite().all():
        raise NotApplicable(f"'{name}': its class scores hold NaN or infinity. Train it again.")
    if not agree(scores, outputs) and not agree(scores.softmax(1), outputs):
        off = float((scores - outputs).abs().max() / outputs.abs().max())
        raise NotApplicable(
            f"'{name}': its class scores are not those of its classifier on its pooled feature maps (they differ by "
            f"{off:.1%} of the largest), so that a class activation map would explain another network. Choose another "
            "architecture."
        )


def final_norm(network: Network, name: str = "network", tap: Tap = "after-norm") -> nn.Module | None:
    """The norm between a network's last feature maps and its classifier; None where there is none.

    It is found by trial: the first of no norm, `network.norm` and `network.head.norm` after which the mean of the maps
    (the thresholded mean where the network pools that way), weighed by the classifier, gives the class scores of random
    features. For the tap before-norm, whose maps need not add up to the class score, also a head that pools by the
    maximum is accepted, with None as its maps have no tap after a norm. NotApplicable where none does.
    """
    candidates = [None, getattr(network, "norm", None), getattr(getattr(network, "head", None), "norm", None)]
    norms = [norm for i, norm in enumerate(candidates) if not i or norm is not None]
    head = linear_head(network, name)
    weight, bias = head.weight.float().cpu(), head.bias.float().cpu()
    images, *cells = PROBE
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(images, weight.shape[1], *cells, generator=generator).to(head.weight.device)  # (B, C, h, w)
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            scores = class_scores(network, features).cpu()  # (B, K)

            def gives_scores(norm: nn.Module | None, pool: Pool) -> bool:
                try:
                    return agree(pooled(norm, features, pool).cpu() @ weight.T + bias, scores)
                except RuntimeError:  # a norm of other maps
                    return False

            for norm in norms:
                if gives_scores(norm, pool_of(network)):
                    return norm
            if any(gives_scores(norm, pool) for norm in norms for pool in (maximum, half_maximum)):
                if tap == "before-norm":
                    return None
                raise NotApplicable(
                    f"'{name}': its head pools by `{between(network, features).pooling}` and not by the mean, so that "
                    "no map adds up to the class score. Use `tap: before-norm`, or leave `global_pool` out of "
                    "`options`."
                )
            head_layers = between(network, features)
    finally:
        network.train(was_training)
    if head_layers.layers:
        raise NotApplicable(
            f"'{name}': {head_layers} {head_layers.verb} between its feature maps and its classifier, so that no map "
            "adds up to the class score. The option `gap_head: true` leaves them out and classifies the means of the "
            "maps."
        )
    raise NotApplicable(
        f"'{name}': its classifier sees another pooling of the feature maps "
        f"({head_layers.pooling or 'not by a layer'}) than their mean, so that no map adds up to the class score. "
        "Choose another architecture."
    )


def pooled(norm: nn.Module | None, features: torch.Tensor, pool: Pool) -> torch.Tensor:
    """The classifier's input if maps are pooled by `pool` and nothing else changes, (B, C, h, w) -> (B, C).

    A LayerNorm is applied to pooled features, a BatchNorm to the maps before, each where the network has it. With the
    plain mean these are the means of `after_norm`.
    """
    if isinstance(norm, nn.LayerNorm):
        return nn.functional.layer_norm(pool(features), norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return pool(features if norm is None else norm(features))
