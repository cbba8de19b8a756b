# What the rules share: the validated experiment, where its files lie, and what makes a job run again.
from pathlib import Path

from snakemake.exceptions import WorkflowError

from camagain.artifacts import write_text
from camagain.config import ANALYSES as ANALYSIS_NAMES
from camagain.config import BASELINE, BASELINE_METHODS
from camagain.config.analysis import WITH_ARRAYS
from camagain.config.methods import CAM_METHODS
from camagain.config.file import dump_experiment, parse_experiment
from camagain.errors import UserError
from camagain.paper.names import figure_names, table_names
from camagain.stages import settings_text, stage_code

try:
    EXPERIMENT = parse_experiment(
        config, " + ".join(map(str, workflow.configfiles)) or "--config"
    )
except UserError as error:
    raise WorkflowError(str(error)) from None

EXPERIMENT_VALUES = EXPERIMENT.model_dump(mode="json")
RUN = f"results/{EXPERIMENT.run}"
LOGS = f"{RUN}/logs"
EXPERIMENT_FILE = f"{RUN}/experiment.yaml"
DATASET = f"data/{EXPERIMENT.dataset.name}"
INDEX = f"{DATASET}/index.parquet"
MODELS = [model.name for model in EXPERIMENT.models]
METHODS = list(EXPERIMENT.localization.methods)

MODEL_FILES = [
    f"{RUN}/models/{{model}}/{name}"
    for name in ("model.safetensors", "model.json", "history.csv")
]
# Weights along the trainings, of every model as soon as one of them keeps any: a rule has the same outputs for all.
SNAPSHOTS = f"{RUN}/models/{{model}}/snapshots" if EXPERIMENT.keeps_snapshots else []
LOCALIZATION_FILES = [
    f"{RUN}/localization/{{model}}/{name}"
    for name in (
        "maps.npz",
        "predictions.parquet",
        "channels.npz",
        "parts.npz",
        "summary.json",
    )
]
EVALUATION_FILES = ("metrics.json", "curve.csv", "images.parquet", "correct.npz")
BASELINE_FILES = expand(
    f"{RUN}/evaluation/{BASELINE}/{{method}}/{{file}}",
    method=BASELINE_METHODS,
    file=EVALUATION_FILES,
)
MODEL_EVALUATIONS = expand(
    f"{RUN}/evaluation/{{{{model}}}}/{{method}}/{{file}}",
    method=METHODS,
    file=EVALUATION_FILES,
) + expand(
    f"{RUN}/evaluation/{{{{model}}}}/{{method}}/choices.csv",
    method=[method for method in METHODS if method in CAM_METHODS],
)
EVALUATIONS = BASELINE_FILES + expand(MODEL_EVALUATIONS, model=MODELS)
TABLE_NAMES = table_names(EXPERIMENT)
FIGURE_NAMES = figure_names(EXPERIMENT)
TABLES = expand(
    f"{RUN}/tables/{{table}}.{{kind}}", table=TABLE_NAMES, kind=("csv", "md", "tex")
)
FIGURES = expand(
    f"{RUN}/figures/{{figure}}.{{kind}}",
    figure=FIGURE_NAMES,
    kind=("pdf", "png", "csv"),
)
INTERVENTIONS = EXPERIMENT.analysis.interventions


def analysis_files(name):
    """What an analysis of one model writes; an intervention is several jobs, each with its own folder."""
    folder = "{model}/{change}" if name == "interventions" else "{model}"
    arrays = ["arrays.npz"] if name in WITH_ARRAYS else []
    return [
        f"{RUN}/analysis/{name}/{folder}/{file}"
        for file in ("table.csv", "status.json", *arrays)
    ]


def analysis_outputs(name):
    """All files of an analysis of this experiment."""
    if name not in EXPERIMENT.analysis.names:
        return []
    if name == "interventions":
        return expand(
            analysis_files(name),
            model=INTERVENTIONS.models,
            change=INTERVENTIONS.changes,
        )
    return expand(analysis_files(name), model=MODELS)


def snapshots_of(wildcards):
    """The weights along one model's training, where its recipe keeps any.

    Of a folder Snakemake knows the time alone, which `dvc checkout` changes. What is in it changes only together with
    the model's files, which are compared by content, so the time need not count.
    """
    keeps = EXPERIMENT.model(wildcards.model).training.snapshot_every
    return ancient(f"{RUN}/models/{wildcards.model}/snapshots") if keeps else []


ANALYSES = [file for name in ANALYSIS_NAMES for file in analysis_outputs(name)]

# A job asks for the one GPU of the machine unless the experiment is for the CPU; then its jobs may run side by side.
GPU = 0 if EXPERIMENT.compute.device == "cpu" else 1


onstart:
    # Every job reads the whole experiment from this file, which is an input of none. A job runs again when the settings
    # in its own `params` change, not because some other key did. (An `ancient` input would not do. While the job that
    # makes it is due, Snakemake 9.27 overlooks changed `params` of the jobs behind it.)
    write_text(Path(EXPERIMENT_FILE), dump_experiment(EXPERIMENT))


wildcard_constraints:
    model="|".join(MODELS),
    change="|".join(INTERVENTIONS.changes),


def settings(stage, model=""):
    """What a stage reads of the experiment, as text for `params`."""
    return settings_text(EXPERIMENT_VALUES, stage, model)


def model_settings(wildcards):
    """The one model's entry of the experiment, and what every training depends on."""
    return settings("finetune", wildcards.model)
