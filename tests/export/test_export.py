"""An exported run: conforms to its profiles, holds what it says, passes `verify`, and shows no photograph."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from camagain.artifacts import sha256
from camagain.compare.judging.comparison import compare_runs
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.runs.verify import verify_run
from camagain.config.file import parse_experiment
from camagain.errors import UserError
from camagain.export import write
from camagain.export.project import committed
from camagain.export.write import export_run

pytest.importorskip("rocrate", reason="needs the extra `export`")

BIRDS = {
    "kind": "synthbirds",
    "name": "few-birds",
    "classes": 2,
    "train_per_class": 3,
    "val_per_class": 1,
    "test_per_class": 2,
    "image_size": 48,
}


class Crate:
    """ro-crate-metadata.json, read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = json.loads((folder / "ro-crate-metadata.json").read_text())
        self.entities = {entity["@id"]: entity for entity in self.text["@graph"]}
        assert len(self.entities) == len(self.text["@graph"]), "two entities of one @id"

    def __getitem__(self, identifier: str) -> dict[str, Any]:
        return self.entities[identifier]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [entity for entity in self.entities.values() if kind in listed(entity["@type"])]

    def linked(self, entity: dict[str, Any], key: str) -> list[dict[str, Any]]:
        return [self[link["@id"]] for link in listed(entity.get(key, []))]


def listed(value: Any) -> list:
    return value if isinstance(value, list) else [value]


def links(value: Any) -> Iterator[str]:
    """Every @id that an entity refers to."""
    if isinstance(value, dict):
        if value.keys() == {"@id"}:
            yield value["@id"]
        for inner in value.values():
            yield from links(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from links(inner)


@pytest.fixture(scope="module")
def demo(root: Path) -> Path:
    return root / "results" / "reference" / "demo"


@pytest.fixture(scope="module")
def crate(demo: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Crate:
    """The demo's, made where its images are not, also where this checkout has them."""
    folder = tmp_path_factory.mktemp("crates")
    return Crate(export_run(demo, folder / "demo", data=folder / "no-data", project=root))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are looked for below the folder that one works in, and this checkout may have made some."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of a reference with another manifest and further files."""

    def copy(name: str, change: Callable[[dict], None] = lambda manifest: None, **texts: str) -> Path:
        run = tmp_path / "results" / name
        shutil.copytree(root / "results" / "reference" / name, run)
        manifest = json.loads((run / "manifest.json").read_text())
        for file, text in texts.items():
            (run / file).write_text(text)
            manifest["files"][file] = {"sha256": sha256(run / file), "bytes": len(text)}
        change(manifest)
        (run / "manifest.json").write_text(json.dumps(manifest))
        return run

    return copy


def test_verify_and_compare_take_the_crate(crate: Crate, demo: Path):
    found = verify_run(crate.folder)
    assert found.exit_code == 0 and found.left_out > 0
    (crate.folder / "checklist.md").rename(crate.folder / "other.md")
    try:
        found = verify_run(crate.folder)
        assert (found.gone, found.unlisted) == (("checklist.md",), ("other.md",))
    finally:
        (crate.folder / "other.md").rename(crate.folder / "checklist.md")
    assert compare_runs(crate.folder, demo).verdict in (Verdict.IDENTICAL_BYTES, Verdict.IDENTICAL_VALUES)


def test_another_reader_reads_the_crate(crate: Crate):
    from rocrate.rocrate import ROCrate

    read = ROCrate(crate.folder)
    assert read.mainEntity.id == "Snakefile"
    assert {entity.id for entity in read.data_entities} == {entity["@id"] for entity in crate.of("File")}


def test_every_link_leads_to_an_entity(crate: Crate):
    known = crate.entities.keys() | {
        "https://w3id.org/ro/crate/1.1",
        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
    }
    outside = {link for entity in crate.text["@graph"] for link in links(entity)} - known
    assert outside == {"https://doi.org/10.1093/bioinformatics/bts480", "https://snakemake.readthedocs.io"}


def test_every_file_is_described_by_its_own_digest(crate: Crate):
    there = {path.relative_to(crate.folder).as_posix() for path in crate.folder.rglob("*") if path.is_file()}
    files = {entity["@id"]: entity for entity in crate.of("File")}
    assert there - {"ro-crate-metadata.json"} == files.keys()
    assert {link["@id"] for link in crate["./"]["hasPart"]} == files.keys()
    for name, entity in files.items():
        if name != "manifest.json":
            assert entity["sha256"] == sha256(crate.folder / name)
        assert entity.get("description"), name


def test_the_profiles_of_workflow_runs(crate: Crate):
    root, workflow = crate["./"], crate["Snakefile"]
    profiles = {entity["@id"] for entity in crate.linked(root, "conformsTo")}
    runs = {f"https://w3id.org/ro/wfrun/{name}/0.5" for name in ("process", "workflow", "provenance")}
    assert profiles == runs | {"https://w3id.org/workflowhub/workflow-ro-crate/1.0"}
    assert crate.linked(root, "mainEntity") == [workflow]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"} == set(workflow["@type"])
    assert crate.linked(workflow, "programmingLanguage")[0]["name"] == "Snakemake"
    assert crate.linked(root, "license")[0]["name"] == "MIT"
    assert crate.linked(workflow, "author")[0]["name"] == "The camagain developers"
    actions = [action for action in crate.of("CreateAction") if action["instrument"] == {"@id": "Snakefile"}]
    assert [action["@id"] for action in actions] == ["#run"]
    assert {action["@id"] for action in crate.linked(root, "mentions")} == {a["@id"] for a in crate.of("CreateAction")}
    slots = {entity["@id"] for key in ("input", "output") for entity in crate.linked(workflow, key)}
    assert slots == {entity["@id"] for entity in crate.of("FormalParameter")}
    assert all(entity["name"] and entity["additionalType"] for entity in crate.of("FormalParameter"))
    for key in ("object", "result"):
        for entity in crate.linked(actions[0], key):
            assert entity["@id"] == "#dataset" or entity["exampleOfWork"]["@id"] in slots, entity["@id"]
    tools = {entity["@id"] for entity in crate.linked(workflow, "hasPart")}
    for job in crate.of("CreateAction"):
        assert job["@id"] == "#run" or job["instrument"]["@id"] in tools
    steps = crate.linked(workflow, "step")
    assert {step["workExample"]["@id"] for step in steps} == tools
    led = [crate.linked(action, "object")[0]["@id"] for action in crate.of("ControlAction")]
    assert sorted(led) == sorted(a["@id"] for a in crate.of("CreateAction") if a["@id"] != "#run")


def test_what_the_run_was_is_what_its_manifest_says(crate: Crate, demo: Path):
    manifest = json.loads((demo / "manifest.json").read_text())
    run = crate["#run"]
    assert run["endTime"] == manifest["written"] and "startTime" not in run
    inputs = {entity["name"]: entity.get("value") for entity in crate.linked(run, "object")}
    assert inputs["training.epochs"] == manifest["experiment"]["training"]["epochs"]
    assert inputs["models.slak_narrow.architecture"] == "slak_narrow"
    assert "models.slak_narrow.training.epochs" not in inputs, "the same as the experiment's"
    assert inputs["dataset.seed"] == 0 and inputs["compute.portable"] is True
    results = {entity["@id"] for entity in crate.linked(run, "result")}
    assert {
        "tables/localization.csv",
        "figures/heatmaps.png",
        "claims.json",
        "evaluation/slak_narrow/cam/metrics.json",
    } <= results
    job = crate["#job/evaluate/slak_narrow"]
    seconds = next(entry["seconds"] for entry in manifest["wall_times"] if entry["job"] == "evaluate/slak_narrow")
    assert crate["#job/evaluate/slak_narrow/seconds"]["value"] == str(seconds)
    assert job["name"] == "camagain evaluate experiment.yaml slak_narrow"
    assert {"@id": "evaluation/slak_narrow/cam/metrics.json"} in job["result"]
    assert {"@id": "localization/slak_narrow/summary.json"} in job["object"]
    assert not any("resnet_narrow" in link for link in links(job)), "of its own training alone"
    versions = {entity["name"]: entity.get("version") for entity in crate.of("SoftwareApplication")}
    assert versions["torch"] == manifest["packages"]["torch"]


def test_without_wall_times_there_are_no_jobs(copied: Callable[..., Path], root: Path, tmp_path: Path):
    run = copied("slak-cut", lambda manifest: manifest.update(wall_times=[]))
    crate = Crate(export_run(run, tmp_path / "crate", project=root))
    assert [action["@id"] for action in crate.of("CreateAction")] == ["#run"]
    assert not any("provenance" in entity["@id"] for entity in crate.linked(crate["./"], "conformsTo"))
    assert "**no** | The jobs were not timed" in (tmp_path / "crate" / "checklist.md").read_text()


def test_the_workflow_is_that_of_the_runs_commit(copied: Callable[..., Path], demo: Path, tmp_path: Path):
    project = tmp_path / "project"
    (project / "workflow").mkdir(parents=True)
    for file, text in (
        ("Snakefile", "old\n"),
        ("workflow/rules.smk", "rule\n"),
        ("LICENSE", "MIT\n"),
        ("CITATION.cff", "title: T\nlicense: MIT\nversion: 1\nauthors: [{family-names: B, given-names: A}]\n"),
    ):
        (project / file).write_text(text)
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    (project / "Snakefile").write_text("new\n")
    run = copied("demo", lambda manifest: manifest.update(git={"commit": commit, "modified": True}))
    crate = Crate(export_run(run, tmp_path / "at-commit", project=project))
    assert (crate.folder / "Snakefile").read_text() == "old\n"
    assert (crate.folder / "workflow" / "rules.smk").is_file()
    assert f"as of commit {commit}" in crate["Snakefile"]["description"]
    assert "changes that were not committed" in crate["Snakefile"]["description"]
    assert crate.linked(crate["Snakefile"], "author")[0]["name"] == "A B"
    elsewhere = Crate(export_run(demo, tmp_path / "elsewhere", project=project))
    assert (elsewhere.folder / "Snakefile").read_text() == "new\n"
    assert "the run was made at commit" in elsewhere["Snakefile"]["description"]
    assert committed(project, commit) and not committed(project, "HEAD"), "a stranger's manifest gives git no words"
    with pytest.raises(UserError, match="call `camagain export` in the folder of the project"):
        export_run(demo, tmp_path / "none", project=tmp_path)


PICTURES = ("report.html", "figures/heatmaps.pdf", "figures/heatmaps.png", "figures/of-another-version.png")


@pytest.mark.parametrize(("name", "free"), [("demo", True), ("cub27", False)])
def test_no_photograph_is_passed_on(copied: Callable[..., Path], root: Path, tmp_path: Path, name: str, free: bool):
    texts = {**dict.fromkeys(PICTURES, "pixels"), "figures/erf.pdf": "a curve", "models/m.txt": "unknown"}
    run = copied(name, **texts)
    found = export_run(run, tmp_path / "crate", project=root)
    assert [(found / file).is_file() for file in PICTURES] == [free] * len(PICTURES)
    assert (found / "figures" / "erf.pdf").is_file() and (found / "figures" / "erf.png").is_file()
    assert not (found / "models" / "m.txt").exists()
    left = json.loads((found / "manifest.json").read_text())["files_left_out"]
    assert set(PICTURES).isdisjoint(left) is free and "models/m.txt" in left
    assert not [path for path in found.rglob("*") if path.suffix in (".jpg", ".npz", ".safetensors")]
    said = "these may not be passed on" in (found / "checklist.md").read_text()
    assert said is not free
    assert verify_run(found).exit_code == 0


def read_croissant(folder: Path):
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs the extra `dev`")
    dataset = mlcroissant.Dataset(folder / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    return dataset


def records(dataset: Any, name: str) -> list[dict[str, Any]]:
    return [{key.split("/")[1]: text(value) for key, value in row.items()} for row in dataset.records(name)]


def text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def test_the_data_set_as_croissant_where_images_are_elsewhere(crate: Crate, demo: Path):
    dataset = read_croissant(crate.folder)
    manifest = json.loads((demo / "manifest.json").read_text())
    assert {row["name"]: row["images"] for row in records(dataset, "splits")} == manifest["dataset"]["splits"]
    assert [row["name"] for row in records(dataset, "classes")] == manifest["dataset"]["classes"]
    images = records(dataset, "images")
    scored = pd.read_parquet(demo / "evaluation" / "slak_narrow" / "cam" / "images.parquet")
    assert {row["image_id"]: row["label"] for row in images} == dict(
        zip(scored["image_id"], scored["label"], strict=True)
    )
    assert {row["split"] for row in images} == {"test"} and images[0].keys() == {
        "image_id",
        "split",
        "label",
        "class_name",
    }
    assert "were not at hand" in dataset.metadata.description
    assert not (crate.folder / "boxes.csv").exists()


@pytest.fixture
def with_images(copied: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    """A run on a few drawn birds, and the folder of its images."""
    from camagain.datasets.prepare import prepare_dataset

    def change(manifest: dict) -> None:
        manifest["experiment"]["dataset"] = BIRDS
        manifest["experiment"]["training"]["batch_size"] = 2
        for model in manifest["experiment"]["models"]:
            model["training"]["batch_size"] = 2
        experiment = parse_experiment(manifest["experiment"], "test")
        folder = experiment.paths(data=tmp_path / "data").dataset_dir
        prepare_dataset(experiment.dataset, folder)
        manifest["dataset"] = json.loads((folder / "dataset.json").read_text())

    run = copied("demo", change)
    return run, next((tmp_path / "data").iterdir())


def test_the_data_set_as_croissant_where_images_are_at_hand(with_images: tuple[Path, Path], root: Path, tmp_path: Path):
    from camagain.datasets.index import read_index

    run, folder = with_images
    found = export_run(run, tmp_path / "crate", tmp_path / "data", root)
    dataset = read_croissant(found)
    index = read_index(folder / "index.parquet").set_index("image_id")
    images = {str(row["image_id"]): row for row in records(dataset, "images")}
    assert images.keys() == set(index.index) and len(images) == 10
    for name, row in images.items():
        assert row["sha256"] == sha256(folder / index.loc[name, "path"])
        assert (row["split"], row["label"], row["class_name"]) == tuple(
            index.loc[name, ["split", "label", "class_name"]]
        )
        assert index.loc[name, "path"].endswith(row["path"])
    for row in records(dataset, "boxes"):
        assert [row[key] for key in ("x0", "y0", "x1", "y1")] == index.loc[str(row["image_id"]), "boxes"][0].tolist()
    assert str(tmp_path) not in "".join(path.read_text() for path in found.glob("*.*"))
    assert not list(found.rglob(f"{next(iter(images))}.png")), "images are drawn from the recipe, never copied"
    assert verify_run(found).exit_code == 0
    assert "boxes.csv list every image with its SHA-256" in (found / "checklist.md").read_text()


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_images_that_are_not_the_runs_are_not_described(
    with_images: tuple[Path, Path], root: Path, tmp_path: Path, what: str
):
    run, folder = with_images
    image = next((folder / "images").rglob("*.png"))
    image.unlink() if what == "gone" else image.write_bytes(image.read_bytes() + b"x")
    found = export_run(run, tmp_path / "crate", tmp_path / "data", root)
    assert not (found / "boxes.csv").exists()
    assert "were not at hand" in json.loads((found / "croissant.json").read_text())["description"]


def test_an_archive_is_named_by_its_digest(copied: Callable[..., Path], root: Path, tmp_path: Path):
    digest, address = "ab" * 32, "https://example.org/CUB_200_2011.tgz"

    def change(manifest: dict) -> None:
        archive = {"name": "CUB_200_2011.tgz", "size": 5, "sha256": digest}
        manifest["dataset"] |= {"kind": "cub", "source": address, "archive": archive}

    found = export_run(copied("cub27", change), tmp_path / "crate", project=root)
    files = {file.id: file for file in read_croissant(found).metadata.distribution}
    assert (files["CUB_200_2011.tgz"].sha256, files["CUB_200_2011.tgz"].content_url) == (digest, address)
    assert files["image-files"].contained_in == ["CUB_200_2011.tgz"]
    assert "non-commercial" in Crate(found)["#dataset"]["license"]
    assert Crate(found)["#dataset"]["url"] == address


def answers(folder: Path) -> dict[str, tuple[str, str]]:
    rows = [line.split(" | ") for line in (folder / "checklist.md").read_text().splitlines() if " | **" in line]
    return {question.removeprefix("| "): (answer.strip("*"), why.removesuffix(" |")) for question, answer, why in rows}


def test_the_checklist_answers_for_this_run(crate: Crate, root: Path, copied: Callable[..., Path], tmp_path: Path):
    demo = answers(crate.folder)
    assert {answer for answer, _ in demo.values()} == {"yes", "partly", "no", "does not apply", "yours to answer"}
    assert demo["Are errors given, and what of?"][0] == "partly"
    assert "All 320 test images" in demo["Is preprocessing described, and what was left out?"][1]
    assert demo["Can others have the data?"][0] == "yes"
    assert demo["Is the code named exactly?"][0] == "yes"
    assert "7 by the analysis `interventions`" in demo["Is the number of runs given?"][1]
    assert "4 files of weights" in demo["Are trained networks passed on?"][1]
    assert "58 jobs took 7.6 minutes" in demo["Is the time given?"][1]

    five = answers(export_run(root / "results" / "reference" / "slak-cut", tmp_path / "five", project=root))
    assert five["Are errors given, and what of?"][0] == "yes"
    assert "5 trainings each (seed 0, 1, 2, 3, 4)" in five["Is the number of runs given?"][1]

    untrained = answers(
        export_run(root / "results" / "reference" / "imagenet300", tmp_path / "untrained", project=root)
    )
    assert untrained["Are hyperparameters given?"][1].startswith("Nothing is trained")
    assert "cues/lite0 (" in untrained["Is it said what was not measured?"][1]
    assert untrained["Is it said how they were chosen, and in which range they were searched?"][0] == "does not apply"

    def change(manifest: dict) -> None:
        manifest["git"]["modified"] = True
        manifest["missing_models"] = {"slak_narrow": "its training failed"}
        manifest["models"].pop("slak_narrow")
        manifest["machine"] = {}

    changed = answers(export_run(copied("demo", change), tmp_path / "changed", project=root))
    assert changed["Is the code named exactly?"][0] == "partly"
    assert "Without results: slak_narrow" in changed["Is the number of runs given?"][1]
    assert changed["Is the hardware given?"][0] == "no"

    photographs = answers(export_run(root / "results" / "reference" / "cub27", tmp_path / "photographs", project=root))
    assert photographs["Can others have the data?"][0] == "no"
    assert photographs["Is the licence of the data named?"][0] == "no"


def test_a_zip_holds_the_same(crate: Crate, demo: Path, root: Path, tmp_path: Path):
    packed = export_run(demo, tmp_path / "demo.zip", project=root)
    with pytest.raises(UserError, match=r"demo\.zip: is packed. Unpack it first"):
        verify_run(packed)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "demo")
    assert verify_run(tmp_path / "demo").exit_code == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["demo", "demo.zip"], "nothing else is left"
    for path in crate.folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / "demo" / path.relative_to(crate.folder)).read_bytes() == path.read_bytes()


def test_mistakes_are_one_sentence_and_write_nothing(copied: Callable[..., Path], root: Path, tmp_path: Path):
    run = copied("demo")
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    (run / "tables" / "localization.csv").write_text("other")
    for source, output, says in (
        (tmp_path / "nothing", out, "no such folder"),
        (tmp_path / "empty", out, "not a finished run"),
        (run, tmp_path / "empty", "is there already; give another --output"),
        (run, run / "crate", "lies in the run itself"),
        (run, out, "changed since its manifest was written"),
    ):
        with pytest.raises(UserError, match=says):
            export_run(source, output, project=root)
    (run / "manifest.json").unlink()
    with pytest.raises(UserError, match="begun and not finished"):
        export_run(run, out, project=root)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "results"]


def test_nothing_half_written_is_left(demo: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "write_metadata", fail)
    with pytest.raises(OSError):
        export_run(demo, tmp_path / "crate", project=root)
    assert not list(tmp_path.iterdir())


def test_the_command_names_the_crate_after_the_run_and_needs_no_torch(demo: Path, root: Path, tmp_path: Path):
    for part in ("Snakefile", "workflow", "LICENSE", "CITATION.cff"):
        (tmp_path / part).symlink_to(root / part)
    code = (
        "import sys; from camagain.cli import main; sys.argv = ['camagain', 'export', sys.argv[1]]\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(demo)], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "demo-crate\n" and (tmp_path / "demo-crate" / "ro-crate-metadata.json").is_file()
