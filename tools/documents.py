"""What the project's documents say of results and of speed, written from what is recorded: no number is typed twice."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from camagain.artifacts import existing, read_json, write_text
from camagain.config import BASELINE, Experiment
from camagain.config.file import load_experiment
from camagain.drawing.cells import score_cell
from camagain.drawing.results import read_results
from camagain.errors import UserError
from camagain.paper.registry import shown
from tools import artifacts_page, benchmark_tables, cli_page, cost_tables, simulation_tables
from tools.settings_reference import config_reference

MARKED = re.compile(r"(<!-- (\w+), written by `make docs` -->\n).*?(<!-- end of \2 -->)", re.DOTALL)
"""What stands between these lines in README.md is replaced; the first names the part."""

REFERENCES = Path("results/reference")
PAGE = Path("docs/results.md")

HEAD = """\
# Results

**To be looked up, not read**: every table and figure of the committed runs ([results/reference](../results/reference)),
written by `make docs`. To be read: [findings.md](findings.md). [analyses.md](analyses.md) says what each figure means,
[metrics.md](metrics.md) what each number. None is evidence about the paper, whose numbers need its data, its weights
and a GPU ([reproduce.md](reproduce.md)).
"""


def write_documents(root: Path) -> list[Path]:
    """Rewrites the generated documents of the project in folder `root`, and returns their paths."""
    texts = documents(root)
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)


def documents(root: Path) -> dict[Path, str]:
    """Every generated document, and what it should say."""
    return {
        root / PAGE: results_page(root),
        root / "README.md": readme(root),
        root / benchmark_tables.PAGE: benchmark_tables.benchmarks_page(root),
        root / "config" / "README.md": config_reference(),
        root / artifacts_page.PAGE: artifacts_page.artifacts_page(),
        root / cli_page.PAGE: cli_page.cli_page(),
        root / cost_tables.STEPS: cost_tables.steps_csv(root),
        root / cost_tables.SHAPES: cost_tables.shapes_csv(root),
        root / cost_tables.JOBS: cost_tables.jobs_csv(root),
        root / cost_tables.PAGE: cost_tables.cost_page(root),
        **simulation_tables.simulation_pages(root),
    }


def results_page(root: Path) -> str:
    """docs/results.md: every table and figure of every reference run."""
    sections = (section(folder, experiment) for folder, experiment in references(root))
    return "\n".join([HEAD, *summaries(root, page=""), "", *sections])


def readme(root: Path) -> str:
    """README.md with its marked parts rewritten; UserError where the marks are others."""
    text = existing(root / "README.md").read_text(encoding="utf-8")
    named = [name for _, name, _ in MARKED.findall(text)]
    if sorted(named) != ["results", "speed"]:
        raise UserError(f"{root / 'README.md'}: expected marks of 'results' and 'speed', each once; found {named}.")
    parts = {"speed": benchmark_tables.speed(root), "results": "\n".join(summaries(root, PAGE.as_posix()))}
    return MARKED.sub(lambda match: f"{match[1]}\n{parts[match[2]]}\n\n{match[3]}", text)


def summaries(root: Path, page: str) -> list[str]:
    """A line for each reference run, with a link to its section of `page`, below the header of the table."""
    columns = "| run | test images, classes | networks, seeds | CAM | PC1 | centred Gaussian |"
    rows = (summary(folder, experiment, page) for folder, experiment in references(root))
    return [columns, "|---|---|---|---|---|--:|", *rows]


def references(root: Path) -> Iterator[tuple[Path, Experiment]]:
    """Folder and experiment of every reference run, in alphabetical order."""
    for path in sorted((root / REFERENCES).glob("*/experiment.yaml")):
        yield path.parent, load_experiment(path)


def summary(folder: Path, experiment: Experiment, page: str) -> str:
    """A run's row of that table: MaxBoxAcc of its worst and its best network, and of the centred Gaussian."""
    dataset = read_json(folder / "manifest.json")["dataset"]
    results = read_results(experiment, replace(experiment.paths(), run=folder.name, results=folder.parent), dataset)
    models = [model.name for model in experiment.models]

    def ends(method: str) -> str:
        if method not in experiment.localization.methods:
            return "–"
        scores = {model: results.scores(model, method)["max_box_acc"] for model in models}
        ordered = sorted((score["value"], model) for model, score in scores.items() if score is not None)
        drawn = dict.fromkeys([ordered[0][1], ordered[-1][1]])
        return " to ".join(f"{score_cell(scores[model])} ({model})" for model in drawn)

    gaussian = score_cell(results.scores(BASELINE, "centre-gaussian")["max_box_acc"])
    seeds = "1 seed" if len(results.seeds) == 1 else f"{len(results.seeds)} seeds"
    cells = [
        f"[{experiment.run}]({page}#{experiment.run})",
        f"{dataset['splits']['test']:,} of {dataset['name']}, {len(dataset['classes'])}",
        f"{len(models)}, {seeds}",
        *(ends(method) for method in ("cam", "pc1")),
        gaussian,
    ]
    return f"| {' | '.join(cells)} |"


def section(folder: Path, experiment: Experiment) -> str:
    """One reference run: what it stands on, its tables, and those of its figures that may be published."""
    manifest = read_json(folder / "manifest.json")
    machine = manifest["machine"]
    lines = [
        f"## {experiment.run}",
        "",
        experiment.purpose,
        "",
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, torch "
        f"{manifest['packages']['torch']}, commit {(manifest['git']['commit'] or 'unknown')[:12]}, "
        f"{manifest['written'][:10]}. Compare a run of yours: `camagain compare results/{experiment.run} "
        f"{REFERENCES}/{experiment.run}`.",
        "",
    ]
    for exhibit in shown(experiment, "tables"):
        path = folder / "tables" / f"{exhibit.name}.md"
        if path.is_file():
            lines += [f"### {exhibit.title}", "", path.read_text(encoding="utf-8")]
    for exhibit in shown(experiment, "figures"):
        path, title = folder / "figures" / f"{exhibit.name}.png", exhibit.figure_title
        if path.is_file():
            picture = f"../{REFERENCES}/{folder.name}/figures/{exhibit.name}.png"
            lines += [f"### {title}", "", f"![{title}]({picture})", "", exhibit.caption, ""]
    return "\n".join(lines)
