"""Fine-tuning one network: one row of history per epoch, the last weights kept."""

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy

from camagain.artifacts import RunPaths, read_json, write_csv
from camagain.compute import arithmetic, describe, prepare
from camagain.config import Experiment, Model
from camagain.datasets.index import read_index
from camagain.datasets.sizes import Sizes, check_sizes
from camagain.models.checkpoint import ModelCard, save_network
from camagain.models.decomposition import check_class_maps
from camagain.models.large_kernel import replace_large_kernels
from camagain.models.weights import starting_network
from camagain.models.zoo import Network, linear_head
from camagain.training.augment import batch_mixing
from camagain.training.batches import cut_images, make_batches
from camagain.training.launch import in_processes
from camagain.training.loop import COLUMNS, Loop, Trainee
from camagain.training.modes import moving_average, ready_for_training
from camagain.training.optimisation import make_optimizer, make_schedule
from camagain.training.remembered import remembered_features
from camagain.training.snapshots import Snapshots
from camagain.training.state import StateFile, state_file


def finetune(experiment: Experiment, model_name: str, paths: RunPaths) -> None:
    """Fine-tunes one model of an experiment and writes its artifact: weights, card, history, weights along the way.

    The last epoch's weights are kept, as in wsolevaluation: choosing an epoch by test boxes would be a second training
    on them. Same machine, same threads, same experiment: same bits, also where the training was interrupted.
    """
    index = read_index(paths.index)
    said = check_sizes(experiment, Sizes.of(index["split"], index["label"]))
    cut = cut_images(experiment.model(model_name).training.augmentation, index[index["split"] == "train"])
    for line in [*said, *([cut] if cut else [])]:
        print(f"{model_name}: {line}.")
    in_processes(train_and_write, experiment.compute, experiment, model_name, paths)


def train_and_write(experiment: Experiment, model_name: str, paths: RunPaths) -> None:
    """Trains in one of the processes; the first one writes."""
    model = experiment.model(model_name)
    accelerator = make_accelerator(experiment, model)
    classes = tuple(read_json(paths.description)["classes"])
    with accelerator.main_process_first():  # it may have to download
        network, source = starting_network(
            model, len(classes), experiment.training_seed, downloads=experiment.compute.downloads
        )
    file = state_file(experiment, model_name, paths, accelerator.device)
    trainee, loop = train(network, model, experiment, paths, file, accelerator, f"{source}, {len(classes)} classes")
    if not accelerator.is_main_process:
        return
    card = ModelCard(
        name=model.name,
        architecture=model.architecture,
        options=model.options,
        classes=classes,
        input=experiment.input,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        starting_weights=source,
        training=model.training,
        seed=experiment.training_seed,
        dataset=experiment.dataset.name,
        train_images=len(loop.batches.table),
        device="; then ".join(trainee.devices),
        arithmetic=arithmetic(),
        sha256="",
    )
    write_csv(paths.history(model_name), pd.DataFrame(trainee.history, columns=list(COLUMNS)))
    save_network(paths.model(model_name), trainee.kept, card)
    loop.snapshots.publish(paths.model(model_name))
    loop.state_file.delete()
    print(f"{model_name}: trained for {trainee.seconds:.0f} seconds")


def make_accelerator(experiment: Experiment, model: Model) -> Accelerator:
    """The accelerator that places a training on the experiment's device and joins its processes."""
    device = prepare(experiment.compute)
    return Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="no",  # else the environment decides; `precision` is the loop's, so that validation stays fp32
        gradient_accumulation_steps=model.training.accumulation,
        # Without this, gradients are summed in another order from the second step after a start on: a resumed training
        # of three or more processes would round otherwise than an uninterrupted one.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def train(
    network: Network,
    model: Model,
    experiment: Experiment,
    paths: RunPaths,
    file: StateFile,
    accelerator: Accelerator,
    origin: str,
) -> tuple[Trainee, Loop]:
    """Trains any network by the recipe of `model`, and the seed and images of `experiment`, in one of its processes.

    `file` is where its state lies while it is unfinished, and from where an interrupted training goes on; `origin` says
    in print where the network comes from.
    """
    if experiment.compute.fast_large_kernels:
        replace_large_kernels(network)
    noise = torch.randn(2, 3, experiment.input.size, experiment.input.size, generator=torch.Generator().manual_seed(0))
    check_class_maps(network, noise, model.name)  # now, and not after hours of training
    several = f", {accelerator.num_processes} processes" if accelerator.num_processes > 1 else ""
    accelerator.print(
        f"{model.name}: {model.architecture}, {origin}, on {accelerator.device.type}{several}", flush=True
    )
    recipe, device = model.training, accelerator.device
    batches = make_batches(experiment, recipe, paths, read_index(paths.index), accelerator)
    mixing = batch_mixing(recipe.augmentation, len(linear_head(network).weight), recipe.label_smoothing)
    network = ready_for_training(network, recipe, device, accelerator.num_processes)
    optimizer = make_optimizer(network, recipe)
    trainee = Trainee(
        network=network,
        average=moving_average(network, recipe),
        optimizer=optimizer,
        shuffle=batches.shuffle,
        devices=[describe(device, experiment.compute)],
    )
    loop = Loop(
        name=model.name,
        recipe=recipe,
        seed=experiment.training_seed,
        batches=batches,
        schedule=make_schedule(optimizer, recipe, batches.steps),
        mixing=mixing,
        loss=SoftTargetCrossEntropy() if mixing else LabelSmoothingCrossEntropy(recipe.label_smoothing),
        accelerator=accelerator,
        state_file=file,
        snapshots=Snapshots(model.name, recipe, file.path.parent),
        checkpoint_minutes=experiment.compute.checkpoint_minutes,
    )
    state, why = loop.state_file.read()
    if state is not None:
        trainee.restore(state)
        why = f"{why}, after epoch {len(trainee.history)}/{recipe.epochs}"
    if why:
        accelerator.print(f"{model.name}: {why}", flush=True)
    with remembered_features(network, recipe):
        loop.run(trainee)
    return trainee, loop
