# What the rules share: the validated experiment, and what the registry of stages (camagain/stages.py) says of each rule.
from pathlib import Path

from snakemake.exceptions import WorkflowError

from camagain import stages
from camagain.artifacts import write_text
from camagain.config import ANALYSES
from camagain.config.file import dump_experiment, parse_experiment
from camagain.errors import UserError

try:
    EXPERIMENT = parse_experiment(
        config, " + ".join(map(str, workflow.configfiles)) or "--config"
    )
except UserError as error:
    raise WorkflowError(str(error)) from None

EXPERIMENT_VALUES = EXPERIMENT.model_dump(mode="json")
PATHS = EXPERIMENT.paths()
LOGS = str(PATHS.logs)
EXPERIMENT_FILE = str(PATHS.experiment)


def inputs(stage):
    """The files that a stage reads."""
    return stages.inputs(EXPERIMENT, stage)


def outputs(stage):
    """The files that a stage writes; `{training}` and `{job}` are wildcards."""
    return stages.patterns(EXPERIMENT, stage)


def files(*names):
    """The files of stages over all their trainings and jobs."""
    return [file for name in names for file in stages.files(EXPERIMENT, name)]


def settings(stage):
    """What a stage reads of the experiment, as text for `params`: a job runs again when it changes."""
    return lambda wildcards: stages.settings_text(
        EXPERIMENT_VALUES, stage, getattr(wildcards, "training", "")
    )


# A job asks for the one GPU of the machine unless the experiment is for the CPU; then its jobs may run side by side.
def gpu(stage):
    return int(stages.stages()[stage].gpu and EXPERIMENT.compute.device != "cpu")


onstart:
    # Every job reads the whole experiment from this file, which is an input of none. A job runs again when the settings
    # in its own `params` change, not because some other key did. (An `ancient` input would not do. While the job that
    # makes it is due, Snakemake 9.27 overlooks changed `params` of the jobs behind it.)
    write_text(Path(EXPERIMENT_FILE), dump_experiment(EXPERIMENT))


wildcard_constraints:
    training="|".join(EXPERIMENT.trainings),
    job=r"[\w.-]+",
