"""An experiment is refused before any work when a key is misspelt, a value has the wrong type, or a name is taken."""

from pathlib import Path

import pytest
import yaml

from camagain.config.analysis import check_complete
from camagain.config.file import dump_experiment, load_experiment, parse_experiment
from camagain.errors import UserError


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
        ("models", [{"name": "a", "architecture": "b"}] * 2, "models: the name 'a' is used twice"),
        ("models", [{"name": "baseline", "architecture": "b"}], "models: the name 'baseline' is kept"),
        ("models", [{"name": "a", "architecture": "b", "training": {"lr": 1}}], "models.0.training.lr: unknown key."),
        ("evaluation.threshold_step", 2, "evaluation.threshold_step: found 2"),
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
    with pytest.raises(UserError, match=r"broken\.yaml: not valid YAML"):
        load_experiment(tmp_path / "broken.yaml")


def test_yaml_numbers_without_a_point_are_numbers(tiny_values: dict):
    values = yaml.safe_load(yaml.safe_dump(changed(tiny_values, "training.learning_rate", "1e-3")))
    assert parse_experiment(values, "x").training.learning_rate == 0.001


def test_dumping_and_loading_changes_nothing(tiny_values: dict):
    experiment = parse_experiment(tiny_values, "x")
    assert parse_experiment(yaml.safe_load(dump_experiment(experiment)), "y") == experiment


def test_a_model_overrides_the_recipe_key_by_key(tiny_values: dict):
    override = {"epochs": 7, "augmentation": {"flip": 0.25}}
    models = [{"name": "a", "architecture": "b", "training": override}, {"name": "c", "architecture": "d"}]
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
