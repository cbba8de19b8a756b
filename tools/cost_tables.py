"""What experiments cost: steps.csv and shapes.csv from benchmarks, jobs.csv from references, and a table of costs."""

import re
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pandas as pd

from camagain.artifacts import existing, read_json
from camagain.config.experiment import trainings
from camagain.config.file import load_experiment
from camagain.cost.estimate import CUB, Cost, costs
from camagain.cost.shape import shape_of
from camagain.cost.show import hours, total_hours
from camagain.datasets.sizes import sizes_of
from camagain.errors import UserError
from tools.benchmark_tables import RESULTS, line

STEPS = Path("src/camagain/cost/steps.csv")
SHAPES = STEPS.with_name("shapes.csv")
JOBS = Path("src/camagain/cost/jobs.csv")
PAGE = Path("docs/reproduce.md")
MARKED = re.compile(r"(<!-- cost, written by `make docs` -->\n).*?(<!-- end of cost -->)", re.DOTALL)

FULL_SCALE = ("zoo", "finetune", "cub", "cub-v2", "teaser", "augmentation")
"""The experiments on the paper's data."""

CASE = (
    r"training step of (?P<architecture>\w+), (?P<size>\d+) px, batch (?P<batch>\d+), (?P<precision>\w+) "
    r"\(\d+ images/s, (?P<gib>[\d.]+) GiB\)"
)
COLUMNS = ["architecture", "size", "precision", "images_per_second", "batch", "gib", "device"]


def steps_csv(root: Path) -> str:
    """The measured training steps of our networks, one line each."""
    rows = pd.read_csv(existing(root / RESULTS / "gpu.csv"))
    steps = rows["case"].str.extract(f"^{CASE}$").dropna().drop_duplicates()
    rows = rows.loc[steps.index]
    steps["images_per_second"] = (1000 * steps["batch"].astype(float) / rows["ours_ms"]).round(1)
    steps["device"] = rows["machine"].str.partition(",")[0]
    return steps[COLUMNS].to_csv(index=False, lineterminator="\n")


def shapes_csv(root: Path) -> str:
    """The shapes of the measured networks, one line each; a line that is there stays, and a test finds it anew."""
    steps = pd.read_csv(StringIO(steps_csv(root)))[["architecture", "size"]].drop_duplicates()
    rows = [{**step, **asdict(shape_of(**step))} for step in steps.to_dict("records")]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


def jobs_csv(root: Path) -> str:
    """The longest time and the largest memory of a job of each stage in each reference, one line each.

    One job in ten may have taken longer: where there are many, some waited for a machine that did something else.
    """
    rows = []
    for path in sorted((root / "results" / "reference").glob("*/manifest.json")):
        manifest = read_json(path)
        experiment, images = manifest["experiment"], manifest["dataset"]["splits"]
        found = pd.DataFrame(manifest["wall_times"]).dropna()
        parts = found["job"].str.split("/")
        found["stage"] = found["job"].map(RENAMED).fillna(parts.map(lambda names: names[names[0] == "analysis"]))
        for stage, jobs in found.groupby("stage"):
            rows.append(
                {
                    "run": path.parent.name,
                    "stage": stage,
                    "trainings": len(trainings(experiment)),
                    "images": images["val"] + images["test"],
                    "seconds": jobs["seconds"].quantile(0.9, interpolation="higher"),
                    "mb": jobs["peak_memory_mb"].max(),
                }
            )
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


RENAMED = {"dataset": "data", "evaluate/baseline": "evaluate_baseline"}
"""The jobs whose logs have another name than their stage."""


def cost_page(root: Path) -> str:
    """The text of docs/reproduce.md with its marked table rewritten; UserError where the marks are missing."""
    text = existing(root / PAGE).read_text(encoding="utf-8")
    if len(MARKED.findall(text)) != 1:
        raise UserError(f"{root / PAGE}: expected the marks '<!-- cost, written by `make docs` -->' and its end, once.")
    return MARKED.sub(lambda match: f"{match[1]}\n{cost_table(root)}\n{match[2]}", text)


def cost_table(root: Path) -> str:
    """A line for each experiment, and for each network of it that is trained, with one seed."""
    header = ["experiment", "network", "trainings", "images each", "images/s", "each takes", "all take"]
    lines = [line(header), line(["---", "---", "--:", "--:", "--:", "--:", "--:"])]
    for name in FULL_SCALE:
        experiment = load_experiment(root / "config" / "experiments" / f"{name}.yaml")
        sizes = CUB if experiment.dataset.kind == "wsol-metadata" else sizes_of(experiment.dataset)
        assert sizes is not None
        found = costs(experiment, sizes)
        total = f"**{hours(total_hours(found))}**"
        lines.append(line([f"**`{name}.yaml`**", "all", str(len(found)), "", "", "", total]))
        groups: dict[str, list[Cost]] = {}
        for cost in found:
            groups.setdefault(cost.model.architecture, []).append(cost)
        for architecture, same in groups.items():
            first, spent = same[0], total_hours(same)
            rate = f"{first.rate.images_per_second:.0f}{' *' if first.rate.derived else ''}" if first.images else "–"
            cells = [f"{first.images:,}", rate, hours(spent / len(same)), hours(spent)]
            lines.append(line(["", architecture, str(len(same)), *cells]))
    return "\n".join([*lines, ""])
