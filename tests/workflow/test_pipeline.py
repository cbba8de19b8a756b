"""The whole pipeline in miniature, through Snakemake and then through DVC, as a user would type it."""

import html
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from camagain.artifacts import sha256
from camagain.config.file import parse_experiment
from camagain.paper.registry import shown
from tests.conftest import TINY
from tests.workflow.plans import planned

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def tiny_values() -> dict:
    """One network and the quickest analysis; `test_whole.py` has all of them."""
    return {**TINY, "models": TINY["models"][:1], "analysis": {"names": ["gap"]}}


@pytest.fixture(scope="module")
def finished(checkout: Path, run) -> Path:
    """The run's folder after `snakemake`."""
    run("snakemake", "--cores", "2")
    return checkout / "results" / "tiny"


def test_a_run_makes_every_artifact_of_the_design(finished: Path):
    for name in (
        "models/small-resnet/model.safetensors",
        "models/small-resnet/model.json",
        "models/small-resnet/history.csv",
        "localization/small-resnet/maps.npz",
        "localization/small-resnet/predictions.parquet",
        "localization/small-resnet/channels.npz",
        "evaluation/small-resnet/cam-gt/metrics.json",
        "evaluation/small-resnet/cam-gt/curve.csv",
        "evaluation/small-resnet/cam-gt/images.parquet",
        "evaluation/baseline/centre-gaussian/metrics.json",
        "tables/localization.tex",
        "figures/heatmaps.pdf",
        "report.html",
        "manifest.json",
    ):
        assert (finished / name).stat().st_size, name


def test_the_manifest_has_the_wall_time_of_every_job(finished: Path):
    jobs = {row["job"]: row for row in json.loads((finished / "manifest.json").read_text())["wall_times"]}
    assert {"dataset", "finetune/small-resnet", "localize/small-resnet", "evaluate/baseline", "report"} <= set(jobs)
    assert all(row["seconds"] > 0 for row in jobs.values())


def test_every_job_but_the_last_measures_itself_beside_its_log(finished: Path):
    """The manifest lists what the others used."""
    measured, logs = (
        sorted(path.with_suffix("") for path in (finished / "logs").rglob(f"*{end}")) for end in (".tsv", ".log")
    )
    assert measured == [path for path in logs if path.name != "manifest"] and len(measured) >= 9


def test_the_table_of_speed_is_filled_from_what_jobs_measured(finished: Path):
    table = pd.read_csv(finished / "tables" / "speed.csv").set_index("model")
    assert list(table.index) == ["small-resnet"]
    for stage in ("finetune", "localize", "evaluate"):
        assert (table[f"{stage}_seconds"] > 0).all()
    assert (table["finetune_images_per_second"] > 0).all()


def test_nothing_is_left_to_do_afterwards(finished: Path, run):
    assert planned(run) == {}


def test_the_log_of_a_training_has_one_plain_line_an_epoch(finished: Path):
    log = (finished / "logs" / "finetune" / "small-resnet.log").read_text()
    assert len(re.findall(r"^small-resnet epoch \d/2: loss ", log, flags=re.MULTILINE)) == 2
    assert "\x1b" not in log


@pytest.fixture(scope="module")
def report(finished: Path, checkout: Path, run, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """What `snakemake --report` packs, made where every request to a network is refused."""
    target = tmp_path_factory.mktemp("report") / "report.zip"
    refused = [f"{name}=http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")]
    run("env", *refused, "snakemake", "--report", str(target))
    return zipfile.ZipFile(target)


def variable(report: zipfile.ZipFile, name: str) -> Any:
    """What the report's page stores under the name of one of its variables."""
    page = report.read("report/report.html").decode()
    found = re.search(rf"<script id=\"[\w-]+\">\s*var {name} = ", page)
    assert found, f"the report has no {name}"
    return json.JSONDecoder().raw_decode(page, found.end())[0]


def plain(text: str) -> str:
    """Words of HTML, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_snakemakes_report_has_every_table_and_figure_with_caption_and_labels(
    report: zipfile.ZipFile, checkout: Path, tiny_values: dict
):
    experiment = parse_experiment(tiny_values, "tiny")
    results, categories = variable(report, "results"), variable(report, "categories")
    assert set(categories) == {"Tables", "Figures"}
    for part, label, kinds in (("tables", "table", ("csv", "md", "tex")), ("figures", "figure", ("pdf", "png", "csv"))):
        (listed,) = categories[part.capitalize()].values()
        files = {
            f"results/tiny/{part}/{exhibit.name}.{kind}": (exhibit, kind)
            for exhibit in shown(experiment, part)
            for kind in kinds
        }
        assert set(listed) == set(files)
        for path, (exhibit, kind) in files.items():
            assert results[path]["labels"] == {label: exhibit.name, "format": kind}
            words = exhibit.words(part)
            assert len(words) > 40 and plain(results[path]["caption"]) == words, exhibit.name
            assert report.read(f"report/{results[path]['data_uri']}") == (checkout / path).read_bytes()
    assert len(results) == 3 * sum(len(shown(experiment, part)) for part in ("tables", "figures"))


def test_snakemakes_report_says_which_run_it_is_of(report: zipfile.ZipFile):
    description = plain(variable(report, "workflow_desc"))
    assert "run tiny ." in description and "A test." in description


@pytest.fixture(scope="module")
def recorded(finished: Path, run) -> dict[str, object]:
    """What the run's folder holds before `dvc repro`, which this runs."""
    before = state(finished)
    run("git", "init", "-q")
    run("dvc", "init", "-q")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "start")
    run("dvc", "repro")
    return before


def state(folder: Path) -> dict[str, object]:
    """The digest of every file of a run, and when each log was written: DVC may copy a file, but only a job logs."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime if "logs" in path.parts else sha256(path) for path in files}


def test_dvc_after_snakemake_runs_no_job_again(recorded: dict[str, object], finished: Path, run):
    assert state(finished) == recorded
    assert run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    assert planned(run) == {}


def test_dvc_shows_the_metrics(recorded: dict[str, object], finished: Path, run):
    shown = json.loads(run("dvc", "metrics", "show", "--json").stdout)[""]["data"]
    files = {
        f"results/tiny/metrics/{file.name}": json.loads(file.read_text()) for file in (finished / "metrics").iterdir()
    }
    assert len(files) == 2 and {name: entry["data"] for name, entry in shown.items()} == files, "network and baseline"


@pytest.mark.long
def test_pushed_and_pulled_results_leave_nothing_to_do(
    recorded: dict[str, object], finished: Path, checkout: Path, run, run_in, tmp_path: Path
):
    """In a fresh clone, after the command of docs/scaling.md; DVC never has the images, and nothing needs them."""
    run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    run("git", "add", "-A")
    run("git", "commit", "-qm", "recorded")
    run("dvc", "push")
    clone = tmp_path / "clone"
    run("git", "clone", "-q", str(checkout), str(clone))
    call = run_in(clone)
    call("dvc", "pull", "--quiet")
    call("snakemake", "--touch", "--forceall")
    assert planned(call) == {}
    assert not (clone / "data").exists()
    for name in ("models/small-resnet/model.safetensors", "report.html", "manifest.json", "tables/localization.csv"):
        assert sha256(clone / "results" / "tiny" / name) == sha256(finished / name), name
    call("camagain", "data", "config/config.yaml")
    call("snakemake", "--touch", "--forceall")
    jobs = planned(call, "--forcerun", "localize")
    assert jobs["localize"] == 1 and not {"dataset", "finetune"} & set(jobs), "with its images a clone goes on"
