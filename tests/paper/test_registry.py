"""Tables and figures are found by looking: one file adds both, everywhere, and one that is not complete is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from camagain import provenance
from camagain.config import ANALYSES
from camagain.errors import UserError
from camagain.paper.registry import SHOW, check_exhibits, exhibits, write_captions
from camagain.provenance import source_files
from camagain.stages import stages
from tests.recipes import recipes

TOY = recipes()["paper/exhibits/best_scores.py"]


def python(package: Path, *arguments: str) -> str:
    """Runs Python with a copy of the package and gives what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package in which exhibits are looked for."""
    copy = tmp_path / "src" / "camagain"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    return copy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("NAME = ", "NOM = "), r"camagain/paper/exhibits/toy\.py: NAME missing"),
        (('PLACE = 15\nKEYS = ("model",)\n', ""), "toy.py: KEYS, PLACE missing"),
        (("CAPTION", "CATION"), "toy.py: CAPTION missing"),
        (("def numbers", "def values"), "toy.py: numbers missing"),
        (("def text", "def words"), "toy.py: text missing"),
        (('("model",)', '("model")'), "toy.py: KEYS is no tuple that is written out"),
        (('"The best score of each network"', "str(3)"), "toy.py: TITLE is no str that is written out"),
        (('"best-scores"', '"localization"'), "2 exhibits are named 'localization'"),
        ((TOY, '"""Nothing."""\nNAME = "best-scores"\n'), "toy.py: .*neither a table .* nor a figure"),
        ((TOY.split("\n")[0], ""), "toy.py: no docstring"),
    ],
)
def test_an_incomplete_exhibit_is_refused(package: Path, change: tuple[str, str], said: str):
    assert change[0] in TOY
    (package / "paper" / "exhibits" / "toy.py").write_text(TOY.replace(*change))
    with pytest.raises(UserError, match=f"{said}.*registry.py says what a table and a figure need"):
        check_exhibits()


def test_an_analysis_that_shows_nothing_is_refused(package: Path):
    (package / "analysis" / "gap" / "show.py").unlink()
    with pytest.raises(UserError, match=r"camagain/analysis/gap/show\.py missing"):
        check_exhibits()


def test_the_name_of_an_analysis_is_that_of_its_folder(package: Path):
    file = package / "analysis" / "gap" / "show.py"
    file.write_text(file.read_text().replace('NAME = "gap"', 'NAME = "gaps"'))
    with pytest.raises(UserError, match="NAME is 'gaps'; expected 'gap'"):
        check_exhibits()


def test_names_are_known_without_importing_what_draws():
    ask = "import sys; from camagain.paper.registry import check_exhibits; check_exhibits(); "
    ask += "print({'pandas', 'numpy', 'matplotlib', 'torch'} & set(sys.modules))"
    assert python(provenance.PACKAGE, "-c", ask).strip() == "set()"


def test_no_exhibit_imports_torch():
    ask = "import sys; from camagain.paper.registry import exhibits; modules = [e.load() for e in exhibits()]; "
    ask += "assert len(modules) > 20; print('torch' in sys.modules)"
    assert python(provenance.PACKAGE, "-c", ask).strip() == "False"


@pytest.mark.parametrize("name", ANALYSES)
def test_editing_a_caption_reruns_no_measurement(name: str):
    behind = source_files(*stages()[name].code)
    assert any(file.match(f"analysis/{name}/measure.py") for file in behind)
    assert not [file for file in behind if file.name.startswith(SHOW) and file.parent.parent.name == "analysis"]


def test_every_exhibit_has_a_caption_for_snakemakes_report(tmp_path: Path):
    write_captions(tmp_path)
    for exhibit in exhibits():
        for part in ("tables", "figures"):
            assert (tmp_path / part / f"{exhibit.name}.rst").is_file() == exhibit.has(part)
    assert r"log10(A + 1)" in (tmp_path / "figures" / "erf.rst").read_text()
