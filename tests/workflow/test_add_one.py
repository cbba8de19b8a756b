"""Adding one thing is adding one file or folder: each recipe of the documents, from plan to comparison."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.recipes import add
from tests.workflow.plans import planned

pytestmark = [pytest.mark.pipeline, pytest.mark.long]

PAPER = {"write_tables": 1, "write_figures": 1, "write_report": 1, "write_manifest": 1}


@pytest.fixture(scope="module")
def plans(taken_over: Path, run_in) -> dict[str, dict[str, int]]:
    """What Snakemake plans after each addition by itself, and then all of them together, which stay."""
    run, package, config = (run_in(taken_over), taken_over / "src" / "camagain", taken_over / "config" / "config.yaml")
    values = yaml.safe_load(config.read_text())
    changes: dict[str, dict] = {
        "analysis": {},
        "paper": {},
        "datasets": {"dataset": {"kind": "coins", "per_split": 4}},
        "models": {"models": [*values["models"], {"name": "plain", "architecture": "plainnet_tiny"}]},
        "localization": {"localization": {"methods": [*values["localization"]["methods"], "mean-map"]}},
    }
    found = {"nothing": planned(run)}
    for room, change in changes.items():
        before = set(package.rglob("*"))
        add(package, f"{room}/")
        config.write_text(yaml.safe_dump(values | change, sort_keys=False))
        found[room] = planned(run)
        for path in sorted(set(package.rglob("*")) - before, reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    add(package, "")
    values["run"] = "added"
    together = {key: value for change in changes.values() for key, value in change.items()}
    together["analysis"] = {"names": ["spread"]}  # the others would take minutes and show nothing of additions
    config.write_text(yaml.safe_dump(values | together, sort_keys=False))
    return found


@pytest.fixture(scope="module")
def added(plans: dict, taken_over: Path, run_in) -> Path:
    """The finished run of all additions."""
    run_in(taken_over)("snakemake", "--cores", "2")
    return taken_over / "results" / "added"


@pytest.fixture(scope="module")
def compared(added: Path, taken_over: Path, run_in, seal) -> dict[str, set]:
    """The keys of rows that a comparison with a changed copy of the run names, by table."""
    other = added.with_name("changed")
    shutil.copytree(added, other)
    changed = ["tables/best-scores", "figures/best-scores", "tables/spread", "figures/spread"]
    for file in (other / f"{name}.csv" for name in changed):
        table = pd.read_csv(file)
        column = "score_percent" if "score_percent" in table else "value"
        table[column] += 60
        table.to_csv(file, index=False)
    for file in (other / f"evaluation/{place}/metrics.json" for place in ("small-resnet/mean-map", "plain/cam")):
        metrics = json.loads(file.read_text())
        metrics["figures"]["max_box_acc"]["value"] -= 90
        file.write_text(json.dumps(metrics))
    seal(other)
    done = run_in(taken_over)("camagain", "compare", str(added), str(other), "--json", "-", succeeds=False)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    return {table["file"]: {tuple(row["key"].values()) for row in table["rows"]} for table in found["tables"]}


def shown(run: Path, name: str, title: str) -> None:
    """A table and a figure are there, in the report, and in the manifest."""
    for file in (f"tables/{name}.csv", f"tables/{name}.md", f"tables/{name}.tex", f"figures/{name}.png"):
        assert (run / file).stat().st_size, file
    page = (run / "report.html").read_text()
    assert title in page and f"Data: figures/{name}.csv." in page
    assert f"tables/{name}.csv" in json.loads((run / "manifest.json").read_text())["files"]


def test_nothing_is_planned_before(plans: dict):
    assert plans["nothing"] == {}


def test_an_analysis_is_one_folder(plans: dict, added: Path, compared: dict):
    assert plans["analysis"] == {"spread": 2, **PAPER}
    assert set(pd.read_csv(added / "tables" / "spread.csv")["model"]) == {"small-resnet", "small-convnext", "plain"}
    shown(added, "spread", "How widely maps are spread")
    assert ("small-resnet", "cam") in compared["tables/spread.csv"]
    assert ("small-resnet", "cam") in compared["figures/spread.csv"]


def test_a_table_with_a_figure_is_one_file(plans: dict, added: Path, compared: dict):
    assert plans["paper"] == PAPER
    shown(added, "best-scores", "The best score of each network")
    assert ("plain",) in compared["tables/best-scores.csv"] and ("plain",) in compared["figures/best-scores.csv"]


def test_a_dataset_is_one_file(plans: dict, added: Path):
    assert plans["datasets"]["dataset"] == 1 and plans["datasets"]["finetune"] == 2
    manifest = json.loads((added / "manifest.json").read_text())
    assert manifest["dataset"]["kind"] == "coins" and manifest["dataset"]["classes"] == ["copper", "gold"]
    table = pd.read_csv(added / "tables" / "localization.csv")
    assert set(table["dataset"]) == {"coins"} and set(table["test_images"]) == {8}
    assert "Dataset coins (coins)" in (added / "report.html").read_text()
    assert (added / "figures" / "heatmaps.png").stat().st_size  # its images may be published


def test_a_family_of_networks_is_one_file(plans: dict, added: Path, compared: dict):
    assert plans["models"]["finetune"] == 1 and plans["models"]["evaluate"] == 1 and "dataset" not in plans["models"]
    drawn = pd.read_csv(added / "figures" / "families.csv")
    assert drawn.loc[drawn["network"] == "plain", "family"].tolist() == ["PlainNet"]
    assert any(key[0] == "plain" and "cam" in key for key in compared["scores"])


def test_a_method_is_one_file(plans: dict, added: Path, compared: dict):
    assert plans["localization"]["localize"] == 2 and "finetune" not in plans["localization"]
    assert not {"dataset", "erf", "texture", "interventions"} & set(plans["localization"])
    maps = np.load(added / "localization" / "small-resnet" / "maps.npz")
    assert maps["mean-map"].min() >= 0 and maps["mean-map"].max() == 1
    assert "cam.described" in maps and not any(name.startswith("mean-map.") for name in maps)
    assert not (added / "evaluation" / "small-resnet" / "mean-map" / "choices.csv").exists()
    table = pd.read_csv(added / "tables" / "localization.csv")
    assert "mean-map" in set(table["method"])
    assert "Mean map, no class" in (added / "report.html").read_text()
    assert any("mean-map" in key for key in compared["scores"])
