"""The code digest of a stage changes when, and only when, a file that the stage depends on changes."""

import shutil
from pathlib import Path

import pytest

from camagain import provenance
from camagain.provenance import code_digest, source_files
from camagain.stages import stage_code

STAGES = ("data", "finetune", "localize", "evaluate", "tables", "figures")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package that the digests are taken from."""
    copy = tmp_path / "camagain"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    return copy


def digests() -> dict[str, str]:
    provenance.imported_modules.cache_clear()
    return {stage: stage_code(stage) for stage in STAGES}


@pytest.mark.parametrize(
    ("edited", "rerun"),
    [
        ("training/augment.py", {"finetune"}),
        ("localization/maps.py", {"localize"}),
        ("models/narrow.py", {"finetune", "localize"}),
        ("evaluation/boxes.py", {"evaluate"}),
        ("evaluation/metrics.py", {"evaluate", "tables", "figures"}),
        ("datasets/synthbirds/bird.py", {"data"}),
        ("datasets/cub.py", {"data"}),
        ("paper/exhibits/heatmaps.py", {"figures"}),
        ("paper/tables.py", {"tables"}),
        ("datasets/index.py", {"data", "finetune", "localize", "evaluate", "tables", "figures"}),
        ("errors.py", set(STAGES)),
        ("doctor.py", set()),
        ("cli.py", set()),
    ],
)
def test_an_edit_reruns_exactly_what_depends_on_the_file(package: Path, edited: str, rerun: set[str]):
    before = digests()
    (package / edited).write_text((package / edited).read_text() + "\n# edited\n")
    after = digests()
    assert {stage for stage in STAGES if before[stage] != after[stage]} == rerun


def test_templates_count_as_sources(package: Path):
    before = code_digest("camagain.paper.report.page")
    (package / "paper" / "report" / "report.css").write_text("body {}")
    assert code_digest("camagain.paper.report.page") != before


def test_imports_inside_functions_count(package: Path):
    assert package / "datasets" / "synthbirds" / "write.py" in source_files("camagain.datasets.prepare")


def test_the_packages_on_the_way_count(package: Path):
    assert package / "models" / "__init__.py" in source_files("camagain.models.zoo")


def test_a_wrong_module_name_is_an_error():
    with pytest.raises(ValueError, match=r"camagain\.nothing"):
        code_digest("camagain.nothing")
