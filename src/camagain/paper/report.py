"""The report: one self-contained page that opens offline, prints, and fits a phone."""

import base64
from dataclasses import dataclass
from importlib.resources import files

import jinja2

from camagain.artifacts import RunPaths, existing, write_text
from camagain.config import Experiment
from camagain.config.file import dump_experiment
from camagain.environment import git_state, machine, package_versions
from camagain.paper.manifest import wall_times
from camagain.paper.parts import TABLE_NAMES
from camagain.paper.render import TextTable
from camagain.paper.results import MAP_NAMES, RunResults
from camagain.paper.tables import TABLES


@dataclass(frozen=True)
class Picture:
    """A figure of the report."""

    name: str
    title: str
    caption: str
    uri: str  # PNG as data URI: the page needs no other file


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    name: str
    title: str
    text: TextTable


TABLE_TITLES = {
    "localization": "Results",
    "top-loc": "Classes and boxes together",
    "paired-tests": "Paired tests",
    "evaluation-choices": "What each choice of the evaluation costs",
}
"""Heading of each table; the first is the report's."""

CAPTIONS = {
    "heatmaps": (
        "What the maps look like",
        "Test images at equal steps from the worst to the best localized, so that failures show as often as they "
        "happen. White: true box. Yellow: predicted box at the threshold that is best on the test split. Bright: high "
        "score.",
    ),
    "threshold-curves": (
        "Box accuracy over the threshold",
        "Share of test images whose largest contour gives a box with IoU of at least 0.5, for one threshold on all "
        "images. The dot is MaxBoxAcc. Grey: boxes that never look at the image.",
    ),
    "evaluation-choices": (
        "What each choice does",
        "Change of MaxBoxAcc in points when one choice of the evaluation is changed and everything else stays, with "
        "the interval over images. Zero: the choice does not matter for these images.",
    ),
    "training": (
        "Fine-tuning",
        "Left: loss on augmented training images. Right: accuracy on val images, which are not trained on.",
    ),
}


def write_report(experiment: Experiment, paths: RunPaths) -> None:
    """Writes `report.html` of a run from its tables, figures and artifacts."""
    results = RunResults(experiment, paths)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("camagain.paper").joinpath("report.html.j2").read_text(encoding="utf-8"))
    style = files("camagain.paper").joinpath("report.css").read_text(encoding="utf-8")
    page = template.render(
        experiment=experiment,
        results=results,
        tables=[Table(name, TABLE_TITLES[name], TABLES[name][1](results)) for name in TABLE_NAMES],
        headlines=headlines(results),
        pictures=[picture(paths, name) for name in CAPTIONS],
        style=style,
        settings=dump_experiment(experiment),
        packages=package_versions(),
        machine=machine(),
        git=git_state(paths.root),
        jobs=wall_times(paths.logs),
    )
    write_text(paths.report, page)


def picture(paths: RunPaths, name: str) -> Picture:
    """A figure with its title, caption and pixels."""
    title, caption = CAPTIONS[name]
    png = existing(paths.figures / f"{name}.png").read_bytes()
    return Picture(name, title, caption, "data:image/png;base64," + base64.b64encode(png).decode())


def headlines(results: RunResults) -> list[str]:
    """What was found, one sentence per model, always against the better baseline."""
    baseline = max(
        results.metrics(*key)["figures"]["max_box_acc"]["value"] for key in results.keys if key[0] == "baseline"
    )
    first = results.experiment.localization.methods[0]
    method, sentences = MAP_NAMES[first], []
    for model in results.models:
        figures = results.metrics(model, first)["figures"]
        boxes, top1 = figures["max_box_acc"], figures["top1"]
        if boxes["low"] > baseline:
            against = "above"
        elif boxes["high"] < baseline:
            against = "below"
        else:
            against = "not distinguishable from"
        sentences.append(
            f"{model}: {top1['value']:.1f} % of images classified, {boxes['value']:.1f} % "
            f"[{boxes['low']:.1f}, {boxes['high']:.1f}] localized by {method} (MaxBoxAcc), {against} the "
            f"better baseline ({baseline:.1f} %)."
        )
    return sentences
