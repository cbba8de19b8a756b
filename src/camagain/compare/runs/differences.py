"""What two runs were made from and with, where it is not the same: settings, code, packages, machine, data, weights."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from camagain.compare.runs.folder import RunFolder

Matter = Literal["settings", "data", "weights", "code", "packages", "machine"]
SOURCES = "sources of "
"""Begins the name of a difference in the code behind one stage."""

TRAINED = "trained with "
"""Begins the name of a difference in the processor or the libraries that trained the models."""

UNCOMPARED_KEYS = ("run", "purpose")
"""Keys of an experiment that change no number."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same: "settings", "training.epochs", 5, 100."""

    matter: Matter
    name: str
    a: object
    b: object

    def __str__(self) -> str:
        a, b = unlike_words(self.a, self.b)
        return f"{self.name}: {shown(a)} against {shown(b)}"

    def __hash__(self) -> int:
        return hash((self.matter, self.name))  # values may be lists


def differences(a: RunFolder, b: RunFolder) -> tuple[Difference, ...]:
    """Everything recorded of both runs that differs, in the order in which people look for a cause."""
    one, other = a.manifest, b.manifest
    found = [*setting_differences(a.values, b.values)]
    for name in ("fingerprint", "images", "splits", "archive"):
        found += [Difference("data", f"dataset {name}", *pair) for pair in unequal(a.dataset, b.dataset, name)]
    models = sorted(set(one.get("models", {})) & set(other.get("models", {})))
    for model in models:
        cards = one["models"][model], other["models"][model]
        for name in ("architecture", "starting_weights", "parameters"):
            found += [Difference("weights", f"{model}: {name}", *pair) for pair in unequal(*cards, name)]
    for stage in one.get("code", {}):
        if stage in other.get("code", {}):
            pairs = unequal(one["code"], other["code"], stage)
            found += [Difference("code", f"{SOURCES}{stage}", *pair) for pair in pairs]
    found += [Difference("code", "git commit", *pair) for pair in unequal(one.get("git"), other.get("git"), "commit")]
    modified = unequal(one.get("git"), other.get("git"), "modified")
    found += [Difference("code", "uncommitted changes", *pair) for pair in modified]
    for name in sorted(set(one["packages"]) | set(other["packages"])):
        found += [Difference("packages", name, *pair) for pair in unequal(one["packages"], other["packages"], name)]
    machines = machine(a), machine(b)
    for name in sorted(set(machines[0]) & set(machines[1])):  # one that a run does not record is no difference
        found += [Difference("machine", name, *pair) for pair in unequal(*machines, name)]
    trained = trained_with(a, models), trained_with(b, models)
    for name in sorted(set(trained[0]) & set(trained[1])):
        found += [Difference("machine", f"{TRAINED}{name}", *pair) for pair in unequal(*trained, name)]
    devices = [
        {model: run["models"][model].get("device") for model in models} if models else {} for run in (one, other)
    ]
    if devices[0] != devices[1]:
        pair = (sorted(set(map(str, side.values()))) for side in devices)
        found.append(Difference("machine", "device", *(", ".join(names) for names in pair)))
    return tuple(found)


def machine(run: RunFolder) -> dict[str, Any]:
    """What a run records of the machine that finished it."""
    return run.manifest.get("machine") or {}


def trained_with(run: RunFolder, models: Sequence[str]) -> dict[str, str]:
    """What a run records of the processors and libraries that trained its models, as far as all of them have it."""
    records = [run.manifest["models"][model].get("arithmetic") or {} for model in models]
    shared = set.intersection(*map(set, records)) if records else set()
    return {name: ", ".join(sorted({record[name] for record in records})) for name in shared}


RECORDED = ("processor", "vendor", "family", "model", "stepping", "instruction_sets", "libc", "code_path")
"""Traits of a machine that can change the last digits of a number."""

TRAINED_RECORD = ("instruction_sets", "torch_capability", "mkl", "onednn", "code_path")
"""The same of a training."""


def not_recorded(a: RunFolder, b: RunFolder) -> tuple[str, ...]:
    """What can change the last digits and was not recorded of both runs: what their records cannot rule out."""
    models = sorted(set(a.manifest.get("models", {})) & set(b.manifest.get("models", {})))
    machines, trained = (machine(a), machine(b)), (trained_with(a, models), trained_with(b, models))
    missing = [name for name in RECORDED if any(name not in side for side in machines)]
    if models:
        missing += [f"{TRAINED}{name}" for name in TRAINED_RECORD if any(name not in side for side in trained)]
    return tuple(missing)


def setting_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    """The keys of two experiments that differ, as dotted paths; models by name and not by their place."""
    one, other = (
        dict(flat({key: value for key, value in values.items() if key not in UNCOMPARED_KEYS})) for values in (a, b)
    )
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key):
            yield Difference("settings", key, one.get(key), other.get(key))


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested settings with its dotted path; lists of named things go by their names."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(entry, Mapping) and "name" in entry for entry in value):
        for entry in value:
            yield from flat(dict(entry), f"{path}[{entry['name']}]")
    else:
        yield path, value


def unequal(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None, name: str) -> list[tuple[Any, Any]]:
    """Both values of one key where they differ, as a list of at most one pair."""
    one, other = (a or {}).get(name), (b or {}).get(name)
    return [] if one == other else [(one, other)]


def unlike_words(a: object, b: object) -> tuple[object, object]:
    """Of two texts, one of them long, such as lists of instruction sets, the words that one alone has; else both."""
    if not (isinstance(a, str) and isinstance(b, str) and max(len(a), len(b)) > SHOWN):
        return a, b
    words, others = a.split(), b.split()
    less = " ".join(word for word in words if word not in others)
    more = " ".join(word for word in others if word not in words)
    return (less or "nothing more", more or "nothing more") if less or more else (a, b)


SHOWN = 60
"""Characters of a value that are shown."""


def shown(value: object) -> str:
    """A value in a few characters."""
    if value is None:
        return "none"
    text = str(value)
    long_digest = len(text) in (40, 64) and all(letter in "0123456789abcdef" for letter in text)
    return text[:12] if long_digest else text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
