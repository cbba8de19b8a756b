"""Whether two runs may be compared at all, and what has to be said loudly before their numbers stand side by side."""

from typing import Any

from camagain.compare.runs.folder import RunFolder
from camagain.errors import UserError


def same_test_images(a: RunFolder, b: RunFolder) -> None:
    """UserError where two runs were measured on different images, or on the same with other boxes or labels."""
    one, other = a.dataset, b.dataset
    if same_test(one, other):
        return
    hint = ""
    if one["splits"] == other["splits"] and None in (fingerprint_of_test(one), fingerprint_of_test(other)):
        hint = " One of them was made before splits had fingerprints of their own: make it again to compare."
    raise UserError(
        f"{a} and {b} cannot be compared: they were measured on different images "
        f"({describe(one)} against {describe(other)}).{hint}"
    )


def same_test(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two descriptions of a dataset name the same test images, by their fingerprints."""
    test = fingerprint_of_test(one)
    return one.get("fingerprint") == other.get("fingerprint") or (
        test is not None and test == fingerprint_of_test(other)
    )


def fingerprint_of_test(dataset: dict[str, Any]) -> str | None:
    """The fingerprint of the test split; None where the dataset was described before splits had their own."""
    return (dataset.get("split_fingerprints") or {}).get("test")


def describe(dataset: dict) -> str:
    """A dataset in a few words."""
    return (
        f"'{dataset['name']}', {dataset['splits']['test']:,} test images of {len(dataset['classes'])} classes, "
        f"fingerprint {dataset['fingerprint'][:12]}"
    )


def notices(a: RunFolder, b: RunFolder) -> tuple[str, ...]:
    """What a reader has to know before the numbers, one sentence each, the gravest first."""
    return (*partial(a), *partial(b), *contents(a, b), *learning(a, b), *measuring(a, b))


def partial(run: RunFolder) -> list[str]:
    """A run in which models failed."""
    missing = run.manifest.get("missing_models") or {}
    return [f"{run} is partial: {model} has no results ({path} is not there)" for model, path in missing.items()]


def contents(a: RunFolder, b: RunFolder) -> list[str]:
    """Models, methods and analyses that one run alone was asked for."""
    asked: list[dict[str, set[str]]] = [
        {
            "model": {model["name"] for model in run.values["models"]},
            "method": set(run.values["localization"]["methods"]),
            "analysis": {name for name, value in (run.values.get("analysis") or {}).items() if value is not None},
        }
        for run in (a, b)
    ]
    found = []
    for what in asked[0]:
        for run, one, other in ((a, asked[0], asked[1]), (b, asked[1], asked[0])):
            only = sorted(one[what] - other[what])
            if only:
                found.append(f"only {run} has the {what} {', '.join(only)}")
    return found


def learning(a: RunFolder, b: RunFolder) -> list[str]:
    """Other training images, or trainings of another length: a run in miniature against a full one."""
    found = []
    one, other = a.dataset, b.dataset
    if one["splits"]["train"] != other["splits"]["train"]:
        found.append(f"trained on {one['splits']['train']:,} images against {other['splits']['train']:,}")
    elif one["fingerprint"] != other["fingerprint"]:
        found.append("the same test images, but another division of the rest into training and validation")
    epochs: list[dict[str, int]] = [
        {model["name"]: model["training"]["epochs"] for model in run.values["models"]} for run in (a, b)
    ]
    for model in sorted(epochs[0].keys() & epochs[1].keys()):
        if epochs[0][model] != epochs[1][model]:
            found.append(f"{model} was trained for {epochs[0][model]} epochs against {epochs[1][model]}")
    return found


def measuring(a: RunFolder, b: RunFolder) -> list[str]:
    """Scores that are not the same quantity: other maps, sizes or thresholds."""
    found = []
    for section in ("localization", "evaluation"):
        one, other = a.values[section], b.values[section]
        keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key) and key != "methods")
        if keys:
            values = "; ".join(f"{key} {one.get(key)} against {other.get(key)}" for key in keys)
            found.append(f"the scores are made in different ways: {section}: {values}")
    return found
