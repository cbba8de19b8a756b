"""The runs of a folder, one row each: what `camagain runs` lists."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from camagain.artifacts import INSIDE
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.scores import read_scores
from camagain.errors import UserError

COLUMNS = ("run", "state", "written", "dataset", "images", "models", "seeds", "cam", "top1", "commit", "megabytes")
"""`cam` and `top1`: lowest and highest over models, MaxBoxAcc of CAM and top-1, percent."""

FINISHED, UNFINISHED = "finished", "not finished"


def runs_in(results: Path) -> pd.DataFrame:
    """Every run below a folder, finished or begun, and every reference, the newest first; columns `COLUMNS`.

    A run that this version cannot read has the reason as its state. UserError where there is no such folder or no run.
    """
    if not results.is_dir():
        raise UserError(f"{results}: no such folder; expected the root of all runs, such as results.")
    rows = [row(folder) for folder in folders(results)]
    if not rows:
        raise UserError(f"{results}: holds no run; expected folders with {INSIDE.experiment} or {INSIDE.manifest}.")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["written", "run"], ascending=[False, True], na_position="last", ignore_index=True)


def folders(results: Path) -> Iterator[Path]:
    """The folders that hold a run, at most two levels down: results/demo, results/reference/demo."""
    for pattern in ("*", "*/*"):
        for folder in sorted(results.glob(pattern)):
            if any((folder / file).is_file() for file in (INSIDE.experiment, INSIDE.manifest)):
                yield folder


def row(folder: Path) -> dict[str, Any]:
    """One run: what its manifest says, and the range of its scores."""
    if not (folder / INSIDE.manifest).is_file():
        return {"run": folder.as_posix(), "state": UNFINISHED}
    try:
        run = RunFolder.open(folder)
        scores = read_scores(run)
    except UserError as error:
        return {"run": folder.as_posix(), "state": str(error).removeprefix(f"{folder}: ")}
    manifest = run.manifest
    own = scores[scores["model"] != "baseline"]
    return {
        "run": folder.as_posix(),
        "state": FINISHED,
        "written": manifest.get("written"),
        "dataset": run.dataset["name"],
        "images": run.dataset.get("splits", {}).get("test"),
        "models": len(manifest["experiment"]["models"]) - len(manifest.get("missing_models", {})),
        "seeds": len(run.seeds),
        "cam": span(own[(own["method"] == "cam") & (own["figure"] == "max_box_acc")]),
        "top1": span(own[own["figure"] == "top1"]),
        "commit": commit(manifest.get("git") or {}),
        "megabytes": round(sum(entry["bytes"] for entry in manifest["files"].values()) / 1e6, 1),
    }


def span(scores: pd.DataFrame) -> str | None:
    """Lowest and highest value of some scores, "56.5 to 87.5"; None without any."""
    if scores.empty:
        return None
    low, high = (f"{value:.1f}" for value in (scores["value"].min(), scores["value"].max()))
    return low if low == high else f"{low} to {high}"


def commit(git: dict[str, Any]) -> str | None:
    """The first digits of a commit, with a + where files differed from it."""
    return f"{git['commit'][:8]}{'+' if git.get('modified') else ''}" if git.get("commit") else None


def in_words(table: pd.DataFrame) -> str:
    """The table for a terminal; a dash where something is not known."""
    shown = table.assign(written=[str(when)[:16].replace("T", " ") if when else when for when in table["written"]])
    cells = [list(COLUMNS), *([cell(value) for value in row] for row in shown.itertuples(index=False, name=None))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def cell(value: Any) -> str:
    if value is None or value != value:  # NaN
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_json(table: pd.DataFrame) -> str:
    """The same as a list of objects, null where something is not known."""
    return json.dumps(json.loads(table.to_json(orient="records")), indent=2, ensure_ascii=False) + "\n"
