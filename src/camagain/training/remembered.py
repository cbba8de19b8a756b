"""Training a classifier alone on images that come again unchanged: what is frozen sees each of them once.

Without random crops and colours an image has two views, itself and its mirror image. Layers that do not learn make the
same features of a view in every epoch, so these are kept, and an epoch after the first one costs next to nothing.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from camagain.config import Augmentation, Training
from camagain.models.zoo import Network


def remembers(network: Network, recipe: Training) -> bool:
    """Whether a linear classifier is all that learns, and the same pixels come again and become the same features."""
    classifier = network.get_classifier()
    learning = {id(parameter) for parameter in network.parameters() if parameter.requires_grad}
    alone = isinstance(classifier, nn.Linear) and learning == {id(parameter) for parameter in classifier.parameters()}
    return alone and not recipe.ema_decay and views_come_again(recipe.augmentation) and not at_random(network)


def views_come_again(augmentation: Augmentation) -> bool:
    """Whether flips are the only change of training images."""
    return augmentation == augmentation.model_copy(update=UNCHANGED)


UNCHANGED = {
    "crop_scale": None,
    "crop_from": None,
    "color_jitter": 0.0,
    "auto_augment": None,
    "random_erasing": 0.0,
    "mixup": 0.0,
    "cutmix": 0.0,
}
"""The settings of an augmentation that makes no new pixels."""


def at_random(network: Network) -> bool:
    """Whether dropout or drop path change features at random; timm keeps the rate of the first beside the layers."""
    rates = [getattr(layer, name, 0.0) for layer in network.modules() for name in ("p", "drop_rate", "drop_prob")]
    return any(isinstance(rate, float) and rate > 0 for rate in rates)


@contextmanager
def remembered_features(network: Network, recipe: Training) -> Iterator[None]:
    """While this is open, pooled features come from memory where a network may and has seen these pixels before.

    Features are made image by image. So they do not depend on the batch in which an image came first, and a training
    that was interrupted ends with the same bits. 4 bytes x C of each view are kept, 8 MB for 1,000 views of 2,048
    channels.
    """
    if not remembers(network, recipe):
        yield
        return
    classifier, run = network.get_classifier(), network.forward
    seen: dict[bytes, torch.Tensor] = {}  # digest of the pixels -> features (C,)

    def features(image: torch.Tensor) -> torch.Tensor:
        """Features (C,) of an image (3, S, S)."""
        key = hashlib.blake2b(image.cpu().contiguous().numpy().tobytes()).digest()
        if key not in seen:
            with torch.inference_mode(False), torch.no_grad():  # validation must not leave what training cannot take
                seen[key] = classifier_input(run, classifier, image[None].clone())[0]
        return seen[key]

    def forward(images: torch.Tensor) -> torch.Tensor:
        return classifier(torch.stack([features(image) for image in images]))  # (B, 3, S, S) -> (B, C) -> (B, K)

    network.forward = forward
    try:
        yield
    finally:
        del network.forward


def classifier_input(run: Callable, classifier: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What the classifier is given when a network runs."""
    given: list[torch.Tensor] = []
    handle = classifier.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    try:
        run(images)
    finally:
        handle.remove()
    return given[0]
