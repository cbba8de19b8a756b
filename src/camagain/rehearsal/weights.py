"""Stand-ins for files of weights: random ones, with names, tensors and layout of the real files, where these belong."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

from camagain.artifacts import write_text
from camagain.config import Experiment, Model
from camagain.errors import UserError
from camagain.models.convert import LAYOUTS
from camagain.models.sources import choose
from camagain.models.zoo import create
from camagain.rehearsal.reduce import narrow_options

IMAGENET_CLASSES = 1000

HUB = "huggingface"
"""Folder of a rehearsal for timm's weights, which takes the place of Hugging Face's cache (HF_HOME)."""

REVISION = "0" * 40
"""Stands in for the commit of a repository on Hugging Face."""


def write_weights(experiment: Experiment, folder: Path, classes: int, narrow: bool) -> list[Path]:
    """Writes a file for every model whose weights are not drawn or installed; returns the files, each once."""
    torch.manual_seed(0)
    written: list[Path] = []
    for model in experiment.models:
        if model.weights in ("upstream", "published"):
            written.append(_published(model, folder / experiment.compute.downloads, classes))
        elif model.weights == "timm":
            written.append(_of_timm(model, folder / HUB, narrow))
        elif model.checkpoint is not None:
            written.append(_own(model, folder / model.checkpoint, classes))
    return list(dict.fromkeys(written))


def _published(model: Model, downloads: Path, classes: int) -> Path:
    """A file of the authors. Of several copies the one of which no digest is published, since its content is ours."""
    source = next(copy for copy in choose(model.weights, model.architecture, model.options) if not copy.sha256)
    path = downloads / source.file
    if not path.exists():
        kept = model.weights == "published" or model.classifier == "kept"
        options: dict = dict(model.options)
        network = create(model.architecture, classes if kept else IMAGENET_CLASSES, **options)
        layout = LAYOUTS[source.architecture][source.layout]
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({layout(key): tensor for key, tensor in network.state_dict().items()}, path)
    return path


def _own(model: Model, path: Path, classes: int) -> Path:
    """A user's own file. `folder / checkpoint` is the checkpoint itself where its path is absolute; it is then left."""
    if not path.exists():
        options: dict = dict(model.options)
        network = create(model.architecture, classes, **options)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), path)
    return path


def _of_timm(model: Model, hub: Path, narrow: bool) -> Path:
    """A file in the layout of Hugging Face's cache, which is what a machine without internet gets copied."""
    config = timm.get_pretrained_cfg(model.architecture)
    repository = config.hf_hub_id if config else None
    if config is None or not repository:
        raise UserError(f"'{model.name}': timm does not take the weights of {model.architecture} from Hugging Face.")
    cache = hub / "hub" / f"models--{repository.replace('/', '--')}"
    path = cache / "snapshots" / REVISION / "model.safetensors"
    if not path.exists():
        options: dict = narrow_options(model.architecture) if narrow else {}
        network = create(repository.rpartition("/")[2], config.num_classes, **options)
        path.parent.mkdir(parents=True)
        save_file({key: tensor.contiguous() for key, tensor in network.state_dict().items()}, path)
        write_text(cache / "refs" / "main", REVISION)
    return path
