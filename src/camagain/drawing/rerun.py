"""The commands that make a run's tables, figures and analyses again, typed in the project's folder."""

from typing import Literal

from camagain.config import Experiment
from camagain.config.analysis import declared

SHOWN_KIND = {"tables": "csv", "figures": "pdf"}
"""The file of a table or figure that a command names; the same job also writes its other kinds."""


def experiment_file(experiment: Experiment) -> str:
    """The experiment with every default written out, as each run keeps it: an experiment file like those of config/."""
    return f"results/{experiment.run}/experiment.yaml"


def drawing_command(experiment: Experiment, part: Literal["tables", "figures"], name: str) -> str:
    """Makes a table or figure again, after everything it depends on that is missing or out of date."""
    target = f"results/{experiment.run}/{part}/{name}.{SHOWN_KIND[part]}"
    return f"snakemake {target} --force --configfile {experiment_file(experiment)}"


def analysis_command(experiment: Experiment, name: str) -> str:
    """Makes an analysis of all its models again, and its table of it."""
    target = f"results/{experiment.run}/tables/{name}.{SHOWN_KIND['tables']}"
    return f"snakemake {target} --forcerun {name} --configfile {experiment_file(experiment)}"


def model_command(experiment: Experiment, name: str) -> str:
    """Makes an analysis of one model again, without Snakemake; MODEL and JOB are to be filled in."""
    job = " --job JOB" if declared()[name].jobs else ""
    return f"camagain analyze {experiment_file(experiment)} {name} MODEL{job}"
