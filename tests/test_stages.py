"""The stages: each has its modules, and reads what it names of the experiment and nothing else."""

import pytest

from camagain.config import ANALYSES
from camagain.config.file import parse_experiment
from camagain.provenance import module_file
from camagain.stages import STAGES, settings_text, stage_settings


@pytest.fixture(scope="module")
def values(tiny_values: dict) -> dict:
    return parse_experiment(tiny_values, "tiny").model_dump(mode="json")


def test_every_module_and_section_of_a_stage_exists(values: dict):
    for stage in STAGES.values():
        assert all(module_file(module) for module in stage.modules)
        assert set(stage.sections) <= set(values)
    assert set(ANALYSES) <= set(STAGES)


def test_a_stage_reads_its_sections_alone(values: dict):
    assert set(stage_settings(values, "localize")) == {"localization", "compute"}
    before = settings_text(values, "localize")
    assert settings_text({**values, "seed": 7}, "localize") == before
    assert settings_text({**values, "localization": {}}, "localize") != before


def test_a_training_reads_its_own_model_and_no_other(values: dict):
    changed = {**values, "models": [{**entry} for entry in values["models"]]}
    changed["models"][1]["training"] = {}
    first, second = (entry["name"] for entry in values["models"])
    assert settings_text(changed, "finetune", first) == settings_text(values, "finetune", first)
    assert settings_text(changed, "finetune", second) != settings_text(values, "finetune", second)


def test_an_analysis_reads_its_own_settings(values: dict):
    changed = {**values, "analysis": {**values["analysis"], "erf": {}}}
    assert settings_text(changed, "erf") != settings_text(values, "erf")
    assert settings_text(changed, "texture") == settings_text(values, "texture")


def test_what_has_no_effect_does_not_count(values: dict):
    changed = {**values, "compute": {**values["compute"], "workers": 17}}
    assert settings_text(changed, "finetune") == settings_text(values, "finetune")
