"""Comparing two runs as large as CUB's: 5,794 test images, 4 models, 2 methods, every table different in every row.

The whole command is timed, start of Python included, in a process of its own whose peak memory is taken. Scores, tables
and analyses are those of the committed demo with noise on every number; score maps, boxes and curves are made up at
full size. There is no peer that compares such runs: the "peer" is the bound that the command has to keep.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns
from statistics import median

import numpy as np
import pandas as pd

from camagain.artifacts import sha256, write_csv, write_npz, write_parquet

BOUND_SECONDS, BOUND_MB = 10.0, 1000.0
TEST, VAL, CELLS, ROUNDS = 5794, 1000, 12, 5
METHODS = ("cam", "pc1")
THRESHOLDS = np.arange(1000) / 1000


def rows(peer: Path | None) -> Iterator[dict]:
    """One row: the median over the rounds, and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = (Path(folder) / name for name in "ab")
        reference = Path(__file__).parents[1] / "results" / "reference" / "demo"
        for run, seed in ((a, 1), (b, 2)):
            copytree(reference, run, ignore=ignore_patterns("cam-gt", "pc1-gt"))
            fill(run, np.random.default_rng(seed))
        measured = [run_once(a, b) for _ in range(ROUNDS + 1)][1:]
    seconds = median(found[0] for found in measured)
    yield {
        "benchmark": "compare",
        "case": f"two runs, {TEST:,} images x 4 models x {len(METHODS)} methods",
        "peer": f"bound: {BOUND_SECONDS:g} s, {BOUND_MB:g} MB",
        "ours": "camagain compare",
        "peer_ms": 1e3 * BOUND_SECONDS,
        "ours_ms": round(1e3 * seconds),
        "ratio": round(BOUND_SECONDS / seconds, 2),
        "n": ROUNDS,
        "peak_mb": round(max(found[1] for found in measured)),
    }


def run_once(a: Path, b: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of the command."""
    code = (
        "import resource, sys; from camagain.compare.command import *; "
        "sys.stdout = sys.stderr; run_compare([Path(p) for p in sys.argv[1:]], False, Outputs(), Choices()); "
        "assert 'torch' not in sys.modules; "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.__stdout__)"
    )
    start = time.perf_counter()
    command = [sys.executable, "-c", code, str(a), str(b)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return time.perf_counter() - start, int(done.stdout) / 1024


def fill(run: Path, random: np.random.Generator) -> None:
    """Gives a copy of the reference the files of a full run, all of them other than in any other copy."""
    for path in run.rglob("*.csv"):
        write_csv(path, noisy(pd.read_csv(path), random))
    models = sorted(path.name for path in (run / "models").iterdir())
    images = [f"{number}" for number in range(TEST + VAL)]
    for model in models:
        maps = {method: random.random((len(images), CELLS, CELLS), dtype=np.float32) for method in METHODS}
        splits = np.array(["test"] * TEST + ["val"] * VAL)
        write_npz(run / "localization" / model / "maps.npz", image_id=np.array(images), split=splits, **maps)
    for path in sorted((run / "evaluation").glob("*/*")):
        iou = random.random(TEST)
        label = random.integers(0, 200, TEST)
        boxes = {name: random.random(TEST) * 500 for name in ("x0", "y0", "x1", "y1")}
        found = {"label": label, "predicted": random.integers(0, 200, TEST), "iou": iou, **boxes, "correct": iou > 0.5}
        write_parquet(path / "images.parquet", pd.DataFrame({"image_id": images[:TEST], **found}))
        write_csv(path / "curve.csv", curve(random))
    reseal(run)


def noisy(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The same with every fractional number moved a little; what identifies a row is left alone."""
    fixed = {"theta", "t", "threshold", "delta", "window_px", "epoch"}
    moved = {
        name: table[name] * (1 + 1e-3 * random.standard_normal(len(table)))
        for name in table.select_dtypes("float64")
        if name not in fixed and not name.endswith(("seed", "side", "component", "bin"))
    }
    return table.assign(**moved)


def curve(random: np.random.Generator) -> pd.DataFrame:
    """Accuracy over thresholds for each split, choice of contours and delta: 12,000 rows."""
    keys = [(split, contours, delta) for split in ("val", "test") for contours in ("largest", "all")
            for delta in (0.3, 0.5, 0.7)]  # fmt: skip
    parts = [
        pd.DataFrame({"split": split, "contours": contours, "delta": delta, "threshold": THRESHOLDS,
                      "box_acc_percent": 100 * random.random(len(THRESHOLDS))})
        for split, contours, delta in keys
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def reseal(run: Path) -> None:
    """Writes a manifest that lists the files as they are."""
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["dataset"]["splits"] |= {"test": TEST, "val": VAL}
    files = (found for found in sorted(run.rglob("*")) if found.is_file() and found != path)
    manifest["files"] = {
        found.relative_to(run).as_posix(): {"sha256": sha256(found), "bytes": found.stat().st_size} for found in files
    }
    path.write_text(json.dumps(manifest))
