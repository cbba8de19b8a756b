"""Tables and figures are found by looking: one file adds both, everywhere, and one that is not complete is refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from camagain import provenance
from camagain.artifacts import write_csv, write_text
from camagain.config import ANALYSES
from camagain.config.file import dump_experiment
from camagain.errors import UserError
from camagain.paper.registry import SHOW, check_exhibits, exhibits, write_captions
from camagain.provenance import source_files
from camagain.stages import stages

TOY = '''"""The best MaxBoxAcc of each model, as small as a table with a figure can be."""

import matplotlib.pyplot as plt
import pandas as pd

from camagain.drawing.render import TextTable

NAME = "toy"
TITLE = "Toy scores"
PLACE = 15
KEYS = ("model",)
CAPTION = "The toy's caption_."


def numbers(results):
    scores = {model: results.scores(model, "cam")["max_box_acc"]["value"] for model in results.models}
    return pd.DataFrame({"model": list(scores), "score_percent": list(scores.values())})


def text(results, table):
    rows = tuple((row.model, f"{row.score_percent:.1f}") for row in table.itertuples())
    return TextTable("The toy's table.", ("Model", "score"), rows)


def figure(results):
    table = results.once(numbers)
    page, axes = plt.subplots()
    axes.bar(table["model"], table["score_percent"])
    return page, table
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package in which exhibits are looked for."""
    copy = tmp_path / "src" / "camagain"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    return copy


def python(package: Path, *arguments: str, exit_code: int = 0) -> str:
    """Runs Python with the copy of the package and gives what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == exit_code, done.stderr
    return done.stdout


def test_one_file_is_a_table_and_a_figure_everywhere(tiny_run, package: Path, tmp_path: Path, seal):
    (package / "paper" / "exhibits" / "toy.py").write_text(TOY)
    experiment, paths = tiny_run
    own, other = (experiment.paths(tmp_path / name, paths.data) for name in ("results", "other"))
    shutil.copytree(paths.root, own.root)
    file = tmp_path / "experiment.yaml"
    write_text(file, dump_experiment(experiment))
    ask = "import sys; from pathlib import Path; from camagain.config.file import load_experiment as load; "
    ask += "from camagain.stages import files; print(*files(load(Path(sys.argv[1])), 'tables'), sep='\\n')"
    planned = python(package, "-c", ask, str(file)).splitlines()
    assert [f"results/tiny/tables/toy.{kind}" in planned for kind in ("csv", "md", "tex")] == [True] * 3

    command = ("paper", str(file), "--results", str(own.results), "--data", str(own.data))
    python(package, "-m", "camagain", *command)
    table = pd.read_csv(own.tables / "toy.csv")
    assert list(table["model"]) == [model.name for model in experiment.models]
    assert "The toy's table." in (own.tables / "toy.tex").read_text()
    pd.testing.assert_frame_equal(pd.read_csv(own.figures / "toy.csv"), table)
    assert (own.figures / "toy.png").stat().st_size and (own.figures / "toy.pdf").stat().st_size
    page = own.report.read_text()
    order = [page.index(f'id="table-{name}"') for name in ("top-loc", "toy", "paired-tests")]
    assert order == sorted(order) and "Toy scores" in page and "The toy&#39;s caption_." in page
    assert {"tables/toy.csv", "figures/toy.png"} <= set(json.loads(own.manifest.read_text())["files"])

    shutil.copytree(own.root, other.root)
    for changed in (other.tables / "toy.csv", other.figures / "toy.csv"):
        write_csv(changed, table.assign(score_percent=table["score_percent"] + [0.0, 50.0]))
    seal(other.root)
    runs = ("compare", str(own.root), str(other.root), "--json", "-")
    found = json.loads(python(package, "-m", "camagain", *runs, exit_code=1))
    rows = {table["file"]: table["rows"] for table in found["tables"]}
    for name in ("tables/toy.csv", "figures/toy.csv"):
        assert [row["key"] for row in rows[name]] == [{"model": experiment.models[1].name}], name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("NAME = ", "NOM = "), r"camagain/paper/exhibits/toy\.py: NAME missing"),
        (('PLACE = 15\nKEYS = ("model",)\n', ""), "toy.py: KEYS, PLACE missing"),
        (("CAPTION", "CATION"), "toy.py: CAPTION missing"),
        (("def numbers", "def values"), "toy.py: numbers missing"),
        (("def text", "def words"), "toy.py: text missing"),
        (('("model",)', '("model")'), "toy.py: KEYS is no tuple that is written out"),
        (('"Toy scores"', "str(3)"), "toy.py: TITLE is no str that is written out"),
        (('"toy"', '"localization"'), "2 exhibits are named 'localization'"),
        ((TOY, '"""Nothing."""\nNAME = "toy"\n'), "toy.py: .*neither a table .* nor a figure"),
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
