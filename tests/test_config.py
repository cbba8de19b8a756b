"""An experiment is refused before any work when a key is misspelt, a value has the wrong type, or a name is taken."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from camagain.config.analysis import check_complete
from camagain.config.file import dump_experiment, load_experiment, parse_experiment, read_yaml
from camagain.errors import UserError

NAMES = (
    "../up",
    "/etc",
    "a/b",
    "a\\b",
    "a b",
    "$(touch x)",
    "a;b",
    "`a`",
    "a'b",
    "<b>a</b>",
    "-rf",
    ".a",
    "",
    "a\n",
    "\u00e9",
)
"""Names that are paths, text for a shell, or HTML."""


def changed(values: dict, key: str, value: object) -> dict:
    """A copy of nested values with one dotted key set, or removed where the value is None."""
    first, _, rest = key.partition(".")
    copy = dict(values)
    if rest:
        copy[first] = changed(copy[first], rest, value)
    elif value is None:
        del copy[first]
    else:
        copy[first] = value
    return copy


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("trainin", {}, "trainin: unknown key. Did you mean 'training'?"),
        ("training.epocs", 3, "training.epocs: unknown key. Did you mean 'epochs'?"),
        ("training.epochs", "two", "training.epochs: found 'two'"),
        ("training.epochs", -1, "training.epochs: found -1"),
        ("training.epochs", None, "training.epochs: missing"),
        ("training.first_size", 16, "training.first_size: found 16"),
        ("training.first_size", 64, "is 64, more than input.size = 48, to which training images grow"),
        ("training.augmentation", {"flp": 1}, "training.augmentation.flp: unknown key. Did you mean 'flip'?"),
        ("dataset.clases", 4, "dataset.synthbirds.clases: unknown key. Did you mean 'classes'?"),
        ("dataset.kind", "synthbird", "wsol-metadata. Did you mean 'synthbirds'?"),
        ("localization.methods", ["pc2"], "localization.methods.0: found 'pc2', expected 'cam', 'cam-gt', 'pc1'"),
        ("localization.methods", ["layercam"], "Did you mean 'layer-cam'?"),
        ("dataset.kind", None, "dataset.kind: missing"),
        ("dataset", 3, "dataset: found 3"),
        ("run", "../elsewhere", "run: found '../elsewhere': becomes a folder name"),
        ("models", [], "models: found []"),
        ("models", "resnet50", "models: found 'resnet50'"),
        ("models", [{"name": "a", "architecture": "resnet18"}] * 2, "models: the name 'a' is used twice"),
        ("models", [{"name": "baseline", "architecture": "resnet18"}], "models: the name 'baseline' is kept"),
        (
            "models",
            [{"name": "a", "architecture": "resnet18", "training": {"lr": 1}}],
            "models.0.training.lr: unknown key.",
        ),
        ("evaluation.threshold_step", 2, "evaluation.threshold_step: found 2"),
        ("input.mean", [123.7, 0.5, 0.5], "input.mean.0: found 123.7"),
        ("input.mean", [0.5, float("nan"), 0.5], "input.mean.1: found nan"),
        ("input.std", [0.5, 0.5, 0], "input.std.2: found 0"),
        ("training.learning_rate", float("inf"), "training.learning_rate: found inf"),
        ("run", "reference", "run: found 'reference': is kept for results/reference"),
        ("run", "Reference", "run: found 'Reference': is kept"),
        ("run", "a" * 101, "100 letters or less"),
        ("run", ["a" * 1000] * 1000, "run: found ['aaa"),
        *[
            (key, name, f"{where}: found {name!r}: becomes a folder name")
            for key, where in (("run", "run"), ("dataset.name", "dataset.synthbirds.name"))
            for name in NAMES
        ],
        *[("models", [{"name": name, "architecture": "resnet18"}], "models.0.name: found") for name in NAMES],
    ],
)
def test_a_fault_is_named_with_key_found_and_expected(tiny_values: dict, key: str, value: object, says: str):
    with pytest.raises(UserError) as error:
        parse_experiment(changed(tiny_values, key, value), "my.yaml")
    lines = str(error.value).splitlines()
    assert lines[0] == "my.yaml: the experiment is not valid."
    assert len(lines) == 2, f"one fault should give one line, got {lines}"
    assert says in lines[1]


def test_something_else_than_a_mapping_is_refused():
    with pytest.raises(UserError, match=r"my\.yaml: found list, expected a mapping"):
        parse_experiment([], "my.yaml")


def test_a_missing_file_names_its_neighbours(tmp_path: Path):
    (tmp_path / "other.yaml").write_text("run: x\n")
    with pytest.raises(UserError, match=r"no such experiment file\. In that folder: .*other\.yaml"):
        load_experiment(tmp_path / "oter.yaml")


def test_broken_yaml_is_named(tmp_path: Path):
    (tmp_path / "broken.yaml").write_text("run: [\n")
    with pytest.raises(UserError, match=r"broken\.yaml, line 2: not valid YAML"):
        load_experiment(tmp_path / "broken.yaml")


@pytest.mark.parametrize("text", ["run: a\nrun: b\n", "dataset: {kind: cub, kind: cub}\n", "'run': a\nrun: b\n"])
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str):
    (tmp_path / "twice.yaml").write_text(text)
    with pytest.raises(UserError, match=r"twice\.yaml, line \d: not valid YAML: the key '(run|kind)' occurs again"):
        load_experiment(tmp_path / "twice.yaml")


def test_a_key_may_be_taken_over_and_changed(tmp_path: Path):
    (tmp_path / "merged.yaml").write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n")
    assert read_yaml(tmp_path / "merged.yaml")["b"] == {"x": 3, "y": 2}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("resnet_narrow", "resnet_narow", "small-resnet.architecture: .*Did you mean 'resnet_narrow'"),
        ("convnext_narrow", "convnext_nano.in1k", ""),
        ("resnet_narrow", "vit_tiny_patch16_224_in21k", ""),  # an old name, which timm still takes
        ("resnet_narrow", "", "unknown architecture ''"),
        (
            "optimizer: adamw",
            "optimizer: adamww",
            "small-resnet.training.optimizer: .*no 'adamww'. Did you mean 'adamw'",
        ),
        ("optimizer: adamw", "optimizer: SGD", ""),
        ("optimizer: adamw", "optimizer: bnblion", ""),
    ],
)
def test_names_of_timm_are_checked_when_the_file_is_read(tiny_values: dict, tmp_path: Path, old, new, says):
    text = dump_experiment(parse_experiment(tiny_values, "x"))
    assert old in text
    (tmp_path / "my.yaml").write_text(text.replace(old, new or "''"))
    if not says:
        load_experiment(tmp_path / "my.yaml")
        return
    with pytest.raises(UserError, match=rf"my\.yaml: models\..*{says}"):
        load_experiment(tmp_path / "my.yaml")


def test_every_name_of_timm_passes():
    code = (
        "from camagain.config.names import NETWORK, _networks, _optimizers, _quoted\n"
        "import camagain.models, timm\n"
        "from timm.models._registry import _deprecated_models as old\n"
        "from timm.optim import list_optimizers\n"
        "assert set(NETWORK.findall(_networks())) == set(timm.list_models())\n"
        "assert all(_quoted(name, _networks()) for name in old)\n"
        "assert all(_quoted(name, _optimizers()) for name in list_optimizers())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_yaml_numbers_without_a_point_are_numbers(tiny_values: dict):
    values = yaml.safe_load(yaml.safe_dump(changed(tiny_values, "training.learning_rate", "1e-3")))
    assert parse_experiment(values, "x").training.learning_rate == 0.001


def test_dumping_and_loading_changes_nothing(tiny_values: dict):
    experiment = parse_experiment(tiny_values, "x")
    assert parse_experiment(yaml.safe_load(dump_experiment(experiment)), "y") == experiment


def test_a_model_overrides_the_recipe_key_by_key(tiny_values: dict):
    override = {"epochs": 7, "augmentation": {"flip": 0.25}}
    models = [
        {"name": "a", "architecture": "resnet18", "training": override},
        {"name": "c", "architecture": "resnet26"},
    ]
    values = changed(changed(tiny_values, "models", models), "analysis", {})
    experiment = parse_experiment(values, "x")
    own, plain = experiment.model("a").training, experiment.model("c").training
    assert (own.epochs, own.augmentation.flip) == (7, 0.25)
    assert own.learning_rate == plain.learning_rate == 0.001
    assert plain == experiment.training


def test_an_unknown_model_is_answered_with_the_nearest(tiny_values: dict):
    with pytest.raises(UserError, match=r"no model 'small-resnt'.*Did you mean 'small-resnet'\?"):
        parse_experiment(tiny_values, "x").model("small-resnt")


def shipped() -> list[Path]:
    root = Path(__file__).resolve().parents[1]
    return [root / "config" / "config.yaml", *sorted((root / "config" / "experiments").glob("*.yaml"))]


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_every_shipped_experiment_is_valid_and_has_its_own_run(path: Path):
    experiment = load_experiment(path)
    assert sum(load_experiment(other).run == experiment.run for other in shipped()) == 1
    assert path.stem in (experiment.run, "config")


def test_an_incomplete_analysis_is_refused_by_file_and_name(tmp_path: Path):
    folder = tmp_path / "spread"
    folder.mkdir()
    with pytest.raises(UserError, match=r"'spread' is not complete: .*settings\.py is missing; it has to define STAGE"):
        check_complete(folder)
    (folder / "settings.py").write_text("STAGE = 1\n")
    (folder / "measure.py").write_text("COLUMNS: tuple = ()\n")
    with pytest.raises(UserError, match=r"measure\.py lacks analyze\. See docs/architecture\.md"):
        check_complete(folder)
    (folder / "measure.py").write_text("COLUMNS = ()\n\n\ndef analyze(): ...\n")
    check_complete(folder)
