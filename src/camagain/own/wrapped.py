"""Timm's interface around a module that has none: which of its layers gives the last feature maps, found by trial."""

from typing import Any

import torch
from torch import nn

from camagain.errors import UserError

TOLERANCE = 1e-4
"""Largest relative error at which the classifier of mean features counts as the module's own output."""


class Wrapped(nn.Module):
    """A module whose class scores are a linear layer on the mean of the feature maps that one of its layers gives."""

    def __init__(self, module: nn.Module, layer: str, classifier: str) -> None:
        super().__init__()
        self.module, self.layer, self.classifier = module, layer, classifier

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.module(images)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, C, h, w): what the layer gave last."""
        return outputs(self.module, images, [self.layer])[-1][1]

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        pooled = features.mean((2, 3))  # (B, C)
        return pooled if pre_logits else self.get_classifier()(pooled)

    def get_classifier(self) -> nn.Module:
        return self.module.get_submodule(self.classifier)


def wrapped(module: nn.Module, size: int) -> Wrapped:
    """The module with timm's interface; UserError unless its output is a linear layer on the mean of feature maps.

    It is run once on noise of `size` pixels. The classifier is the last linear layer that runs; the feature maps are
    the last output of any layer (B, C, h, w) whose mean gives the module's own class scores when it is classified.
    """
    name, module = type(module).__name__, module.eval()
    linear = [key for key, layer in module.named_modules() if type(layer) is nn.Linear]
    if not linear:
        raise UserError(
            f"{name}: found no linear layer, expected one as its classifier. A class activation map weighs feature "
            "maps by the weights of one."
        )
    weight = next(module.parameters())
    noise = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)).to(weight)
    with torch.no_grad():
        seen = outputs(module, noise, [key for key, _ in module.named_modules() if key])
        scores = module(noise)
        classifier = next(key for key, _ in reversed(seen) if key in linear)
        head = module.get_submodule(classifier)
        width = head.in_features
        for key, features in reversed(seen):
            if features.ndim != 4 or features.shape[1] != width or features.shape[2:].numel() == 1:
                continue
            composed = head(features.mean((2, 3)))  # (B, K)
            if composed.shape == getattr(scores, "shape", None) and agree(composed, scores):
                return Wrapped(module, key, classifier)
    raise UserError(
        f"{name}: its output is not its last linear layer ('{classifier}', {width} inputs) on the mean of any layer's "
        "feature maps, so that a class activation map is not defined by itself. Give the module timm's three methods: "
        "`forward_features(images)` -> maps (B, C, h, w), `forward_head(maps, pre_logits=True)` -> (B, C), and "
        "`get_classifier()` -> the linear layer (docs/own-model.md)."
    )


def agree(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found - expected).abs().max() <= TOLERANCE * expected.abs().max())


def outputs(module: nn.Module, images: torch.Tensor, layers: list[str]) -> list[tuple[str, torch.Tensor]]:
    """The outputs of some layers, those that are one tensor, in the order in which they were made."""
    found: list[tuple[str, torch.Tensor]] = []

    def note(key: str) -> Any:
        return lambda _, __, output: found.append((key, output)) if isinstance(output, torch.Tensor) else None

    handles = [module.get_submodule(key).register_forward_hook(note(key)) for key in layers]
    try:
        module(images)
    finally:
        for handle in handles:
            handle.remove()
    return found
