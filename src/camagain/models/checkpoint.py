"""The model artifact: weights as safetensors, and beside them everything needed to build the same network again."""

import os
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from camagain.artifacts import INSIDE, atomic, existing, read_json, sha256, write_json
from camagain.config import Input, Training
from camagain.errors import UserError
from camagain.models.zoo import Network, create


class ModelCard(BaseModel):
    """What `model.json` says of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    architecture: str
    options: dict[str, bool | int | float | str | list[int]] = {}
    classes: tuple[str, ...]
    input: Input
    parameters: int
    starting_weights: str
    training: Training
    seed: int
    dataset: str
    train_images: int
    device: str
    arithmetic: dict[str, str] = {}  # of the process that finished it; empty in cards that are older than this record
    sha256: str


def save_weights(path: Path, network: torch.nn.Module) -> None:
    """Writes a network's state dict as safetensors, dtypes as they are; the same weights give the same bytes."""
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    with atomic(path) as temporary, open(temporary, "wb") as file:
        file.write(save(tensors))
        file.flush()
        os.fsync(file.fileno())  # a machine that loses power must not keep the new name with half the bytes


def load_weights(path: Path, network: torch.nn.Module) -> None:
    """Reads a state dict into a network, in place; UserError if the file is damaged or of another architecture."""
    try:
        network.load_state_dict(load_file(existing(path)), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise UserError(f"{path}: does not fit a {type(network).__name__} of this experiment: {error}") from None


def snapshot_path(folder: Path, epoch: int) -> Path:
    """Where the weights after an epoch lie below a model's folder; epoch 0 is the start."""
    return folder / "snapshots" / f"epoch-{epoch:04d}.safetensors"


def save_network(folder: Path, network: torch.nn.Module, card: ModelCard) -> None:
    """Writes `model.safetensors` and then `model.json`, whose sha256 field is filled in."""
    weights = folder / INSIDE.weights("").name
    save_weights(weights, network)
    write_json(
        folder / INSIDE.card("").name, card.model_copy(update={"sha256": sha256(weights)}).model_dump(mode="json")
    )


def load_network(folder: Path, **further: Any) -> tuple[Network, ModelCard]:
    """Builds the network of a model artifact, in eval mode; UserError if its files are damaged or do not match.

    `further` are options of the architecture beyond those of its card, such as the drop path of training.
    """
    card_path, weights = folder / INSIDE.card("").name, existing(folder / INSIDE.weights("").name)
    try:
        card = ModelCard.model_validate(read_json(card_path))
    except ValidationError as error:
        raise UserError(
            f"{card_path}: not a model card of this version ({error}). Run `camagain finetune` again."
        ) from None
    found = sha256(weights)
    if found != card.sha256:
        raise UserError(
            f"{weights}: sha256 is {found}, but {card_path} says {card.sha256}. Run `camagain finetune` again."
        )
    options: dict[str, Any] = {**card.options, **further}
    network = create(card.architecture, len(card.classes), **options)
    load_weights(weights, network)
    return network.eval(), card
