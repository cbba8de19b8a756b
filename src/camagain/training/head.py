"""Which parameters of a network are its head: the classifier, and the layers that a recipe counts to it."""

from torch import nn

from camagain.config import Training
from camagain.errors import UserError, nearest
from camagain.models.zoo import Network


def head_parameters(network: Network, recipe: Training) -> list[nn.Parameter]:
    """The parameters of the classifier and of the recipe's `head_layers`."""
    parts = [network.get_classifier(), *(layer(network, name) for name in recipe.head_layers)]
    return [parameter for part in parts for parameter in part.parameters()]


def layer(network: Network, name: str) -> nn.Module:
    """A layer of the network by its name; UserError where there is none, or it has nothing to learn."""
    layers = {key: module for key, module in network.named_modules() if key and any(True for _ in module.parameters())}
    if name in layers:
        return layers[name]
    top = sorted({key.partition(".")[0] for key in layers})
    raise UserError(
        f"training.head_layers: a {type(network).__name__} has no layer '{name}' with weights."
        f"{nearest(name, list(layers))} Its outermost layers: {', '.join(top)}."
    )
