"""Full-scale experiments in a small size: Snakemake plans each of them; each runs to its report with narrow networks.

Snakemake itself runs them with networks of full size, in the slow tests.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from camagain.config.file import dump_experiment, load_experiment
from camagain.rehearsal.reduce import SUFFIX, reduced
from camagain.rehearsal.write import FILE, command, rehearse
from camagain.stages import jobs, stages
from tests.workflow.plans import planned

pytestmark = pytest.mark.pipeline

FULL_SCALE = ("zoo", "teaser", "finetune", "augmentation", "wsolevaluation-cub")


@pytest.mark.parametrize("name", FULL_SCALE)
def test_every_job_of_a_rehearsal_is_planned(root: Path, run_in, tmp_path: Path, name: str):
    experiment = load_experiment(root / "config" / "experiments" / f"{name}.yaml")
    after = reduced(experiment, experiment.dataset.model_dump(mode="json"), narrow=True)
    (tmp_path / FILE).write_text(dump_experiment(after))
    _, arguments = command(tmp_path).split(" snakemake ")
    plan = planned(run_in(root), *arguments.split())
    paper = ("tables", "figures", "report", "explorer", "manifest")
    renamed = {"data": "dataset", **{part: f"write_{part}" for part in paper}}
    expected = {renamed.get(stage, stage): len(jobs(after, stage)) for stage in stages()}
    assert plan == {rule: count for rule, count in expected.items() if count}
    assert plan["finetune"] == len(after.trainings) >= 2
    assert not list(tmp_path.glob("results"))


IN_ONE_PROCESS = f"""
from pathlib import Path

from camagain.config.file import load_experiment
from tests.conftest import run_all

experiment = load_experiment(Path({FILE!r}))
run_all(experiment, experiment.paths())
"""
"""Every stage through the library: what Snakemake's jobs do, without the start of a process for each."""


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in FULL_SCALE if name != "zoo"])  # zoo: tests/models/test_zoo_run.py
def test_a_rehearsal_with_narrow_networks_runs_to_its_report(root: Path, tmp_path: Path, name: str):
    rehearse(load_experiment(root / "config" / "experiments" / f"{name}.yaml"), name, tmp_path, narrow=True)
    values = yaml.safe_load((tmp_path / FILE).read_text())
    values["evaluation"] |= {"size": 64, "threshold_step": 0.01}  # to save time, as are the next two
    values["localization"]["methods"] = values["localization"]["methods"][::2]
    values["compute"]["threads"] = 1
    (tmp_path / FILE).write_text(yaml.safe_dump(values))
    variables, _ = command(tmp_path).split(" snakemake ")
    run = ["env", f"PYTHONPATH={root}", *variables.split(), sys.executable, "-c", IN_ONE_PROCESS]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]

    experiment = load_experiment(tmp_path / FILE)
    paths = experiment.paths(tmp_path / "results", tmp_path / "data")
    page = paths.report.read_text()
    assert "its numbers mean nothing" in page.lower() and "Missing from every table" not in page
    assert not json.loads(paths.manifest.read_text())["missing_models"]
    for training in experiment.trainings:
        card = json.loads((paths.model(training) / "model.json").read_text())
        assert card["training"]["epochs"] == 1, "a stand-in that trains nothing shows nothing"
        for method in experiment.localization.methods:
            assert paths.metrics(training, method).is_file()
        for analysis in experiment.analysis.names:
            if training in [of for of, _ in jobs(experiment, analysis)]:
                assert list(paths.analysis(analysis, training).rglob("status.json")), analysis


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL_SCALE)
def test_a_rehearsal_with_networks_of_full_size_runs_to_its_report(root: Path, run_in, tmp_path: Path, name: str):
    experiment = load_experiment(root / "config" / "experiments" / f"{name}.yaml")
    said = rehearse(experiment, name, tmp_path)
    assert said[-1].strip() == command(tmp_path)
    run_in(root)("env", *command(tmp_path).split(), seconds=4 * 3600)
    report = tmp_path / "results" / f"{experiment.run}{SUFFIX}" / "report.html"
    assert "numbers mean nothing" in report.read_text()
    values = yaml.safe_load((tmp_path / FILE).read_text())
    for model in values["models"]:
        assert list((report.parent / "models" / model["name"]).rglob("model.safetensors")), os.listdir(report.parent)
