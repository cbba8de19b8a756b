"""GPU hours of experiments: by hand from the measured steps, and in proportion to counted operations."""

from pathlib import Path

import pytest

from camagain.config import Experiment
from camagain.config.file import load_experiment, parse_experiment
from camagain.cost import estimate, shape
from camagain.cost.estimate import CUB, cost_of, costs, operations, rate_of
from camagain.cost.show import cost_lines, hours, total_hours
from camagain.cost.steps import Step, measured_steps
from camagain.datasets.sizes import Sizes

SIZES = Sizes(train=3605, val=400, test=500, classes=2, fewest=1800)
"""A batch of 8 leaves out 5 images of an epoch."""


@pytest.fixture
def steps(monkeypatch):
    """Two measured networks: 100 and 50 images a second, 10 and 40 operations."""
    found = (
        Step("resnet50", 224, "fp32", 100.0, 16, 2.0, "a GPU"),
        Step("convnext_base", 224, "fp32", 50.0, 16, 4.0, "a GPU"),
        Step("resnet50", 224, "bf16", 200.0, 16, 1.5, "a GPU"),
    )
    counted = {"resnet50": 10, "convnext_base": 40, "resnet18": 5, "convnext_tiny": 20, "vgg16": 80}
    monkeypatch.setattr(estimate, "measured_steps", lambda: found)
    monkeypatch.setattr(estimate, "operations", lambda name, size: counted[name] * size**2 / 224**2)
    estimate.rate_of.cache_clear()
    yield
    estimate.rate_of.cache_clear()


def experiment(architecture: str, **training) -> Experiment:
    return parse_experiment(
        {
            "run": "cost",
            "seeds": [0, 1],
            "dataset": {"kind": "synthbirds"},
            "input": {"size": 224},
            "training": {"epochs": 10, "batch_size": 8, "learning_rate": 0.1, **training},
            "models": [{"name": "net", "architecture": architecture}],
        },
        "cost",
    )


def test_measured_networks_take_their_own_time(steps):
    made = experiment("resnet50.a1_in1k")
    cost = cost_of(made, made.models[0], SIZES)
    assert cost.images == 2 * 10 * 3600 and not cost.rate.derived
    assert cost.training_hours == pytest.approx(2 * 10 * 3600 / 100 / 3600)
    assert cost.localization_hours == pytest.approx(2 * 900 / 300 / 3600), "a forward pass is a third of a step"


def test_the_recipe_decides_on_the_step(steps):
    halved = experiment("resnet50", precision="bf16")
    assert cost_of(halved, halved.models[0], SIZES).training_hours == pytest.approx(10 * 2 / 200)
    growing = experiment("resnet50", epochs=3, first_size=96)  # 96, 160 and 224 px
    share = (96**2 + 160**2 + 224**2) / 224**2
    assert cost_of(growing, growing.models[0], SIZES).training_hours == pytest.approx(2 * share / 100)
    checkpointed = experiment("resnet50", gradient_checkpointing=True)
    assert cost_of(checkpointed, checkpointed.models[0], SIZES).training_hours == pytest.approx(20 / 100 * 4 / 3)


@pytest.mark.parametrize(
    ("architecture", "size", "rate"),
    [
        ("resnet18", 224, 200),  # half the operations of its family's
        ("resnet50", 448, 25),  # four times as many
        ("convnext_tiny", 224, 100),
        ("vgg16", 224, 12.5),  # of no family: from ResNet's 1,000 operations a second, not ConvNeXt's 2,000
    ],
)
def test_other_networks_are_slower_by_their_operations(steps, architecture: str, size: int, rate: float):
    found = rate_of(architecture, size, "fp32")
    assert found.derived and found.images_per_second == pytest.approx(rate)


def test_further_trainings_count(steps):
    made = experiment("convnext_base")
    values = made.model_dump(mode="json")
    values["analysis"] = {"interventions": {"models": ["net"], "enlarge": [13, 31], "seeds": 2, "epochs": 3}}
    more = parse_experiment(values, "more")
    # Own kernels and two sizes, two seeds, three epochs each, of each of the two trainings.
    assert cost_of(more, more.models[0], SIZES).images == 2 * 3600 * (10 + 3 * 2 * 3)


def test_operations_are_multiplications_and_additions():
    """ResNet-50 at 224 px has 4.09 G multiply-adds (He et al. 2016, with the stride in the 3 x 3 convolution)."""
    assert operations("resnet50", 224) == pytest.approx(2 * 4.09e9, rel=0.01)
    assert operations("resnet50", 448) == pytest.approx(4 * operations("resnet50", 224), rel=0.01)


@pytest.mark.parametrize("network", shape.stored())
def test_stored_shapes_are_those_of_the_networks(network: tuple[str, int]):
    """Delete the line of src/camagain/cost/shapes.csv that does not hold, and run `make docs`."""
    assert shape.stored()[network] == shape.found(*network)


def test_every_measured_network_has_a_stored_shape():
    assert {(step.architecture, step.size) for step in measured_steps()} == set(shape.stored())


def test_full_scale_is_said_in_hours(root: Path):
    made = load_experiment(root / "config/experiments/finetune.yaml")
    found = costs(made, CUB)
    assert 1.5 < total_hours(found) < 4
    lines = cost_lines(made, CUB)
    assert len(lines) == 3 and lines[0].startswith(hours(total_hours(found)))
    assert "598,400 images" in lines[1] and "(measured, bf16)" in lines[1]


def test_times_in_words():
    assert [hours(value) for value in (80.9, 2.46, 0.4, 0.001)] == [
        "81 hours", "2.5 hours", "24 minutes", "about a minute"
    ]  # fmt: skip
