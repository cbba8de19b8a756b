"""What each rule asks of a cluster, as Snakemake plans it. Jobs really run through SLURM in `make soak`."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from camagain.config.file import parse_experiment
from camagain.stages import gpus, jobs, stages
from tests.workflow.conftest import environment_of
from tests.workflow.plans import edited

pytestmark = pytest.mark.pipeline

slurm = pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="needs snakemake-executor-plugin-slurm (the extra `slurm`)",
)

PAPER = ("tables", "figures", "report", "explorer", "manifest")
RENAMED = {"dataset": "data"} | {f"write_{part}": part for part in PAPER}


def resources(run, *arguments: str) -> dict[str, dict[str, int]]:
    """The numbers that a job of each stage asks for, by the name of the resource."""
    found = {}
    for block in run("snakemake", "-n", *arguments).stdout.split("\nrule ")[1:]:
        rule, asked = block.partition(":")[0], re.search(r"^    resources: (.*)$", block, flags=re.MULTILINE)
        if asked and rule != "all":
            numbers = re.findall(r"(\w+)=(\d+)(?=,|$)", asked[1])
            found[RENAMED.get(rule, rule)] = {name: int(number) for name, number in numbers}
    return found


@slurm
def test_every_rule_asks_a_cluster_for_memory_time_and_gpus(checkout: Path, run):
    config = checkout / "config" / "config.yaml"
    with edited(config, lambda text: text.replace("device: cpu", "device: auto")):
        found = resources(run, "--workflow-profile", "profiles/slurm")
        experiment = parse_experiment(yaml.safe_load(config.read_text()), "tiny")
    assert set(found) == {name for name in stages() if jobs(experiment, name)}
    for stage, asked in found.items():
        assert asked["mem_mb"] >= 1000 and asked["runtime"] >= 30, stage
        assert asked.get("gpu", 0) == gpus(experiment, stage), stage
        assert asked["nodes"] == 1, stage


def test_an_experiment_for_the_cpu_asks_for_no_gpu_and_bounds_of_memory_hold_without_a_cluster(checkout: Path, run):
    found = resources(run, "--resources", "mem_mb=64000")
    assert all(asked["mem_mb"] >= 1000 and not asked.get("gpu") for asked in found.values())


def test_nobody_computes_memory_where_nobody_asks(checkout: Path, run):
    assert not any("mem_mb" in asked for asked in resources(run).values())


@slurm
def test_a_cluster_without_gpus_is_named_before_any_job(checkout: Path, run, tools: Path, tmp_path: Path):
    for name, prints in {"sinfo": "(null)", "squeue": ""}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{prints}'\n")
        (tmp_path / name).chmod(0o755)
    environment = environment_of(checkout, tools)
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    with edited(checkout / "config" / "config.yaml", lambda text: text.replace("device: cpu", "device: auto")):
        command = ["snakemake", "--workflow-profile", "profiles/slurm"]
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "no node of this cluster offers one" in done.stderr and "Set compute.device to cpu." in done.stderr
    assert not (checkout / "results").exists()


def test_the_profiles_agree_but_for_where_jobs_run(root: Path):
    """A bound on `gpu` would run a cluster's trainings one by one."""
    names = ("default", "slurm")
    default, cluster = (yaml.safe_load((root / "profiles" / name / "config.yaml").read_text()) for name in names)
    assert default.pop("resources") == {"gpu": 1} and default.pop("cores") == "all"
    assert default.items() <= cluster.items()
    assert cluster["retries"] and not {"resources", "precommand"} & set(cluster)
