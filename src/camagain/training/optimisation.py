"""AdamW over parameter groups, and its learning rate over the steps: linear warm-up, then cosine decay to zero."""

from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import nn
from torch.optim import Optimizer

from camagain.config import Training
from camagain.models.zoo import Network


def parameter_groups(network: Network, recipe: Training) -> list[dict]:
    """Four groups at most: body and classifier, each with and without weight decay (biases and norms have none)."""
    classifier = {id(parameter) for parameter in network.get_classifier().parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in classifier, parameter.ndim > 1), []).append(parameter)
    head_rate = recipe.head_learning_rate or recipe.learning_rate
    return [
        {
            "params": parameters,
            "lr": head_rate if in_classifier else recipe.learning_rate,
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (in_classifier, decays), parameters in groups.items()
    ]


def make_optimizer(network: Network, recipe: Training) -> Optimizer:
    """AdamW as timm configures it."""
    return create_optimizer_v2(parameter_groups(network, recipe), opt="adamw", lr=recipe.learning_rate)


def make_schedule(optimizer: Optimizer, recipe: Training, steps_per_epoch: int) -> CosineLRScheduler:
    """The learning rate of step s (call `step_update(s)`): warm-up from a hundredth of the peak, then half a cosine."""
    return CosineLRScheduler(
        optimizer,
        t_initial=max(1, recipe.epochs * steps_per_epoch),
        warmup_t=recipe.warmup_epochs * steps_per_epoch,
        warmup_lr_init=recipe.learning_rate / 100,
        t_in_epochs=False,
    )
