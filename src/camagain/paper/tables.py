"""All tables of a run, each as CSV (full precision, tidy), Markdown and LaTeX (rounded, with intervals)."""

from collections.abc import Callable, Mapping

import pandas as pd

from camagain.analysis.cues import table as cues
from camagain.analysis.erf import table as erf
from camagain.analysis.gap import table as gap
from camagain.analysis.initialization import table as initialization
from camagain.analysis.interventions import table as interventions
from camagain.analysis.pca import table as pca
from camagain.analysis.remedies import table as remedies
from camagain.analysis.texture import table as texture
from camagain.artifacts import RunPaths, write_csv, write_json, write_text
from camagain.config import BASELINE, Experiment
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.paper.claims.verdicts import write_claims
from camagain.paper.exhibits.augmentation import augmentation_table, augmentation_text
from camagain.paper.exhibits.evaluation_choices import choices_table, choices_text
from camagain.paper.exhibits.localization import localization_table, localization_text, top_loc_table, top_loc_text
from camagain.paper.exhibits.model_zoo import zoo_table, zoo_text
from camagain.paper.exhibits.models import models_table, models_text
from camagain.paper.exhibits.paired_tests import paired_table, paired_text
from camagain.paper.exhibits.speed import speed_table, speed_text
from camagain.paper.exhibits.wsol_methods import methods_table, methods_text
from camagain.paper.names import table_names

TABLES: Mapping[str, tuple[Callable[[RunResults], pd.DataFrame], Callable[[RunResults], TextTable]]] = {
    "localization": (localization_table, localization_text),
    "top-loc": (top_loc_table, top_loc_text),
    "paired-tests": (paired_table, paired_text),
    "evaluation-choices": (choices_table, choices_text),
    "model-zoo": (zoo_table, zoo_text),
    "wsol-methods": (methods_table, methods_text),
    "models": (models_table, models_text),
    "speed": (speed_table, speed_text),
    "augmentation": (augmentation_table, augmentation_text),
    "erf": (erf.table, erf.text),
    "gap": (gap.table, gap.text),
    "pca": (pca.table, pca.text),
    "initialization": (initialization.table, initialization.text),
    "remedies": (remedies.table, remedies.text),
    "texture": (texture.table, texture.text),
    "cues": (cues.table, cues.text),
    "interventions": (interventions.table, interventions.text),
}
"""Name of each table, the numbers behind it, and how people read it."""


def write_tables(experiment: Experiment, paths: RunPaths) -> None:
    """Writes `tables/` of a run, all its figures once more as `metrics.json`, and `claims.json`."""
    results = RunResults(experiment, paths)
    write_json(paths.root / "metrics.json", summary(results))
    for name in table_names(experiment):
        numbers, text = TABLES[name]
        rendered = text(results)
        write_csv(paths.tables / f"{name}.csv", numbers(results))
        write_text(paths.tables / f"{name}.md", rendered.markdown())
        write_text(paths.tables / f"{name}.tex", rendered.latex(name))
    write_claims(results)


def summary(results: RunResults) -> dict[str, dict[str, dict[str, float]]]:
    """Every figure in percent, model -> method -> figure, for `dvc metrics`."""
    return {
        model: {
            method: {
                figure: entry["value"]
                for figure, entry in results.metrics(model, method)["figures"].items()
                if entry is not None
            }
            for owner, method in results.keys
            if owner == model
        }
        for model in (*results.models, BASELINE)
    }
