"""Which models differ in kernel size alone."""

from pathlib import Path

import pytest

from camagain.config.file import load_experiment, parse_experiment
from camagain.drawing.kernel_series import kernel_series

SIZES = [3, 5, 7, 13, 21, 31, 51]


def convnext(side: int, name: str = "", **other) -> dict:
    """A model with K x K kernels."""
    return {
        "name": name or f"c{side}",
        "architecture": "convnext_narrow",
        "options": {"kernel_sizes": side, **other.pop("options", {})},
        **other,
    }


def series_of(tiny_values: dict, *models: dict) -> dict[str, dict[str, int]]:
    analysis = {"names": ["erf"]}
    return kernel_series(parse_experiment({**tiny_values, "models": list(models), "analysis": analysis}, "tiny"))


def test_the_shipped_experiment_has_two_series_of_every_size(root: Path):
    found = kernel_series(load_experiment(root / "config" / "experiments" / "kernels.yaml"))
    assert list(found) == ["ConvNeXt", "RepLKNet"]
    assert [list(members.values()) for members in found.values()] == [SIZES, SIZES]
    assert found["RepLKNet"]["replknet-21"] == 21


@pytest.mark.parametrize("name", ["config.yaml", "experiments/teaser.yaml", "experiments/zoo.yaml"])
def test_other_experiments_have_none(root: Path, name: str):
    assert kernel_series(load_experiment(root / "config" / name)) == {}


def test_the_smallest_kernels_come_first(tiny_values: dict):
    assert list(series_of(tiny_values, *map(convnext, (7, 3, 5)))["ConvNeXt"]) == ["c3", "c5", "c7"]


@pytest.mark.parametrize(
    "third",
    [
        convnext(7, training={"epochs": 9}),
        convnext(7, options={"depths": [1, 1, 1, 1]}),
        convnext(5, name="again"),
        {"name": "mixed", "architecture": "convnext_narrow", "options": {"kernel_sizes": [7, 7, 7, 3]}},
        {"name": "own", "architecture": "convnext_narrow"},
        {"name": "slak", "architecture": "slak_tiny", "options": {"kernels": 51}},
    ],
    ids=lambda model: model["name"],
)
def test_two_sizes_and_a_model_that_differs_in_more_are_no_series(tiny_values: dict, third: dict):
    assert series_of(tiny_values, convnext(3), convnext(5), third) == {}


def test_two_series_of_one_family_are_told_apart(tiny_values: dict):
    wide = {"options": {"dims": [32, 48, 96, 128]}}
    models = [convnext(side, f"{name}{side}", **more) for name, more in (("a", {}), ("b", wide)) for side in (3, 5, 7)]
    assert [list(members) for members in series_of(tiny_values, *models).values()] == [
        ["a3", "a5", "a7"],
        ["b3", "b5", "b7"],
    ]
