"""Writes a rehearsal: the reduced experiment and its stand-ins, in one folder."""

import shlex
import shutil
from pathlib import Path

from camagain.artifacts import write_text
from camagain.config import Experiment
from camagain.config.file import dump_experiment
from camagain.errors import UserError
from camagain.rehearsal.images import class_count, write_images
from camagain.rehearsal.reduce import changes, reduced
from camagain.rehearsal.weights import HUB, write_weights

FILE = "experiment.yaml"
MARKER = "REHEARSAL"
"""A file that tells our folders from those that must not be replaced."""


def rehearse(experiment: Experiment, source: str, folder: Path, narrow: bool = False) -> list[str]:
    """Writes the rehearsal of an experiment to `folder`, anew if one lies there; returns what it did, line by line.

    `source` is the name of the experiment's file. `narrow`: networks of the same families with one block a stage, in
    place of those of full size. UserError where something else lies in the folder.
    """
    folder = Path(folder)
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).is_file():
            raise UserError(f"{folder}: something else than a rehearsal lies there. Give another folder.")
        shutil.rmtree(folder)
    write_text(folder / MARKER, "This folder was written by `camagain rehearse` and may be deleted.\n")
    dataset = write_images(experiment, folder)
    after = reduced(experiment, dataset, narrow)
    files = write_weights(after, folder, class_count(experiment.dataset), narrow)
    write_text(folder / FILE, dump_experiment(after))
    return [
        f"{folder / FILE} is {source} with these changes:",
        *(f"  {line}" for line in changes(experiment, after)),
        *(f"{file}: random weights, {file.stat().st_size / 1e6:,.0f} MB" for file in files),
        "Run it with:",
        f"  {command(folder)}",
    ]


def command(folder: Path) -> str:
    """The command that runs a rehearsal, for the project's folder: every rule, those of large runs as well."""
    place = shlex.quote(str(folder))
    hub = shlex.quote(str((folder / HUB).resolve()))
    return f"HF_HOME={hub} HF_HUB_OFFLINE=1 snakemake --directory {place} --configfile {place}/{FILE} -- all explorer"
