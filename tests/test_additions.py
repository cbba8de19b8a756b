"""A dataset, a family of networks and a method are each added as one file; what is not complete is refused at once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import camagain
from camagain.artifacts import read_json
from tests.recipes import recipes

PLACES = {
    "coins": "datasets/kinds",
    "plainnet": "models/families",
    "mean_map": "localization/methods",
}
"""Recipes of the documents, and the folders that they are added to."""

COMMAND = ("-c", "from camagain.cli import main; main()")

Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def added(tmp_path: Path) -> Callable[..., Run]:
    """Copies the package, adds a toy, and gives a function that runs Python with that copy in a folder of its own."""

    def add(toy: str, edit: Callable[[str], str] = str) -> Run:
        package = tmp_path / "src" / "camagain"
        shutil.copytree(Path(camagain.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
        text = edit(recipes()[f"{PLACES[toy]}/{toy}.py"])
        (package / PLACES[toy] / f"{toy}.py").write_text(text)
        environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}

        def run(*arguments: str) -> subprocess.CompletedProcess:
            command = [sys.executable, *arguments]
            return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

        return run

    return add


@pytest.fixture
def experiment(tmp_path: Path, tiny_values: dict) -> Callable[..., str]:
    """Writes the tiny experiment, shortened to one training and changed, and returns the file's name."""

    def write(**changes: object) -> str:
        model = {"name": "net", "architecture": "resnet_narrow"}
        training = {"epochs": 1, "batch_size": 6, "learning_rate": 1.0e-3}
        values = {**tiny_values, "models": [model], "training": training, "analysis": {"names": []}, **changes}
        (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(values))
        return "experiment.yaml"

    return write


def ok(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_kind_of_dataset_is_one_file(added, experiment, tmp_path: Path):
    run = added("coins")
    ok(run(*COMMAND, "data", experiment(dataset={"kind": "coins", "per_split": 2})))
    (folder,) = (tmp_path / "data").iterdir()
    assert folder.name.startswith("coins-")
    summary = read_json(folder / "dataset.json")
    assert summary["kind"] == summary["name"] == "coins"
    assert summary["splits"] == {"train": 4, "val": 4, "test": 4} and summary["classes"] == ["copper", "gold"]
    assert summary["split_seed"] is None and summary["source"] == "drawn by camagain"
    refused = run(*COMMAND, "data", experiment(dataset={"kind": "coin"}))
    assert refused.returncode == 2 and "Did you mean 'coins'?" in refused.stderr


def test_a_family_is_known_by_its_name_with_its_colour(added):
    run = added("plainnet")
    code = """
import json
from camagain.drawing.style import color_labels, model_colors
from camagain.families import FAMILIES, family_of
from camagain.paper.claims.tables import modern_families
networks = {"a": "plainnet_tiny", "b": "plainnet_tiny", "c": "resnet50"}
print(json.dumps([family_of("plainnet_tiny"), [family.name for family in FAMILIES.values()], model_colors(networks),
    color_labels(networks, ["a", "b"]), modern_families()]))
"""
    assert json.loads(ok(run("-c", code))) == [
        "plainnet",
        ["ResNet", "ConvNeXt", "RepLKNet", "SLaK", "PlainNet"],
        {"a": "#999933", "b": "#999933", "c": "#0072B2"},
        {"PlainNet, 2 models": "#999933"},
        ["convnext", "replknet", "slak", "plainnet"],
    ]


def test_a_method_is_known_by_its_name(added, experiment):
    run = added("mean_map")
    code = "from camagain.config.methods import METHOD_NAMES; print(METHOD_NAMES['mean-map'])"
    assert ok(run("-c", code)).strip() == "Mean map, no class"
    refused = run(*COMMAND, "experiment", experiment(localization={"methods": ["mean-mop"]}))
    assert refused.returncode == 2 and "Did you mean 'mean-map'?" in refused.stderr


@pytest.mark.parametrize(
    ("toy", "old", "new", "says"),
    [
        ("coins", "    may_be_published: ClassVar[bool] = True\n", "", "may_be_published"),
        ("coins", "def read(", "def look(", "no function `read(settings, folder)`"),
        ("coins", 'Literal["coins"]', "str", 'no field `kind: Literal["<name of the kind>"]`'),
        ("coins", 'Literal["coins"]', 'Literal["cub"]', "the kind 'cub' is that of"),
        ("plainnet", ', color="#999933"', "", "color: missing"),
        ("plainnet", '"#999933"', '"#0072B2"', "color '#0072B2' is that of"),
        ("plainnet", "DECLARES =", "DECLARED =", "found no `DECLARES = Family(...)`"),
        ("mean_map", "def mean_map", "def mean", "no function `mean_map(features, weights, variant)`"),
        ("mean_map", ', title="Mean map"', "", "title: missing"),
        ("mean_map", "class_free=True", "classfree=True", "Did you mean 'class_free'?"),
        ("mean_map", '"mean-map"', '"mean-map-gt"', "the ending -gt"),
        ("mean_map", '"Mean map"', "str(1)", "have to be written out"),
    ],
)
def test_what_is_not_complete_is_refused_when_an_experiment_is_read(
    added, experiment, toy: str, old: str, new: str, says: str
):
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    done = added(toy, edit)(*COMMAND, "experiment", experiment())
    assert done.returncode == 2, done.stderr
    assert f"{PLACES[toy]}/{toy}.py" in done.stderr and says in done.stderr
    assert "Traceback" not in done.stderr
