"""Networks by name: everything timm has, and everything this package registers with timm."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from dataclasses import dataclass
from typing import TYPE_CHECKING

import timm
import torch
from torch import nn

from camagain.errors import NotApplicable, UserError, nearest
from camagain.models.pooling import pool_thresholded
from camagain.registry import implementations

if TYPE_CHECKING:

    class Network(nn.Module):
        """What every network of timm offers beyond nn.Module."""

        pretrained_cfg: dict

        def get_classifier(self) -> nn.Module: ...
        def forward_features(self, images: torch.Tensor) -> torch.Tensor: ...
        def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor: ...

else:
    Network = nn.Module


def register_networks() -> None:
    """Registers with timm the networks of every family that timm lacks; importing `camagain.models` does it."""
    implementations("camagain.models.families")


def create(
    name: str, num_classes: int, pretrained: bool = False, thresholded_pooling: float | None = None, **options
) -> Network:
    """A network of that timm name with a classifier of `num_classes` outputs.

    `options` go to the architecture (drop_path_rate, img_size ...). With `thresholded_pooling` its head pools the cells
    above that share of each channel's maximum (see `pooling`). Raises UserError for an unknown name, for an option
    that the architecture does not have, and for pretrained weights that do not exist or cannot be fetched.

    >>> network = create("replknet_narrow", 5)
    >>> network(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 5])
    """
    if not timm.is_model(name):
        names = timm.list_models()
        raise UserError(
            f"unknown architecture '{name}'.{nearest(name, names)} `camagain doctor --models` lists all {len(names)}."
        )
    if "." in name:
        try:
            timm.get_pretrained_cfg(name, allow_unregistered=False)
        except RuntimeError:
            tagged = timm.list_models(f"{name.partition('.')[0]}.*", include_tags=True)
            raise UserError(f"unknown weights '{name}'.{nearest(name, tagged)} Known are {tagged}.") from None
    if pretrained and not timm.is_model_pretrained(name):
        raise UserError(f"timm has no pretrained weights for '{name}'; use `weights: random` or another architecture.")
    try:
        network = timm.create_model(name, pretrained=pretrained, num_classes=num_classes, **options)
        if thresholded_pooling is not None:
            pool_thresholded(network, thresholded_pooling, name)
        return network  # type: ignore[return-value]
    except UserError:
        raise
    except TypeError as error:
        raise UserError(f"architecture '{name}' does not take the options {sorted(options)}: {error}") from None
    except Exception as error:
        if pretrained:  # the hub client raises many kinds of errors without a common base when it cannot be reached
            raise UserError(
                f"could not fetch timm's pretrained weights of '{name}' ({type(error).__name__}: {error}). Fetch them "
                "on a machine with internet and copy the Hugging Face cache folder (HF_HOME) here."
            ) from error
        raise


@dataclass(frozen=True)
class LinearHead:
    """The classifier of a network whose class activation map is defined: one linear layer on pooled features."""

    weight: torch.Tensor  # (num_classes, C)
    bias: torch.Tensor  # (num_classes,)


def linear_head(network: Network, name: str = "network") -> LinearHead:
    """The weights of a network's linear classifier; NotApplicable where it is not a single linear layer."""
    classifier = network.get_classifier()
    if not isinstance(classifier, nn.Linear):
        raise NotApplicable(
            f"'{name}': its classifier is a {type(classifier).__name__}; a class activation map needs one linear layer "
            "after global average pooling. Choose a convolutional network with such a head."
        )
    weight = classifier.weight.detach()
    bias = classifier.bias.detach() if classifier.bias is not None else weight.new_zeros(len(weight))
    return LinearHead(weight, bias)


def feature_maps(network: Network, images: torch.Tensor, name: str = "network") -> torch.Tensor:
    """The last feature maps, images (B, 3, H, W) -> (B, C, h, w); NotApplicable where a network has no such maps.

    They are the output of the architecture's `forward_features`: after the final activation or norm if that comes
    before pooling, before the norm if it comes after pooling (timm's ConvNeXt). A network with a classifier must have
    as many channels as the classifier has weights for each class.
    """
    features = network.forward_features(images)
    classified = hasattr(network, "get_classifier") or features.ndim != 4
    width = linear_head(network, name).weight.shape[1] if classified else features.shape[1]
    if features.ndim != 4 or features.shape[1] != width:
        raise NotApplicable(
            f"'{name}': its last features have shape {tuple(features.shape)}; expected (batch, {width}, height, "
            "width), the channels that its classifier weighs. Choose a convolutional network."
        )
    return features


def class_scores(network: Network, features: torch.Tensor) -> torch.Tensor:
    """Outputs of the linear classifier for feature maps, (B, C, h, w) -> (B, K), before any softmax in the head."""
    return network.get_classifier()(network.forward_head(features, pre_logits=True))  # (B, K)
