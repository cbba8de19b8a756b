"""What a job asks of a scheduler: no measured job would have been ended, a second attempt asks for twice as much."""

from pathlib import Path

import pytest

from camagain import stages
from camagain.artifacts import read_json
from camagain.config import Experiment
from camagain.config.experiment import trainings
from camagain.config.file import load_experiment, parse_experiment
from camagain.cost.estimate import CUB, cost_of
from camagain.cost.jobs import LEAST_MB, LEAST_MINUTES, MARGIN_TIME, measured_jobs, need
from camagain.cost.memory import GIB, JOB_GIB, step_memory
from camagain.datasets.sizes import Sizes

QUIET = ("cub27", "demo", "imagenet300")
"""References that were recorded while their machine did little else; times of the others are those of a loaded one."""


def reference(root: Path, name: str) -> tuple[Experiment, Sizes]:
    folder = root / "results" / "reference" / name
    found = read_json(folder / "manifest.json")["dataset"]
    splits = found["splits"]
    sizes = Sizes(splits["train"], splits["val"], splits["test"], len(found["classes"]), 1)
    return load_experiment(folder / "experiment.yaml"), sizes


@pytest.mark.parametrize("name", sorted({job.run for job in measured_jobs()}))
def test_no_job_of_a_reference_would_have_been_ended(root: Path, name: str):
    experiment, sizes = reference(root, name)
    for job in measured_jobs():
        if job.run == name:
            of_training = stages.stages()[job.stage].of_training
            asked = [
                need(experiment, sizes, job.stage, training)
                for training in (trainings(experiment.model_dump()) if of_training else [""])
            ]
            assert max(each.mem_mb for each in asked) > job.mb, job
            assert name not in QUIET or max(60 * each.runtime for each in asked) > job.seconds, job


def test_the_memory_of_a_training_is_not_far_above_the_measured_one(root: Path):
    """EfficientNet-Lite0 at 224 px, batch 32: few operations, and large maps that are kept for the backward pass.

    It is of no measured family. Derived from operations its training took a third of what it took.
    """
    values = load_experiment(root / "config" / "experiments" / "cub-folder.yaml").model_dump(mode="json")
    recipe = {**values["training"], "batch_size": 32}
    model = {"name": "lite0", "architecture": "tf_efficientnet_lite0", "training": recipe}
    experiment = parse_experiment({**values, "training": recipe, "models": [model]}, "lite0")
    assert experiment.input.size == 224
    computed = (JOB_GIB + step_memory(experiment, experiment.models[0]).gib) * GIB / 1e6
    assert MEASURED_MB < computed < 1.6 * MEASURED_MB


MEASURED_MB = 3961
"""The peak of that training on one thread, as Snakemake noted it (27 classes of CUB, all layers trained)."""


def test_every_stage_asks_and_asks_for_more_at_each_attempt(tiny_values: dict):
    experiment = parse_experiment(tiny_values, "tiny")
    for stage in stages.stages():
        for training in {training for training, _ in stages.jobs(experiment, stage)}:
            first, second, third = (need(experiment, CUB, stage, training, attempt) for attempt in (1, 2, 3))
            assert first.mem_mb >= LEAST_MB and first.runtime >= LEAST_MINUTES
            for what in ("mem_mb", "runtime"):
                ratios = getattr(second, what) / getattr(first, what), getattr(third, what) / getattr(first, what)
                assert ratios == pytest.approx((2, 4), rel=0.02), (stage, what)


def test_a_training_on_a_gpu_asks_for_the_computed_hours(root: Path):
    experiment = load_experiment(root / "config/experiments/finetune.yaml")
    model = experiment.models[0]
    hours = cost_of(experiment, model, CUB).training_hours
    found = need(experiment, CUB, "finetune", experiment.trainings[0])
    assert found.runtime == pytest.approx(60 * hours * MARGIN_TIME, abs=1)


def test_larger_inputs_and_batches_ask_for_more(tiny_values: dict):
    def asked(stage: str = "finetune", **changes: dict) -> tuple[int, int]:
        values = {key: {**tiny_values[key], **changes.get(key, {})} for key in ("input", "training", "compute")}
        experiment = parse_experiment({**tiny_values, **values}, "tiny")
        found = need(experiment, CUB, stage, "small-resnet")
        return found.mem_mb, found.runtime

    memory, time = asked()
    assert asked(input={"size": 384})[0] > memory and asked(input={"size": 384})[1] > time
    assert asked(training={"batch_size": 600})[0] > memory
    assert asked(training={"epochs": 2000})[1] > time
    assert asked(compute={"device": "cpu", "workers": 4})[0] > memory
    assert asked("localize", input={"size": 384})[0] > asked("localize")[0]


def test_reports_of_many_trainings_ask_for_more(tiny_values: dict):
    few = parse_experiment(tiny_values, "few")
    many = parse_experiment({**tiny_values, "seeds": list(range(200))}, "many")
    for stage in ("tables", "figures"):
        assert need(many, CUB, stage).mem_mb > need(few, CUB, stage).mem_mb
        assert need(many, CUB, stage).runtime > need(few, CUB, stage).runtime
    assert need(many, CUB, "evaluate", "small-resnet/seed3") == need(few, CUB, "evaluate", "small-resnet")


def test_gpus_follow_device_and_processes(tiny_values: dict):
    def gpus(**compute) -> dict[str, int]:
        training = {**tiny_values["training"], "batch_size": 8}
        values = {**tiny_values, "training": training, "compute": {**tiny_values["compute"], **compute}}
        experiment = parse_experiment(values, "tiny")
        return {stage: stages.gpus(experiment, stage) for stage in stages.stages()}

    assert set(gpus(device="cpu").values()) == {0}
    asked = gpus(device="auto", processes=2)
    assert {stage for stage, count in asked.items() if count == 2} == {"finetune", "interventions"}
    assert asked["localize"] == asked["erf"] == 1
    assert not any(asked[stage] for stage in ("data", "evaluate", "tables", "manifest"))
