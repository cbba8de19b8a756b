"""dvc.yaml says the same as Snakemake's own graph, and the files that hold versions agree with each other."""

import csv
import io
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from camagain.config import Analysis

STAGE_OF_RULE = {
    "dataset": "data",
    "finetune": "models",
    "localize": "localization",
    "evaluate": "paper",
    "evaluate_baseline": "paper",
    "write_tables": "paper",
    "write_figures": "paper",
    "write_report": "paper",
    "write_explorer": "paper",
    "write_manifest": "paper",
    **{rule: "analysis" for rule in Analysis().names},
}


@pytest.fixture(scope="module")
def jobs(root: Path, tools: Path) -> list[dict[str, str]]:
    """Snakemake's list of outputs: file, rule, inputs."""
    command = [tools / "snakemake", "--cores", "1", "--detailed-summary", "--configfile", "config/config.yaml"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=True)
    return list(csv.DictReader(io.StringIO(done.stdout), delimiter="\t"))


@pytest.fixture(scope="module")
def stages(root: Path) -> dict[str, dict]:
    """The stages of dvc.yaml with their templates filled in: outs, deps and parameter keys."""
    experiment = yaml.safe_load((root / "config" / "config.yaml").read_text())
    text = (root / "dvc.yaml").read_text()
    text = text.replace("${run}", experiment["run"])
    assert "${" not in text
    return {
        name: {
            "outs": [key for entry in stage["outs"] + stage.get("metrics", []) for key in entry],
            "persist": [entry[key] for entry in stage["outs"] + stage.get("metrics", []) for key in entry],
            "deps": stage["deps"],
            "params": [key for entry in stage["params"] for keys in entry.values() for key in keys],
            "cmd": stage["cmd"],
        }
        for name, stage in yaml.safe_load(text)["stages"].items()
    }


def within(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def test_every_rule_belongs_to_a_stage(jobs):
    assert {job["rule"] for job in jobs} == set(STAGE_OF_RULE)


def test_every_output_lies_in_its_stage(jobs, stages):
    for job in jobs:
        outs = stages[STAGE_OF_RULE[job["rule"]]]["outs"]
        assert within(job["output_file"], outs), f"{job['output_file']} of {job['rule']} is in none of {outs}"


def test_every_input_from_another_stage_is_a_dependency(jobs, stages):
    made_by = {job["output_file"]: STAGE_OF_RULE[job["rule"]] for job in jobs}
    for job in jobs:
        stage = STAGE_OF_RULE[job["rule"]]
        for path in made_by.keys() & set(job["input-file(s)"].split(",")):
            if made_by[path] != stage:
                assert within(path, stages[stage]["deps"]), f"stage {stage} reads {path} but does not depend on it"


def test_every_stage_depends_on_the_sources(stages):
    for name, stage in stages.items():
        assert {"Snakefile", "workflow", "src/camagain"} <= set(stage["deps"]), name


def test_no_stage_lets_dvc_delete_its_outputs(stages):
    for name, stage in stages.items():
        assert stage["persist"] and all(entry["persist"] is True for entry in stage["persist"]), name


def test_the_models_and_plots_of_dvc_are_those_of_the_experiment(root: Path, jobs):
    experiment = yaml.safe_load((root / "config" / "config.yaml").read_text())
    ledger = yaml.safe_load((root / "dvc.yaml").read_text().replace("${run}", experiment["run"]))
    made = {job["output_file"] for job in jobs}
    paths = {entry["path"] for entry in ledger["artifacts"].values()}
    assert paths == {file for file in made if file.endswith("/model.safetensors")}
    assert all(re.fullmatch("[a-z0-9]([a-z0-9-/]*[a-z0-9])?", name) for name in ledger["artifacts"]), "DVC refuses it"
    pictures = {entry for entry in ledger["plots"] if isinstance(entry, str)}
    curves = [entry for entry in ledger["plots"] if isinstance(entry, dict)]
    drawn = {file for entry in curves for plot in entry.values() for file in plot["y"]}
    assert pictures and pictures <= made
    assert drawn == {file for file in made if file.endswith("/history.csv")}


def test_images_are_never_pushed(stages):
    assert stages["data"]["outs"] == ["data"]
    assert stages["data"]["persist"] == [{"cache": False, "persist": True}]


def test_together_the_stages_watch_every_key_of_the_experiment(root: Path, stages):
    experiment = yaml.safe_load((root / "config" / "config.yaml").read_text())
    assert {key for stage in stages.values() for key in stage["params"]} == set(experiment)


def test_every_command_is_a_target_of_the_snakefile(root: Path, stages):
    targets = re.findall(r"^rule (\w+):", (root / "Snakefile").read_text(), flags=re.MULTILINE)
    assert targets[0] == "all"
    assert set(targets) == {
        "all", "data", "models", "localization", "evaluation", "analysis", "tables", "figures", "report", "explorer",
    }  # fmt: skip
    for stage in stages.values():
        program, target = stage["cmd"].split()
        assert program == "snakemake"
        assert target in targets


def pins(lines: list[str]) -> dict[str, str]:
    """Exact pins, name -> version, in lower case with dashes."""
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^;\s]+)", line.strip()) for line in lines)
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def lock(root: Path) -> list[str]:
    return (root / "requirements.lock").read_text().splitlines()


def test_the_lock_is_portable(lock: list[str]):
    assert len(lock) > 100
    for line in lock:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.!]+", line), f"not a plain pin: {line}"


def test_the_lock_holds_the_pins_of_the_project(project: dict, lock: list[str]):
    locked = pins(lock)
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for name, version in pins(project["dependencies"] + extras).items():
        assert locked[name] == version
    names = {re.split(r"[\[<>=]", line)[0].lower().replace("_", "-") for line in project["dependencies"] + extras}
    assert names - {"camagain"} <= set(locked), "run `make lock` after adding a dependency"
    pinned = {"torch": "2.13.0", "torchvision": "0.28.0", "timm": "1.0.31"}
    assert pinned.items() <= pins(project["optional-dependencies"]["networks"]).items()


def test_the_lock_fulfils_the_ranges_of_the_project(project: dict, lock: list[str]):
    from packaging.requirements import Requirement

    locked = pins(lock)
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for line in project["dependencies"] + extras:
        requirement = Requirement(line)
        if requirement.name != "camagain":
            assert requirement.specifier.contains(locked[requirement.name.lower().replace("_", "-")]), line


def test_conda_uses_the_same_pins(root: Path, project: dict):
    rattler = pytest.importorskip("rattler", reason="needs py-rattler to parse conda's specifications")
    for path in (root / "environment.yml", root / "workflow" / "envs" / "camagain.yaml"):
        environment = yaml.safe_load(path.read_text())
        specs = [rattler.MatchSpec(entry) for entry in environment["dependencies"] if isinstance(entry, str)]
        assert [spec.name.normalized for spec in specs] == ["python", "pip"]
        assert str(specs[0].version) in ("3.11", "3.11.*", "==3.11", "=3.11")
        assert project["requires-python"].startswith(">=3.11")
    pip = yaml.safe_load((root / "environment.yml").read_text())["dependencies"][-1]["pip"]
    assert pip == ["--constraint requirements.lock", "--editable .[dev]"]


def test_every_file_speaks_of_the_same_pythons(root: Path, project: dict):
    prefix = "Programming Language :: Python :: "
    pythons = [line.removeprefix(prefix) for line in project["classifiers"] if line.startswith(prefix)]
    low, high = (tuple(map(int, pythons[at].split("."))) for at in (0, -1))
    assert project["requires-python"] == f">=3.{low[1]}.4,<3.{high[1] + 1}"
    assert f"PYTHONS = {json.dumps(pythons)}" in (root / "noxfile.py").read_text()
    jobs = yaml.safe_load((root / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == pythons
    recipe = (root / "Makefile").read_text()
    assert " ".join(f"python{version}" for version in pythons) in recipe
    assert f"({low[0]}, {low[1]}, 4) <= sys.version_info < ({high[0]}, {high[1] + 1})" in recipe
    for page in ("README.md", "docs/index.md", "CONTRIBUTING.md"):
        assert f"Python {pythons[0]} to {pythons[-1]}" in (root / page).read_text(), page


def plan(root: Path, tools: Path, *options: str) -> list[tuple[str, str]]:
    """(file, rule) of everything that a workflow makes."""
    command = [tools / "snakemake", "--cores", "1", "--detailed-summary", *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=True)
    return [(row["output_file"], row["rule"]) for row in csv.DictReader(io.StringIO(done.stdout), delimiter="\t")]


def test_the_catalogue_finds_the_same_workflow(root: Path, tools: Path, jobs):
    made = plan(root, tools, "--snakefile", "workflow/Snakefile", "--configfile", "config/config.yaml")
    assert made == [(job["output_file"], job["rule"]) for job in jobs]


def test_the_workflow_has_a_small_test_of_its_own(root: Path, tools: Path, tmp_path: Path):
    shutil.copytree(root / ".test" / "config", tmp_path / "config")
    made = plan(root, tools, "--snakefile", "workflow/Snakefile", "--directory", str(tmp_path))
    assert ("results/test/manifest.json", "write_manifest") in made and len({rule for _, rule in made}) >= 8


def test_what_reaches_a_shell_is_quoted(root: Path):
    """`params.name` is an analysis, and a job matches `[\\w.-]+`; everything else of a configuration is quoted."""
    safe = {
        "{params.experiment:q}",
        "{wildcards.training:q}",
        "{log:q}",
        "{params.name}",
        "{params.job}",
    }
    for file in (root / "workflow" / "rules").glob("*.smk"):
        text = file.read_text()
        commands = re.findall(r'shell:\s+"(.*)"$', text, flags=re.MULTILINE)
        assert len(commands) == text.count("shell:")
        for command in commands:
            assert set(re.findall(r"{.*?}", command)) <= safe, f"{file.name}: {command}"
    assert 'job=r"[\\w.-]+"' in (root / "workflow" / "rules" / "common.smk").read_text()
