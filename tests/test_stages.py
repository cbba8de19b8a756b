"""The stages: each names its modules, settings and files, and reads nothing else of the experiment."""

from fnmatch import fnmatchcase
from itertools import chain

import pytest

from camagain.artifacts import INSIDE
from camagain.config import ANALYSES, Experiment
from camagain.config.base import UndeclaredSetting, restricted
from camagain.config.file import parse_experiment
from camagain.errors import UserError
from camagain.provenance import module_file
from camagain.stages import (
    above,
    files,
    inputs_by_job,
    inside,
    jobs,
    patterns,
    settings_text,
    stage_settings,
    stage_view,
    stages,
)


@pytest.fixture(scope="module")
def experiment(tiny_values: dict) -> Experiment:
    return parse_experiment(tiny_values, "tiny")


@pytest.fixture(scope="module")
def two_seeds(tiny_values: dict) -> Experiment:
    return parse_experiment({**tiny_values, "seeds": [3, 5]}, "tiny")


@pytest.fixture(scope="module")
def values(experiment: Experiment) -> dict:
    return experiment.model_dump(mode="json")


def test_every_module_and_setting_of_a_stage_exists(experiment: Experiment):
    every = experiment.analysis.model_copy(update={"names": ANALYSES})  # those that need an optional package, too
    experiment = experiment.model_copy(update={"analysis": every})
    for name, stage in stages().items():
        assert all(module_file(module) for module in stage.code), name
        assert all(other in stages() for other in stage.reads), name
        training = next(iter(jobs(experiment, name)))[0]
        stage_view(experiment, name, training)  # raises for a key that there is not
    assert set(ANALYSES) <= set(stages())


def test_a_stage_is_made_after_all_that_it_reads():
    names = list(stages())
    for name, stage in stages().items():
        assert all(names.index(other) < names.index(name) for other in stage.reads), name
    assert above("evaluate") == {"localize", "finetune", "data"}


def test_a_run_holds_what_its_stages_declare_and_nothing_else(tiny_run):
    experiment, paths = tiny_run
    expected = [file for name in stages() if name != "data" for file in files(experiment, name)]
    found = [path.relative_to(paths.results).as_posix() for path in paths.root.rglob("*") if path.is_file()]
    snapshots = [file for file in found if "/snapshots/" in file]
    assert sorted(f"results/{file}" for file in found if file not in snapshots) == sorted(expected)
    assert len(expected) == len(set(expected))


def test_every_file_of_a_run_fits_one_pattern_of_its_stage(experiment: Experiment):
    for name, stage in stages().items():
        for file in files(experiment, name) if name != "data" else []:
            below = file.removeprefix("results/tiny/")
            assert any(fnmatchcase(below, inside(entry)) for entry in stage.writes), below


def test_inputs_are_what_the_stages_before_it_write(experiment: Experiment):
    made = {pattern for name in stages() for pattern in patterns(experiment, name)}
    for name, stage in stages().items():
        assert stage.of_training is False or {*chain(*inputs_by_job(experiment, name))} <= made
    assert set(files(experiment, "erf")) <= {*chain(*inputs_by_job(experiment, "tables"))}


def test_with_several_seeds_every_training_has_a_folder_of_its_own(two_seeds: Experiment):
    assert two_seeds.trainings == (
        "small-resnet/seed3", "small-resnet/seed5", "small-convnext/seed3", "small-convnext/seed5",
    )  # fmt: skip
    assert f"results/tiny/{INSIDE.card('small-resnet/seed5')}" in files(two_seeds, "finetune")
    assert f"results/tiny/{INSIDE.metrics('small-resnet/seed5', 'cam')}" in files(two_seeds, "evaluate")
    assert f"results/tiny/{INSIDE.status('interventions', 'small-convnext/seed3', 'shrunk')}" in files(
        two_seeds, "interventions"
    )
    view = stage_view(two_seeds, "finetune", "small-resnet/seed5")
    assert view.training_seed == 5 and [model.name for model in view.models] == ["small-resnet"]
    with pytest.raises(UserError, match=r"no model 'small-resnet'.*Did you mean 'small-resnet/seed"):
        stage_view(two_seeds, "finetune", "small-resnet")


def test_a_stage_reads_its_settings_alone(values: dict):
    assert set(stage_settings(values, "localize")) == {"localization", "compute"}
    before = settings_text(values, "localize")
    assert settings_text({**values, "seed": 7}, "localize") == before
    assert settings_text({**values, "localization": {}}, "localize") != before


def test_reading_another_setting_raises(experiment: Experiment):
    view = stage_view(experiment, "localize", "small-resnet")
    assert view.localization == experiment.localization
    for key in ("seed", "evaluation", "analysis"):
        with pytest.raises(UndeclaredSetting, match=f"'{key}' of Experiment, which it does not declare"):
            getattr(view, key)
    part = stage_view(experiment, "interventions", "small-convnext")
    assert part.analysis.erf.images == experiment.analysis.erf.images
    with pytest.raises(UndeclaredSetting):
        part.analysis.texture  # noqa: B018
    assert experiment.analysis.texture  # the experiment itself is whole


def test_a_view_stays_one_when_it_is_copied_or_sent_to_another_process(experiment: Experiment):
    import pickle

    view = pickle.loads(pickle.dumps(restricted(experiment, ["seed", "analysis.erf"])))
    for copy in (view, view.model_copy(update={"seed": 4})):
        assert copy.analysis.erf == experiment.analysis.erf
        with pytest.raises(UndeclaredSetting):
            copy.input  # noqa: B018


def test_a_training_reads_its_own_model_and_seed_and_no_other(values: dict):
    changed = {**values, "models": [{**entry} for entry in values["models"]]}
    changed["models"][1]["training"] = {}
    first, second = (entry["name"] for entry in values["models"])
    assert settings_text(changed, "finetune", first) == settings_text(values, "finetune", first)
    assert settings_text(changed, "finetune", second) != settings_text(values, "finetune", second)
    seeds = [settings_text({**values, "seeds": [1, 2]}, "finetune", f"{first}/seed{seed}") for seed in (1, 2)]
    assert seeds[0] != seeds[1]
    assert seeds[0] == settings_text({**values, "seeds": [1, 2, 3]}, "finetune", f"{first}/seed1")


def test_an_analysis_reads_its_own_settings_and_those_that_it_declares(values: dict):
    changed = {**values, "analysis": {**values["analysis"], "erf": {"images": 7}}}
    for stage in ("erf", "interventions"):
        assert settings_text(changed, stage, "m") != settings_text(values, stage, "m"), stage
    assert settings_text(changed, "texture", "m") == settings_text(values, "texture", "m")


def test_what_has_no_effect_does_not_count(values: dict):
    changed = {**values, "compute": {**values["compute"], "workers": 17}}
    assert settings_text(changed, "finetune", "m") == settings_text(values, "finetune", "m")
