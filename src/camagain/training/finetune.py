"""Fine-tuning one network: one row of history per epoch, the last weights kept."""

import time

import pandas as pd
import torch
from accelerate import Accelerator
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from torch import nn
from torch.utils.data import DataLoader

from camagain.artifacts import RunPaths, write_csv
from camagain.compute import channels_last, describe, prepare, seed_everything
from camagain.config import Experiment, Model, Training
from camagain.datasets.images import ImageTable, warp
from camagain.datasets.index import read_index
from camagain.errors import UserError
from camagain.models.checkpoint import ModelCard, save_network
from camagain.models.weights import starting_network
from camagain.models.zoo import Network, linear_head
from camagain.progress import track
from camagain.training.augment import AugmentedTable, batch_mixing, training_transform
from camagain.training.optimisation import make_optimizer, make_schedule


def finetune(experiment: Experiment, model_name: str, paths: RunPaths) -> None:
    """Fine-tunes one model of an experiment and writes its artifact: weights, card, history.

    The last epoch's weights are kept, as in wsolevaluation: choosing an epoch by test boxes would be a second training
    on them. Same machine, same threads, same experiment: same bits.
    """
    model = experiment.model(model_name)
    device = prepare(experiment.compute)
    index = read_index(paths.index)
    classes = tuple(index.drop_duplicates("label").sort_values("label")["class_name"])
    network, source = starting_network(model, len(classes), experiment.seed)
    linear_head(network, model_name)  # refuses now what could not be localized after hours of training
    print(f"{model_name}: {model.architecture}, {source}, {len(classes)} classes, on {device}")

    train, val = (index[index["split"] == split].reset_index(drop=True) for split in ("train", "val"))
    history = train_network(network.to(device), model, experiment, paths, train, val)
    card = ModelCard(
        name=model_name,
        architecture=model.architecture,
        options=model.options,
        classes=classes,
        input=experiment.input,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        starting_weights=source,
        training=model.training,
        seed=experiment.seed,
        dataset=experiment.dataset.name,
        train_images=len(train),
        device=describe(device, experiment.compute),
        sha256="",
    )
    write_csv(paths.model(model_name) / "history.csv", history)
    save_network(paths.model(model_name), network, card)


def train_network(
    network: Network,
    model: Model,
    experiment: Experiment,
    paths: RunPaths,
    train: pd.DataFrame,
    val: pd.DataFrame,
) -> pd.DataFrame:
    """Trains `network` in place and returns its history, one row per epoch (none for a recipe of 0 epochs)."""
    recipe, seed = model.training, experiment.seed
    num_classes = linear_head(network).weight.shape[0]
    images = AugmentedTable(train, paths.index, training_transform(experiment.input, recipe.augmentation))
    images.seed = seed
    if len(images) < recipe.batch_size:
        raise UserError(
            f"training.batch_size is {recipe.batch_size}, but the train split has only {len(images)} images; "
            "lower it or add images."
        )
    shuffle = torch.Generator().manual_seed(seed)
    batches = DataLoader(images, recipe.batch_size, shuffle=True, drop_last=True, generator=shuffle)
    val_table = ImageTable(val, paths.index, lambda image: warp(image, experiment.input))
    val_batches = DataLoader(val_table, recipe.batch_size)
    mixing = batch_mixing(recipe.augmentation, num_classes, recipe.label_smoothing)
    loss_of = SoftTargetCrossEntropy() if mixing else LabelSmoothingCrossEntropy(recipe.label_smoothing)

    optimizer = make_optimizer(network, recipe)
    schedule = make_schedule(optimizer, recipe, len(batches))
    device = next(network.parameters()).device
    accelerator = Accelerator(cpu=device.type == "cpu")
    channels_last(network)
    prepared, optimizer, batches, val_batches = accelerator.prepare(network, optimizer, batches, val_batches)

    rows = []
    seed_everything(seed)  # drop path, dropout and mixup draw from the global generators
    for epoch in range(1, recipe.epochs + 1):
        started, images.epoch = time.perf_counter(), epoch
        training_mode(prepared, recipe)
        total_loss = correct = seen = 0.0
        rate = 0.0
        shown = track(batches, len(batches), f"epoch {epoch}/{recipe.epochs}", "steps")
        for step, (pixels, labels, _) in enumerate(shown):
            schedule.step_update((epoch - 1) * len(batches) + step)
            rate = optimizer.param_groups[0]["lr"]
            pixels = pixels.to(memory_format=torch.channels_last)  # (B, 3, S, S)
            pixels, targets = mixing(pixels, labels) if mixing else (pixels, labels)
            logits = prepared(pixels)  # (B, K)
            loss = loss_of(logits, targets)
            if not torch.isfinite(loss):
                raise UserError(
                    f"{model.name}: the loss became {loss.item()} in epoch {epoch}, step {step + 1}. Lower "
                    "training.learning_rate, lengthen training.warmup_epochs or set training.clip_gradient."
                )
            optimizer.zero_grad()
            accelerator.backward(loss)
            if recipe.clip_gradient:
                accelerator.clip_grad_norm_(prepared.parameters(), recipe.clip_gradient)
            optimizer.step()
            total_loss += loss.item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
            seen += len(labels)
        val_loss, val_top1 = evaluate_classifier(prepared, val_batches)
        rows.append(
            {
                "epoch": epoch,
                "learning_rate": rate,
                "train_loss": total_loss / seen,
                "train_top1_percent": 100 * correct / seen,
                "val_loss": val_loss,
                "val_top1_percent": val_top1,
            }
        )
        seconds = time.perf_counter() - started
        print(
            f"{model.name} epoch {epoch}/{recipe.epochs}: loss {total_loss / seen:.4f}, "
            f"train top-1 {100 * correct / seen:.1f} %, val loss {val_loss:.4f}, val top-1 {val_top1:.1f} %, "
            f"{seen / seconds:.0f} images/s"
        )
    columns = ["epoch", "learning_rate", "train_loss", "train_top1_percent", "val_loss", "val_top1_percent"]
    return pd.DataFrame(rows, columns=columns)


def training_mode(network: nn.Module, recipe: Training) -> None:
    """Training mode, BatchNorm left to its stored statistics where the recipe says so; scale and shift learn on."""
    network.train()
    for layer in network.modules():
        if recipe.freeze_norm_statistics and isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()


@torch.inference_mode()
def evaluate_classifier(network: nn.Module, batches: DataLoader) -> tuple[float, float]:
    """Mean cross-entropy and top-1 accuracy in percent over a loader of (images, labels, rows)."""
    network.eval()
    loss = correct = seen = 0.0
    for pixels, labels, _ in batches:
        logits = network(pixels.to(memory_format=torch.channels_last))  # (B, K)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(1) == labels).sum().item()
        seen += len(labels)
    return loss / seen, 100 * correct / seen
