"""The report: one self-contained page that opens offline, prints, and fits a phone."""

import base64
from dataclasses import dataclass
from importlib.resources import files

import jinja2

from camagain.artifacts import RunPaths, existing, read_json, write_text
from camagain.config import Experiment
from camagain.config.file import dump_experiment
from camagain.drawing.render import TextTable
from camagain.drawing.rerun import analysis_command, drawing_command, experiment_file, model_command
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.wall_times import wall_times
from camagain.environment import git_state, machine, package_versions
from camagain.paper.captions import CAPTIONS, TABLE_TITLES
from camagain.paper.claims.verdicts import claims_path
from camagain.paper.names import ANALYSIS_FIGURES, FIGURE_NAMES, own_tables
from camagain.paper.tables import TABLES


@dataclass(frozen=True)
class Picture:
    """A figure of the report."""

    name: str
    title: str
    caption: str
    uri: str  # PNG as data URI: the page needs no other file
    command: str  # draws it again


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    name: str
    title: str
    text: TextTable
    command: str  # makes it again


@dataclass(frozen=True)
class AnalysisSection:
    """One analysis in the report: its table, its figures, and the models to which it does not apply."""

    name: str
    title: str
    table: Table
    pictures: list[Picture]
    not_applicable: dict[str, str]
    command: str  # makes it again for all models
    model_command: str  # for one of them


def write_report(experiment: Experiment, paths: RunPaths) -> None:
    """Writes `report.html` of a run from its tables, figures and artifacts."""
    results = RunResults(experiment, paths)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    folder = files("camagain.paper.report")
    template = environment.from_string(folder.joinpath("report.html.j2").read_text(encoding="utf-8"))
    style = folder.joinpath("report.css").read_text(encoding="utf-8")
    page = template.render(
        experiment=experiment,
        results=results,
        tables=[text_table(results, name) for name in own_tables(experiment)],
        headlines=headlines(results),
        claims=read_json(claims_path(paths)),
        pictures=[picture(results, name) for name in FIGURE_NAMES],
        analyses=[section(results, name) for name in experiment.analysis.names],
        file=experiment_file(experiment),
        style=style,
        settings=dump_experiment(experiment),
        packages=package_versions(),
        machine=machine(),
        git=git_state(paths.root),
        jobs=wall_times(paths.logs),
    )
    write_text(paths.report, page)


def section(results: RunResults, name: str) -> AnalysisSection:
    """What the report shows of one analysis."""
    return AnalysisSection(
        name,
        TABLE_TITLES[name],
        text_table(results, name),
        [picture(results, figure) for figure in ANALYSIS_FIGURES[name]],
        results.not_applicable(name),
        analysis_command(results.experiment, name),
        model_command(results.experiment, name),
    )


def text_table(results: RunResults, name: str) -> Table:
    """A table with its title, as people read it."""
    command = drawing_command(results.experiment, "tables", name)
    return Table(name, TABLE_TITLES[name], TABLES[name][1](results), command)


def picture(results: RunResults, name: str) -> Picture:
    """A figure with its title, caption and pixels."""
    title, caption = CAPTIONS[name]
    png = existing(results.paths.figures / f"{name}.png").read_bytes()
    uri = "data:image/png;base64," + base64.b64encode(png).decode()
    return Picture(name, title, caption, uri, drawing_command(results.experiment, "figures", name))


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
