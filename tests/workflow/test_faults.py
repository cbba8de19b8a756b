"""A run is killed, damaged and started twice; the next plain start goes on by itself, or says why not."""

import os
import shutil
import time
from functools import partial
from pathlib import Path

import pytest
import yaml

from camagain.artifacts import RunPaths
from camagain.config.file import parse_experiment
from camagain.locks import hold
from tests.conftest import run_all
from tests.workflow.conftest import environment_of
from tests.workflow.faults import killed, values, waited_for
from tests.workflow.plans import edited, planned

pytestmark = [pytest.mark.pipeline, pytest.mark.long]

KILLS = (("data", "group"), ("finetune", "job"), ("evaluate", "snakemake"), ("figures", "snakemake"))
"""Stage and what is killed: while its job runs, and a training after an epoch."""


@pytest.fixture(scope="module")
def tiny_values() -> dict:
    """One network, which trains for seconds, and the quickest analyses."""
    from tests.conftest import TINY

    return {
        **TINY,
        "models": [{**TINY["models"][1], "training": {"epochs": 40, "snapshot_every": 20}}],
        "analysis": {"names": ["gap", "pca"]},
        "compute": {**TINY["compute"], "checkpoint_minutes": 0},
    }


@pytest.fixture(scope="module")
def paths(tiny_values: dict, checkout: Path) -> RunPaths:
    return parse_experiment(tiny_values, "tiny").paths(checkout / "results", checkout / "data")


@pytest.fixture(scope="module")
def said(checkout: Path, tools: Path, paths: RunPaths) -> dict[str, str]:
    """By stage what was printed until each kill; one after the other, on the same run."""
    environment = environment_of(checkout, tools)
    state, weights = paths.model("small-convnext") / "state" / "resume.pt", paths.weights("small-convnext")

    def moment(stage: str) -> None:
        if stage == "finetune":
            waited_for(lambda: state.exists() or weights.exists())

    return {stage: killed(checkout, environment, stage, kind, partial(moment, stage)) for stage, kind in KILLS}


@pytest.fixture(scope="module")
def finished(said: dict[str, str], checkout: Path, run, root: Path, tools: Path) -> str:
    """What `make results` says, as the next command after the last kill."""
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(root / name, checkout)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "bin").symlink_to(tools)
    (checkout / ".venv" / ".ok").touch()
    done = run("make", "results")
    return done.stdout + done.stderr


def test_after_kills_the_next_run_needs_no_hand(said: dict[str, str], finished: str, paths: RunPaths, run):
    assert all(said.values()), "a stage had nothing to do"
    assert "report.html is ready" in finished
    assert planned(run) == {}
    assert not [path for path in paths.root.rglob(".*") if path.suffix in (".npz", ".csv", ".parquet", ".pt")]


def test_what_was_killed_is_worth_an_uninterrupted_run(finished: str, paths: RunPaths, tiny_values: dict, tmp_path):
    experiment = parse_experiment(tiny_values, "tiny")
    whole = experiment.paths(tmp_path / "results", tmp_path / "data")
    run_all(experiment, whole)
    assert values(paths.root) == values(whole.root)


def test_a_killed_training_goes_on_from_its_last_epoch(finished: str, paths: RunPaths):
    assert "small-convnext: goes on from " in (paths.logs / "finetune" / "small-convnext.log").read_text()


def test_a_killed_job_is_named_with_the_likely_cause(said: dict[str, str]):
    (line,) = [line for line in said["finetune"].splitlines() if "was killed" in line]
    assert line.startswith("`camagain finetune results/tiny/experiment.yaml ") and "lack of memory" in line


@pytest.mark.parametrize(("lost", "rule"), [
    ("evaluation/small-convnext/cam/curve.csv", "evaluate"),
    ("metrics/small-convnext.json", "write_tables"),
])  # fmt: skip
def test_a_file_that_is_gone_is_made_again_also_where_the_last_of_its_job_is_there(
    finished: str, paths: RunPaths, run, tmp_path: Path, lost: str, rule: str
):
    (paths.root / lost).rename(tmp_path / "lost")
    assert rule in planned(run)
    (tmp_path / "lost").rename(paths.root / lost)
    assert planned(run) == {}


def test_deleted_images_come_back_for_the_job_that_reads_them(finished: str, paths: RunPaths, run):
    """And nothing else is made again, as it would be if their index were newer than the networks."""
    before = values(paths.root)
    trained = paths.weights("small-convnext").stat().st_mtime
    shutil.rmtree(paths.dataset_dir / "images")
    assert planned(run) == {}
    maps = paths.maps("small-convnext").relative_to(paths.results.parent)
    assert planned(run, "--force", str(maps)) == {"localize": 1}
    done = run("snakemake", "--force", str(maps))
    assert "are gone; they are made or fetched again" in done.stderr
    assert values(paths.root) == before and paths.weights("small-convnext").stat().st_mtime == trained


@pytest.mark.parametrize("lost", ["localization/small-convnext/maps.npz", "models/small-convnext/model.safetensors"])
def test_a_file_that_lost_its_end_is_made_again(finished: str, paths: RunPaths, run, lost: str):
    path = paths.root / lost
    whole = path.read_bytes()
    os.truncate(path, len(whole) // 2)
    done = run("snakemake", "-n")
    assert f"{lost} is damaged: it has {len(whole) // 2:,} bytes and was made with {len(whole):,}" in done.stderr
    assert set(planned(run)) >= {"localize" if "maps" in lost else "finetune", "evaluate", "write_report"}
    path.write_bytes(whole)
    run("snakemake", "--cleanup-metadata", str(path.relative_to(paths.results.parent)))


def test_inputs_of_tomorrow_and_a_damaged_table_are_no_obstacle(finished: str, paths: RunPaths, run):
    before = values(paths.root)
    tomorrow = time.time() + 86400
    for path in (paths.index, paths.claims, paths.maps("small-convnext")):
        os.utime(path, (tomorrow, tomorrow))
    table = paths.tables / "localization.csv"
    os.truncate(table, 20)
    run("snakemake")
    assert paths.report.is_file() and values(paths.root) == before
    assert max(path.stat().st_mtime for path in (paths.index, paths.claims)) < tomorrow - 3600
    assert planned(run) == {}


def test_a_dataset_in_the_making_is_left_alone(finished: str, paths: RunPaths, run, checkout: Path):
    lock = hold(paths.results / f".{paths.dataset}.lock")
    try:
        done = run("snakemake", "--forcerun", "gap", succeeds=False)
    finally:
        os.close(lock)
    assert f"is being made in the run of process {os.getpid()}" in done.stdout + done.stderr
    lock = hold(paths.results / f".{paths.dataset}.lock", shared=True)
    try:
        done = run("snakemake", "--forcerun", "dataset", succeeds=False)
    finally:
        os.close(lock)
    assert "is used by" in done.stdout + done.stderr and paths.index.is_file()


def test_a_run_that_is_alive_is_not_started_twice(finished: str, paths: RunPaths, run, checkout: Path, tmp_path: Path):
    """The lock of the living run is held by this test; another run's name works beside it."""
    paths.report.rename(tmp_path / "report.html")
    lock = hold(paths.root / ".lock")
    try:
        done = run("snakemake", succeeds=False)
        assert done.returncode == 1
        assert f"The run 'tiny' is being made by process {os.getpid()} on " in done.stdout + done.stderr
        assert "Traceback" not in done.stderr and not paths.report.exists()
        other = yaml.safe_load((checkout / "config" / "config.yaml").read_text()) | {"run": "other"}
        (checkout / "config" / "other.yaml").write_text(yaml.safe_dump(other))
        run(
            "snakemake",
            "--configfile",
            "config/other.yaml",
            "--",
            "results/other/evaluation/baseline/whole-image/curve.csv",
        )
    finally:
        os.close(lock)
        (tmp_path / "report.html").rename(paths.report)


def test_a_lock_of_snakemakes_own_stops_nobody(finished: str, checkout: Path, run):
    """As an earlier version left them behind."""
    locks = checkout / ".snakemake" / "locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/tiny/report.html\n")
    with edited(checkout / "config" / "config.yaml", lambda text: text.replace("A test.", "Another test.")):
        run("snakemake")
    assert "Another test." in (checkout / "results" / "tiny" / "report.html").read_text()
