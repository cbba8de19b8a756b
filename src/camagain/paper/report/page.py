"""The report: one self-contained page that opens offline, prints, and fits a phone."""

import base64
from dataclasses import dataclass, replace
from importlib.resources import files

import jinja2
import pandas as pd

from camagain.artifacts import existing, read_json, write_text
from camagain.config.file import dump_experiment
from camagain.drawing.cells import over_seeds
from camagain.drawing.empty import is_empty
from camagain.drawing.render import TextTable
from camagain.drawing.rerun import analysis_command, drawing_command, experiment_file, model_command
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.wall_times import wall_times
from camagain.environment import git_state, machine, package_versions
from camagain.explorer.small import is_small
from camagain.paper.claims.verdicts import CLAIMS
from camagain.paper.registry import Exhibit, shown

SINGLE_SEEDS = "Means over the seeds of training; thin lines, ticks and small dots are single seeds."
"""Ends the caption of every figure of a run with several."""

FIRST = "heatmaps"
"""The figure on the first page: what readers want to see before they read."""


@dataclass(frozen=True)
class Picture:
    """A figure of the report, or why there is nothing to draw."""

    name: str
    title: str
    caption: str
    uri: str  # PNG as data URI: the page needs no other file
    command: str  # draws it again
    reasons: dict[str, str]  # of a figure that applies to no model: why, by model


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    name: str
    title: str
    text: TextTable
    command: str  # makes it again


@dataclass(frozen=True)
class Part:
    """A part of the report that belongs to no analysis: a table, a figure, or both."""

    name: str
    title: str
    table: Table | None = None
    picture: Picture | None = None


@dataclass(frozen=True)
class AnalysisSection:
    """One analysis in the report: table, figures, and the models to which it does not apply."""

    name: str
    title: str
    table: Table
    pictures: list[Picture]
    not_applicable: dict[str, str]
    command: str  # makes it again for all models
    model_command: str  # for one of them


def write_report(results: RunResults) -> None:
    """Writes `report.html` of a run from its tables, figures and artifacts."""
    experiment, paths = results.experiment, results.paths
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    folder = files("camagain.paper.report")
    template = environment.from_string(folder.joinpath("report.html.j2").read_text(encoding="utf-8"))
    style = folder.joinpath("report.css").read_text(encoding="utf-8")
    parts = exhibits(results)
    script = folder.joinpath("report.js").read_text(encoding="utf-8")
    page = template.render(
        experiment=experiment,
        results=results,
        headlines=headlines(results),
        claims=read_json(paths.claims),
        findings={claim.name: claim.finding for claim in CLAIMS},
        first=parts.pop(FIRST, None),
        parts=list(parts.values()),
        analyses=[section(results, name) for name in experiment.analysis.names],
        file=experiment_file(experiment),
        style=style,
        script=script,
        settings=dump_experiment(experiment),
        packages=package_versions(),
        machine=machine(),
        git=git_state(),
        jobs=wall_times(paths.logs),
        explorer=paths.explorer.relative_to(paths.root) if is_small(experiment) else None,
    )
    write_text(paths.report, page)


def exhibits(results: RunResults) -> dict[str, Part]:
    """What belongs to no analysis, by name, tables first; a table and a figure of one name are one part."""
    parts: dict[str, Part] = {}
    for exhibit in shown(results.experiment, "tables"):
        if not exhibit.analysis:
            parts[exhibit.name] = Part(exhibit.name, exhibit.title, table=table(results, exhibit))
    for exhibit in shown(results.experiment, "figures"):
        if not exhibit.analysis:
            part = parts.get(exhibit.name, Part(exhibit.name, exhibit.figure_title))
            parts[exhibit.name] = replace(part, picture=picture(results, exhibit))
    return parts


def section(results: RunResults, name: str) -> AnalysisSection:
    """What the report shows of one analysis."""
    experiment = results.experiment
    own = next(exhibit for exhibit in shown(experiment, "tables") if exhibit.name == name)
    return AnalysisSection(
        name,
        own.title,
        table(results, own),
        [picture(results, exhibit) for exhibit in shown(experiment, "figures") if exhibit.analysis == name],
        results.not_applicable(name),
        analysis_command(experiment, name),
        model_command(experiment, name),
    )


def table(results: RunResults, exhibit: Exhibit) -> Table:
    """A table with its title, as it was written."""
    markdown = existing(results.paths.tables / f"{exhibit.name}.md").read_text(encoding="utf-8")
    command = drawing_command(results.experiment, "tables", exhibit.name)
    return Table(exhibit.name, exhibit.title, TextTable.from_markdown(markdown), command)


def picture(results: RunResults, exhibit: Exhibit) -> Picture:
    """A figure with its title, caption and pixels."""
    png = existing(results.paths.figures / f"{exhibit.name}.png").read_bytes()
    uri = "data:image/png;base64," + base64.b64encode(png).decode()
    command = drawing_command(results.experiment, "figures", exhibit.name)
    caption = f"{exhibit.caption} {SINGLE_SEEDS}" if len(results.parts) > 1 else exhibit.caption
    data = pd.read_csv(results.paths.figures / f"{exhibit.name}.csv", keep_default_na=False)
    reasons = dict(data.itertuples(index=False)) if is_empty(data) else {}
    return Picture(exhibit.name, exhibit.figure_title, caption, uri, command, reasons)


def headlines(results: RunResults) -> list[str]:
    """The results, one sentence per model, always compared with the better baseline."""
    baseline = max(results.scores(*key)["max_box_acc"]["value"] for key in results.keys if key[0] == "baseline")
    first = results.experiment.localization.methods[0]
    method, sentences = MAP_NAMES[first], []
    for model in results.models:
        scores = results.scores(model, first)
        boxes, top1 = scores["max_box_acc"], scores["top1"]
        if boxes["low"] > baseline:
            against = "above"
        elif boxes["high"] < baseline:
            against = "below"
        else:
            against = "not distinguishable from"
        sentences.append(
            f"{model}: {top1['value']:.1f} % of images classified, "
            f"{boxes['value']:.1f}{over_seeds(boxes.get('deviation'))} % "
            f"[{boxes['low']:.1f}, {boxes['high']:.1f}] localized by {method} (MaxBoxAcc), {against} the "
            f"better baseline ({baseline:.1f} %)."
        )
    return sentences
