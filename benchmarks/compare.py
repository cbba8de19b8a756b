"""Comparing runs shaped like real ones: two demos, and two of 37 models with three seeds on 5,794 images.

Every number differs in its last digits and every network has other weights, as between two machines. Both are made of
the committed demo. For the large runs the files of one of its models stand for a training of each of 37 models, with
other names and 5,794 images; maps and curves are made up at full size, once for all trainings of a run. The CPU time of
the whole command is taken, with the start of Python, in a process of its own, and its peak memory. There is no peer
that compares such runs: the "peer" is the bound that the command has to keep.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile, copytree

import numpy as np
import pandas as pd

from benchmarks.harness import bound_row, measured_command
from camagain.artifacts import INSIDE, read_json, sha256, write_csv, write_json, write_npz, write_parquet

REFERENCE = Path(__file__).parents[1] / "results" / "reference" / "demo"
MODELS, SEEDS, TEST, VAL, CELLS, ROUNDS = 37, (0, 1, 2), 5794, 1000, 12, 3
METHODS = ("cam", "pc1")
THRESHOLDS = np.arange(1000) / 1000
BOUND_MB = 1000.0
FIXED = {"theta", "t", "threshold", "delta", "window_px", "epoch", "bin", "component", "weights_seed", "seed"}
"""Columns that identify rows, whose digits do not differ between machines."""


def rows(peer: Path | None) -> Iterator[dict]:
    """One row for each size: the median CPU time over the rounds, and the peak memory."""
    for case, make, bound in (
        ("two demos", make_demo, 3.0),
        (f"two runs of {MODELS} models x {len(SEEDS)} seeds x {TEST:,} images", make_large, 20.0),
    ):
        with tempfile.TemporaryDirectory() as folder:
            a, b = (Path(folder) / name for name in "ab")
            for seed, run in enumerate((a, b)):
                make(run, np.random.default_rng(seed))
            measured = [run_once(a, b) for _ in range(ROUNDS)]
        seconds = [found[0] for found in measured]
        row = bound_row("compare", case, bound, BOUND_MB, "camagain compare", seconds)
        yield {**row, "peak_mb": round(max(found[1] for found in measured))}


def run_once(a: Path, b: Path) -> tuple[float, float]:
    """CPU seconds and peak megabytes of the command."""
    seconds, megabytes, _ = measured_command(
        [sys.executable, "-m", "camagain", "compare", str(a), str(b)], a, {0, 1, 2}
    )
    return seconds, megabytes


def make_demo(run: Path, random: np.random.Generator) -> None:
    """A copy of the demo's reference in which every number differs in its last digits, and all weights do."""
    copytree(REFERENCE, run)
    for path in run.rglob("*.csv"):
        if path.name != "seed-spread.csv":
            write_csv(path, last_digits(pd.read_csv(path), random))
    for path in (run / "evaluation").glob("*/*/metrics.json"):
        write_json(path, moved_scores(read_json(path), random))
    for path in (run / "evaluation").glob("*/*/images.parquet"):
        table = pd.read_parquet(path)
        write_parquet(path, table.assign(iou=table["iou"] * (1 + 1e-9 * random.standard_normal(len(table)))))
    manifest = read_json(run / "manifest.json")
    seal(run, manifest, {name: f"{random.integers(1 << 60):064x}" for name in manifest["models"]})


def make_large(run: Path, random: np.random.Generator) -> None:
    """A run of many models with several seeds: every training has the files of a model of the demo, at full size."""
    manifest = read_json(REFERENCE / "manifest.json")
    names = [f"model-{number:02}" for number in range(MODELS)]
    trainings = [f"{name}/seed{seed}" for name in names for seed in SEEDS]
    images = np.array([str(number) for number in range(TEST + VAL)])
    splits = np.array(["test"] * TEST + ["val"] * VAL)

    def write_maps(path: Path) -> None:
        maps = {method: random.random((TEST + VAL, CELLS, CELLS), dtype=np.float32) for method in METHODS}
        write_npz(path, image_id=images, split=splits, **maps)

    def write_curve(path: Path) -> None:
        write_csv(path, curve(random))

    for training in trainings:
        (run / INSIDE.history(training)).parent.mkdir(parents=True)
        table = pd.read_csv(REFERENCE / INSIDE.history("slak_narrow"))
        write_csv(run / INSIDE.history(training), last_digits(table, random))
        for path in sorted(REFERENCE.glob("analysis/*/slak_narrow/table.csv")):
            target = run / INSIDE.findings(path.parts[-3], training)
            target.parent.mkdir(parents=True)
            write_csv(target, last_digits(pd.read_csv(path), random))
        linked(run / INSIDE.maps(training), run / INSIDE.maps(trainings[0]), write_maps)
        for method in METHODS:
            (run / INSIDE.images(training, method)).parent.mkdir(parents=True)
            write_parquet(run / INSIDE.images(training, method), boxes(images[:TEST], random))
            linked(run / INSIDE.curve(training, method), run / INSIDE.curve(trainings[0], METHODS[0]), write_curve)
            scores = read_json(REFERENCE / INSIDE.metrics("slak_narrow", method))
            write_json(run / INSIDE.metrics(training, method), moved_scores(scores, random))
    (run / "tables").mkdir()
    for path in sorted(REFERENCE.glob("tables/*.csv")):
        table = pd.read_csv(path)
        if "model" in table:
            of_model = table[table["model"] == "slak_narrow"]
            parts = [of_model.assign(training_seed=seed, model=name) for name in names for seed in SEEDS]
            write_csv(run / "tables" / path.name, last_digits(pd.concat(parts), random))
    copyfile(REFERENCE / "claims.json", run / "claims.json")
    model = next(entry for entry in manifest["experiment"]["models"] if entry["name"] == "slak_narrow")
    manifest["experiment"]["models"] = [{**model, "name": name} for name in names]
    manifest["experiment"] |= {"seeds": list(SEEDS)}
    manifest["experiment"]["analysis"]["interventions"] = None
    manifest["dataset"]["splits"] |= {"test": TEST, "val": VAL}
    manifest["models"] = {training: dict(manifest["models"]["slak_narrow"]) for training in trainings}
    manifest["files_left_out"] = {}
    seal(run, manifest, {training: f"{random.integers(1 << 60):064x}" for training in trainings})


def linked(path: Path, first: Path, write: Callable[[Path], None]) -> None:
    """A file that all trainings of a run share: the first of them writes it, the others link to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path == first:
        write(path)
    else:
        path.hardlink_to(first)


def last_digits(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The same with every fractional number moved a little; what identifies a row is left alone."""
    moved = {
        name: table[name] * (1 + 1e-6 * random.standard_normal(len(table)))
        for name in table.select_dtypes("float64")
        if name not in FIXED and not name.endswith(("seed", "side"))
    }
    return table.assign(**moved)


def moved_scores(metrics: dict, random: np.random.Generator) -> dict:
    """Scores that are moved by some images, as other trainings move them."""
    for score in filter(None, metrics["figures"].values()):
        score["value"] = float(np.clip(score["value"] + random.integers(-4, 5) / 4, 0, 100))
    return metrics


def boxes(images: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    """Boxes of test images, right or not."""
    iou, label = random.random(TEST), random.integers(0, 200, TEST)
    corners = {name: random.random(TEST) * 500 for name in ("x0", "y0", "x1", "y1")}
    found = {"label": label, "predicted": label, "iou": iou, **corners, "correct": iou > 0.5}
    return pd.DataFrame({"image_id": images, **found})


def curve(random: np.random.Generator) -> pd.DataFrame:
    """Accuracy over thresholds for each split, choice of contours and delta: 12,000 rows."""
    keys = [(split, contours, delta) for split in ("val", "test") for contours in ("largest", "all")
            for delta in (0.3, 0.5, 0.7)]  # fmt: skip
    parts = [
        pd.DataFrame({"split": split, "contours": contours, "delta": delta, "threshold": THRESHOLDS,
                      "box_acc_percent": random.integers(0, TEST, len(THRESHOLDS)) * 100 / TEST})
        for split, contours, delta in keys
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def seal(run: Path, manifest: dict, weights: dict[str, str]) -> None:
    """Writes a manifest that lists the files as they are, and these digests of weights."""
    for training, digest in weights.items():
        manifest["models"][training]["sha256"] = digest
        for files in (manifest["files"], manifest["files_left_out"]):
            for file in (INSIDE.weights(training).as_posix(), INSIDE.maps(training).as_posix()):
                if file in files:
                    files[file]["sha256"] = digest
    files = (
        path
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "seed-spread.csv")
    )
    manifest["files"] = {
        path.relative_to(run).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size} for path in files
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
