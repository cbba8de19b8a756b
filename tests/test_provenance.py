"""The code digest of a stage changes when, and only when, a file that the stage depends on changes."""

import ast
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from camagain import provenance, stages
from camagain.config.file import parse_experiment
from camagain.provenance import code_digest, source_files

STAGES = ("data", "finetune", "localize", "evaluate", "tables", "figures")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package that the digests are taken from."""
    copy = tmp_path / "camagain"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    forget()
    yield copy
    forget()


def forget() -> None:
    """What a process remembers of the sources, which do not change while it runs."""
    for remembered in (provenance.imported_modules, provenance.module_file, provenance._beside, stages._digest):
        remembered.cache_clear()


def digests(values: dict, model: str = "") -> dict[str, str]:
    forget()
    return {stage: stages.stage_code(values, stage, model) for stage in STAGES}


@pytest.mark.parametrize(
    ("edited", "rerun"),
    [
        ("training/augment.py", {"finetune"}),
        ("localization/maps.py", {"localize"}),
        ("localization/methods/pc1.py", {"localize"}),
        ("models/narrow.py", {"finetune", "localize"}),
        ("models/families/resnet.py", {"finetune", "localize"}),
        ("datasets/kinds/synthbirds.py", {"data"}),
        ("datasets/kinds/wsol_metadata.py", set()),
        ("evaluation/boxes.py", {"evaluate"}),
        ("evaluation/metrics.py", {"evaluate", "tables", "figures"}),
        ("datasets/synthbirds/bird.py", {"data"}),
        ("datasets/cub.py", {"data"}),
        ("datasets/archive.py", set()),
        ("paper/exhibits/heatmaps.py", {"figures"}),
        ("paper/tables.py", {"tables"}),
        ("datasets/index.py", set(STAGES)),
        ("errors.py", set(STAGES)),
        ("doctor.py", set()),
        ("cli.py", set()),
    ],
)
def test_an_edit_reruns_exactly_what_depends_on_the_file(
    package: Path, tiny_values: dict, edited: str, rerun: set[str]
):
    assert changed(tiny_values, package / edited, lambda text: f"{text}\n# edited\n") == rerun


def changed(values: dict, path: Path, edit: Callable[[str], str], model: str = "") -> set[str]:
    """The stages whose digest an edit of a file changes."""
    before = digests(values, model)
    text = path.read_text() if path.exists() else ""
    assert edit(text) != text
    path.write_text(edit(text))
    after = digests(values, model)
    return {stage for stage in STAGES if before[stage] != after[stage]}


@pytest.mark.parametrize(
    ("edited", "old", "new", "rerun"),
    [
        ("models/families/resnet.py", "#0072B2", "#0072B3", {"finetune", "localize", "tables", "figures"}),
        (
            "localization/methods/cam.py",
            "choices=True",
            "choices=False",
            {"localize", "evaluate", "tables", "figures"},  # what may read the names of methods
        ),
    ],
)
def test_a_declaration_counts_wherever_declarations_are_read(
    package: Path, tiny_values: dict, edited: str, old: str, new: str, rerun: set[str]
):
    assert changed(tiny_values, package / edited, lambda text: text.replace(old, new)) == rerun


@pytest.mark.parametrize("folder", ["datasets/kinds", "models/families", "localization/methods"])
def test_an_addition_changes_nothing_that_does_not_use_it(package: Path, tiny_values: dict, folder: str):
    assert changed(tiny_values, package / folder / "added.py", lambda text: "DECLARES = 1\n") == set()


def test_a_further_method_reruns_what_makes_and_scores_maps(package: Path, tiny_values: dict):
    values = parse_experiment(tiny_values, "tiny").model_dump(mode="json")
    more = {**values, "localization": {**values["localization"], "methods": ["cam", "cam-gt", "pc1", "grad-cam"]}}
    rerun = {name for name in stages.stages() if stages.stage_code(values, name) != stages.stage_code(more, name)}
    assert {"evaluate", "tables"} <= rerun  # and localize, by its settings
    assert not {"data", "finetune", "erf", "texture", "interventions"} & rerun


def test_one_models_jobs_depend_on_its_own_family(package: Path, tiny_values: dict):
    resnet, convnext = "small-resnet", "small-convnext"
    family = package / "models" / "families" / "convnext.py"
    assert changed(tiny_values, family, lambda text: f"{text}# edited\n", resnet) == set()
    assert changed(tiny_values, family, lambda text: f"{text}# again\n", convnext) == {"finetune", "localize"}


def test_templates_count_as_sources(package: Path):
    before = code_digest("camagain.paper.report.page")
    (package / "paper" / "report" / "report.css").write_text("body {}")
    assert code_digest("camagain.paper.report.page") != before


def test_imports_inside_functions_count(package: Path):
    assert package / "datasets" / "synthbirds" / "write.py" in source_files("camagain.datasets.prepare")


def test_the_packages_on_the_way_count(package: Path):
    assert package / "models" / "__init__.py" in source_files("camagain.models.zoo")


def test_imports_are_those_of_the_syntax_tree():
    """By another route, for every file of the package: all statements of the tree but those for type checkers."""
    files = list(provenance.PACKAGE.rglob("*.py"))
    assert len(files) > 300
    for file in files:
        names, calls = by_tree(file.read_text())
        found = provenance.imported_modules(file)
        assert found.names == names, file
        assert (found.implemented, found.declared) == (calls[False], calls[True]), file


def by_tree(text: str) -> tuple[set[str], dict[bool, set[str]]]:
    """The modules of this package that a source imports, and registries: those looked into, and (True) declared."""
    body = [
        top for top in ast.parse(text).body if not (isinstance(top, ast.If) and "TYPE_CHECKING" in ast.dump(top.test))
    ]
    modules, calls = set(), {True: set(), False: set()}
    for node in (node for top in body for node in ast.walk(top)):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, "imports name their module in full"
            modules.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in provenance.REGISTRY_FUNCTIONS:
            calls[node.func.id == "declarations"].add(ast.literal_eval(node.args[0]))
    parts = [module.split(".") for module in modules if module.split(".")[0] == "camagain"]
    names = {".".join(name[:length]) for name in parts for length in range(1, len(name) + 1)}
    return {name for name in names if provenance.module_file(name)}, calls


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "def f():\n    from camagain.errors import (  # why\n        UserError,\n        in_words,\n    )\n",
            {"camagain.errors"},
        ),
        ("import camagain.locks as locks  # why\n", {"camagain.locks"}),
        ("from camagain import errors, locks\n", {"camagain.errors", "camagain.locks"}),
        (
            "if TYPE_CHECKING:\n    from camagain import errors\n\n    import camagain.cli\n\nimport camagain.locks\n",
            {"camagain.locks"},
        ),
    ],
)
def test_each_form_of_a_statement_is_found(tmp_path: Path, text: str, found: set[str]):
    (tmp_path / "module.py").write_text(text)
    assert provenance.imported_modules(tmp_path / "module.py").names == {"camagain", *found}
    assert by_tree(text)[0] == {"camagain", *found}


def test_a_wrong_module_name_is_an_error():
    with pytest.raises(ValueError, match=r"camagain\.nothing"):
        code_digest("camagain.nothing")
