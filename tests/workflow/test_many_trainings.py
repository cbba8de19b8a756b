"""Where trainings are many, Snakemake knows them by the shape of their names, and plans the same jobs."""

import re
from pathlib import Path

import pytest
import yaml

from camagain.config.file import parse_experiment
from camagain.stages import jobs
from tests.workflow.plans import planned


@pytest.fixture
def many(tiny_values: dict, tmp_path: Path) -> tuple[str, ...]:
    """Options of Snakemake for an experiment of 101 networks."""
    networks = [{**tiny_values["models"][0], "name": f"net{number}"} for number in range(101)]
    values = {**tiny_values, "models": networks, "analysis": {"names": ["gap"]}}
    (tmp_path / "many.yaml").write_text(yaml.safe_dump(values))
    return ("--directory", str(tmp_path), "--configfile", str(tmp_path / "many.yaml"))


@pytest.mark.parametrize(("models", "seeds"), [(101, [0]), (51, [0, 7])])
def test_jobs_are_those_of_the_experiment(root: Path, run_in, tiny_values: dict, tmp_path: Path, models: int, seeds):
    values = {
        **tiny_values,
        "seeds": seeds,
        "models": [{**tiny_values["models"][0], "name": f"net.{number}-a"} for number in range(models)],
        "analysis": {"names": ["gap", "cuts"], "cuts": {"models": ["net.0-a"], "sides": [3, 5]}},
    }
    experiment = parse_experiment(values, "many")
    (tmp_path / "many.yaml").write_text(yaml.safe_dump(values))
    plan = planned(run_in(root), "--directory", str(tmp_path), "--configfile", str(tmp_path / "many.yaml"))
    assert plan["finetune"] == len(experiment.trainings) > 100
    for stage in ("finetune", "localize", "evaluate", "evaluate_baseline", "gap", "cuts"):
        assert plan[stage] == len(jobs(experiment, stage)) > 0, stage


@pytest.mark.parametrize("target", ["report", "explorer"])
def test_a_target_needs_every_job_that_it_reads_of(root: Path, run_in, many: tuple[str, ...], target: str):
    plan = planned(run_in(root), target, *many)
    assert plan["finetune"] == plan["localize"] == plan["evaluate"] == 101
    assert plan.get("gap", 0) == (101 if target == "report" else 0)


def test_jobs_are_counted_and_listed_when_one_asks(root: Path, run_in, many: tuple[str, ...]):
    run, listed = run_in(root), "rule localize:"
    counted = run("snakemake", "-n", "localization", *many)
    assert "101 trainings: jobs are counted." in counted.stderr and listed not in counted.stdout
    (words,) = re.findall(r"`snakemake (-n .*?)` with your options lists", counted.stderr)
    assert run("snakemake", *words.split(), "localization", *many).stdout.count(listed) == 101
