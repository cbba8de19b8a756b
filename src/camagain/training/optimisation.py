"""The optimiser over parameter groups, and its learning rate over the steps: warm-up, then half a cosine or steps."""

from timm.optim import create_optimizer_v2, list_optimizers, param_groups_layer_decay, param_groups_weight_decay
from timm.scheduler import CosineLRScheduler, StepLRScheduler
from timm.scheduler.scheduler import Scheduler
from torch import nn
from torch.optim import Optimizer

from camagain.config import Training
from camagain.errors import UserError, nearest
from camagain.models.zoo import Network
from camagain.training.head import head_parameters


def parameter_groups(network: Network, recipe: Training) -> list[dict]:
    """Parameters by weight decay and by their share `lr_scale` of the recipe's learning rate.

    Biases and norms have weight decay only with `decay_all`. The scale of the classifier and of `head_layers` is
    `head_learning_rate` over `learning_rate`; that of any other layer is `layer_decay` to the power of its distance
    from the end, by the network's own `group_matcher`. timm's schedules multiply by `lr_scale`, so warm-up and cosine
    hold for every group alike. Frozen parameters are in no group.
    """
    if recipe.layer_decay is None:
        groups = param_groups_weight_decay(network, recipe.weight_decay)
    elif hasattr(network, "group_matcher"):
        groups = param_groups_layer_decay(network, recipe.weight_decay, layer_decay=recipe.layer_decay)
    else:
        raise UserError(
            f"training.layer_decay is {recipe.layer_decay}, but a {type(network).__name__} does not say which layer "
            "follows which (it has no group_matcher); set it to null or choose another architecture."
        )
    head_scale = (recipe.head_learning_rate or recipe.learning_rate) / recipe.learning_rate
    in_head = {id(parameter) for parameter in head_parameters(network, recipe)}
    found = []
    for group in groups:
        parts: dict[bool, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            parts.setdefault(id(parameter) in in_head, []).append(parameter)
        decay = recipe.weight_decay if recipe.decay_all else group["weight_decay"]
        for of_head, parameters in parts.items():
            scale = head_scale if of_head else group.get("lr_scale", 1.0)
            found.append({"params": parameters, "weight_decay": decay, "lr_scale": scale})
    return found


def make_optimizer(network: Network, recipe: Training) -> Optimizer:
    """The recipe's optimiser as timm configures it; UserError where timm or this machine does not have it."""
    name, names = recipe.optimizer.lower(), [str(name) for name in list_optimizers()]
    if name.removeprefix("lookahead_") not in names:
        raise UserError(f"training.optimizer: timm has no '{recipe.optimizer}'.{nearest(name, names)}")
    # Kron draws from torch's global generator unless told to be deterministic; two processes would then draw apart.
    extra: dict = {"deterministic": True} if "kron" in name else {}
    try:
        optimizer = create_optimizer_v2(parameter_groups(network, recipe), name, lr=recipe.learning_rate, **extra)
    except (AssertionError, ImportError) as error:  # those of apex and bitsandbytes need packages and a GPU
        raise UserError(
            f"training.optimizer: '{recipe.optimizer}' cannot be used here ({error}); choose another, such as 'adamw'."
        ) from None
    if getattr(optimizer, "is_second_order", False):
        raise UserError(
            f"training.optimizer: '{recipe.optimizer}' needs second derivatives, which training here does not compute; "
            "choose another, such as 'adamw'."
        )
    return optimizer


def make_schedule(optimizer: Optimizer, recipe: Training, steps_per_epoch: int) -> Scheduler:
    """The learning rate of step s (call `step_update(s)`): warm-up from a hundredth of the peak, then down.

    Half a cosine over all steps, whose beginning the warm-up covers; or a tenth after every `step_epochs`, counted from
    the first step. All as shares of each group's own peak.
    """
    warmup: dict = {
        "warmup_t": round(recipe.warmup_epochs * steps_per_epoch),
        "warmup_lr_init": recipe.learning_rate / 100,
        "warmup_prefix": False,
        "t_in_epochs": False,
    }
    if recipe.step_epochs is not None:
        return StepLRScheduler(optimizer, recipe.step_epochs * steps_per_epoch, decay_rate=0.1, **warmup)
    return CosineLRScheduler(optimizer, t_initial=max(1, recipe.epochs * steps_per_epoch), **warmup)
