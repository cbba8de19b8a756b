"""Full-scale experiments in a small size: Snakemake plans each of them, and runs each where there is time."""

import os
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
