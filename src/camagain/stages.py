"""The stages of a run: which code each one runs and which settings it reads.

Snakemake takes from here what makes a job run again, the manifest what it says of the code, and comparisons where a
difference can come from.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camagain.config import ANALYSES, WITHOUT_EFFECT
from camagain.provenance import code_digest


@dataclass(frozen=True)
class Stage:
    """One stage: the modules that it starts from, and the sections of the experiment that it reads."""

    modules: tuple[str, ...]
    sections: tuple[str, ...]


def analysis(name: str, *sections: str) -> Stage:
    """The stage of one analysis, which reads its own settings besides."""
    return Stage(("camagain.analysis.kit.run", f"camagain.analysis.{name}.measure"), sections)


PAPER = ("models", "localization", "evaluation", "analysis", "figures", "seed", "purpose")

STAGES: Mapping[str, Stage] = {
    "data": Stage(("camagain.datasets.prepare",), ("dataset", "seed")),
    "finetune": Stage(("camagain.training.finetune",), ("seed", "input", "compute")),
    "localize": Stage(("camagain.localization.extract",), ("localization", "compute")),
    "evaluate": Stage(("camagain.evaluation.evaluate",), ("localization", "evaluation", "seed")),
    "evaluate_baseline": Stage(("camagain.evaluation.evaluate",), ("evaluation", "seed")),
    "erf": analysis("erf", "compute", "seed"),
    "gap": analysis("gap", "evaluation", "seed"),
    "pca": analysis("pca", "evaluation", "seed"),
    "initialization": analysis("initialization", "compute", "evaluation", "seed"),
    "remedies": analysis("remedies", "compute", "evaluation", "localization", "seed"),
    "texture": analysis("texture", "compute", "evaluation", "localization", "seed"),
    "cues": analysis("cues", "evaluation", "seed"),
    "interventions": analysis("interventions", "compute", "evaluation", "localization", "seed"),
    "tables": Stage(("camagain.paper.tables",), PAPER),
    "figures": Stage(("camagain.paper.figures",), PAPER),
    "report": Stage(("camagain.paper.report.page",), PAPER),
    "manifest": Stage(("camagain.paper.manifest",), ()),
}
"""In the order in which a run makes them; `finetune` reads its own model's entry besides."""


def stage_code(stage: str) -> str:
    """The digest of the sources behind a stage."""
    return code_digest(*STAGES[stage].modules)


def stage_settings(values: Mapping[str, Any], stage: str, model: str = "") -> dict[str, Any]:
    """What a stage reads of an experiment, given as plain values; of one model's stage also that model's entry.

    Keys without effect on any result are left out.
    """
    chosen = {section: values[section] for section in STAGES[stage].sections}
    if "compute" in chosen:
        chosen["compute"] = {key: value for key, value in chosen["compute"].items() if key not in WITHOUT_EFFECT}
    if stage in ANALYSES:
        chosen["analysis"] = {stage: values["analysis"].get(stage)}
    if stage == "finetune":
        chosen["models"] = [entry for entry in values["models"] if entry["name"] == model]
    return chosen


def settings_text(values: Mapping[str, Any], stage: str, model: str = "") -> str:
    """The same as text; a job runs again when its text changes, not when other parts of the experiment do."""
    return json.dumps(stage_settings(values, stage, model), sort_keys=True)
