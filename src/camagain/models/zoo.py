"""Networks by name: everything timm has, and everything this package registers with timm."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from dataclasses import dataclass
from typing import TYPE_CHECKING

import timm
import torch
from torch import nn

from camagain.errors import NotApplicable, UserError, nearest
from camagain.models.heads import affine, between, inputs_of, put_gap_head, whole_classifier
from camagain.models.pooling import pool_thresholded
from camagain.registry import implementations

if TYPE_CHECKING:

    class Network(nn.Module):
        """What every network of timm offers beyond nn.Module."""

        pretrained_cfg: dict
        num_features: int  # channels of the last feature maps
        num_classes: int
        head_hidden_size: int  # inputs of the classifier

        def get_classifier(self) -> nn.Module: ...
        def forward_features(self, images: torch.Tensor) -> torch.Tensor: ...
        def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor: ...

else:
    Network = nn.Module


def register_networks() -> None:
    """Registers with timm the networks of every family that timm lacks; importing `camagain.models` does it."""
    implementations("camagain.models.families")


def create(
    name: str,
    num_classes: int,
    pretrained: bool = False,
    thresholded_pooling: float | None = None,
    gap_head: bool = False,
    **options,
) -> Network:
    """A network of that timm name with a classifier of `num_classes` outputs.

    `options` go to the architecture (drop_path_rate, img_size ...). With `thresholded_pooling` its head pools the cells
    above that share of each channel's maximum (see `pooling`). With `gap_head` its head is global average pooling and a
    new linear layer, and nothing else (see `heads`). Raises UserError for an unknown name, for an option
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
        if gap_head:
            put_gap_head(network, name)  # type: ignore[arg-type]
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
    """The weights of a network's classifier; NotApplicable where it is not linear in pooled features.

    A 1 x 1 convolution of pooled features is a linear layer. A BatchNorm in front of the linear layer is folded into
    it, with the statistics that it has in eval mode.
    """
    if not hasattr(network, "get_classifier"):
        raise NotApplicable(
            f"'{name}': it has no classifier, and so no class activation maps. Choose another architecture."
        )
    classifier = whole_classifier(network)
    if isinstance(classifier, tuple):
        raise NotApplicable(
            f"'{name}': it has {len(classifier)} classifiers, of which a class activation map would show one. Choose "
            "another architecture."
        )
    if isinstance(classifier, nn.Linear | nn.Conv2d):
        weight = classifier.weight.detach().flatten(1)  # of a convolution (K, C, 1, 1)
        if weight.shape[1] == inputs_of(classifier):
            bias = classifier.bias.detach() if classifier.bias is not None else weight.new_zeros(len(weight))
            return LinearHead(weight, bias)
    folded = affine(classifier)
    if folded is None:
        raise NotApplicable(
            f"'{name}': its classifier ({type(classifier).__name__}) is not linear in pooled features, so that its "
            "channels have no class weights. The option `gap_head: true` puts a linear layer on the means of the maps "
            "in its place."
        )
    return LinearHead(*folded)


def feature_maps(network: Network, images: torch.Tensor, name: str = "network") -> torch.Tensor:
    """The last feature maps, images (B, 3, H, W) -> (B, C, h, w); NotApplicable where a network has no such maps.

    They are the output of the architecture's `forward_features`: after the final activation or norm if that comes
    before pooling, before the norm if it comes after pooling (timm's ConvNeXt). A network with a classifier must have
    as many channels as the classifier has weights for each class.
    """
    features = network.forward_features(images)
    if not isinstance(features, torch.Tensor) or features.ndim != 4:
        found = f"of shape {tuple(features.shape)}" if isinstance(features, torch.Tensor) else "several tensors"
        raise NotApplicable(
            f"'{name}': its last features are {found}; expected maps (batch, channels, height, width). Choose a "
            "convolutional network."
        )
    if not hasattr(network, "get_classifier"):
        return features
    width = inputs_of(whole_classifier(network)) or linear_head(network, name).weight.shape[1]
    if features.shape[1] != width:
        raise NotApplicable(f"'{name}': {why_unweighed(network, features, width)}")
    return features


def why_unweighed(network: Network, features: torch.Tensor, width: int) -> str:
    """Why a classifier of `width` inputs has no weights for the channels of maps, in one sentence, and what to do."""
    last = getattr(network, "num_features", width)  # where a hidden layer follows, the classifier's width is another
    if features.shape[3] in (width, last) and features.shape[1] != last:
        return (
            f"its last features have shape {tuple(features.shape)}, channels last; expected (batch, channels, height, "
            "width). Choose an architecture whose channels come first."
        )
    head = between(network, features)
    if head.layers:
        return (
            f"{head} {head.verb} between its {features.shape[1]} feature maps and the {width} inputs of its "
            "classifier, so that no feature map has a class weight. The option `gap_head: true` leaves them out and "
            "classifies the means of the maps."
        )
    return (
        f"it pools its {features.shape[1]} feature maps to {width} values ({head.pooling or 'not by a layer'}), so "
        "that a feature map has no class weight of its own. Leave `global_pool` out of `options`, or choose another "
        "architecture."
    )


def class_scores(network: Network, features: torch.Tensor) -> torch.Tensor:
    """Outputs of the classifier for feature maps, (B, C, h, w) -> (B, K), before any softmax in the head."""
    pooled, classifier = network.forward_head(features, pre_logits=True), whole_classifier(network)  # (B, C)
    if isinstance(classifier, nn.Conv2d):
        return classifier(pooled.flatten(1)[:, :, None, None]).flatten(1)  # (B, K)
    return classifier(pooled)
