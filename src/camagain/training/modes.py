"""How a network is set up for training: memory, precision, BatchNorm, and the moving average of its weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import timm
import torch
from timm.utils import ModelEmaV3
from torch import nn

from camagain.compute import channels_last
from camagain.config import Training
from camagain.errors import UserError
from camagain.models.zoo import Network
from camagain.training.head import head_parameters

BatchNorm = nn.modules.batchnorm._BatchNorm  # also the base of timm's and of SyncBatchNorm


def ready_for_training(network: Network, recipe: Training, device: torch.device, processes: int) -> Network:
    """The network on its device, kernels channels-last, as the recipe wants it trained.

    Over several GPUs BatchNorm takes its statistics from the whole batch; torch has no such layer for CPUs, where each
    process normalises by its own images and the first one's running statistics are kept.
    """
    if recipe.gradient_checkpointing:
        _checkpoint_gradients(network)
    if processes > 1 and device.type == "cuda" and not recipe.freeze_norm_statistics:
        network = timm.layers.convert_sync_batchnorm(network)
    if recipe.head_only:
        network.requires_grad_(False)
        for parameter in head_parameters(network, recipe):
            parameter.requires_grad_(True)
    network.to(device)
    channels_last(network)
    return network


def _checkpoint_gradients(network: Network) -> None:
    try:
        network.set_grad_checkpointing(True)  # type: ignore[operator]
    except (AttributeError, AssertionError) as error:
        raise UserError(
            f"training.gradient_checkpointing: a {type(network).__name__} does not offer it ({error}). Set it to false "
            "and raise training.accumulation instead, which saves memory, too."
        ) from None


def moving_average(network: Network, recipe: Training) -> ModelEmaV3 | None:
    """timm's moving average of weights and buffers, begun at the starting weights; None where the recipe has none."""
    return ModelEmaV3(network, decay=recipe.ema_decay) if recipe.ema_decay else None


def training_mode(network: nn.Module, recipe: Training) -> None:
    """Training mode; BatchNorm keeps its stored statistics where the recipe says so, but learns scale and shift.

    They are no parameters, so that a recipe for the head alone has to keep them, too, where BatchNorm is not in it.
    """
    network.train()
    for layer in network.modules():
        frozen = recipe.freeze_norm_statistics or (recipe.head_only and not _learns(layer))
        if frozen and isinstance(layer, BatchNorm):
            layer.eval()


def _learns(layer: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in layer.parameters())


@contextmanager
def statistics_kept(network: nn.Module, kept: bool = True) -> Iterator[None]:
    """Where `kept`, restores the running statistics of BatchNorm after the block.

    For a backward pass with gradient checkpointing, whose second forward pass would otherwise count every batch twice.
    """
    layers = [layer for layer in network.modules() if kept and isinstance(layer, BatchNorm)]
    before = [(buffer, buffer.clone()) for layer in layers for buffer in layer.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            buffer.copy_(value)
