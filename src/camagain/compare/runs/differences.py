"""What two runs were made from and with, where it is not the same: settings, code, packages, machine, data, weights."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from camagain.compare.runs.folder import RunFolder

Matter = Literal["settings", "data", "weights", "code", "packages", "machine"]
SOURCES = "sources of "
"""Begins the name of a difference in the code behind one stage."""

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
        return f"{self.name}: {shown(self.a)} against {shown(self.b)}"


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
    machines = one.get("machine") or {}, other.get("machine") or {}
    for name in sorted(set(machines[0]) | set(machines[1])):
        found += [Difference("machine", name, *pair) for pair in unequal(*machines, name)]
    devices = [
        {model: run["models"][model].get("device") for model in models} if models else {} for run in (one, other)
    ]
    if devices[0] != devices[1]:
        pair = (sorted(set(map(str, side.values()))) for side in devices)
        found.append(Difference("machine", "device", *(", ".join(names) for names in pair)))
    return tuple(found)


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


def shown(value: object) -> str:
    """A value in a few characters."""
    if value is None:
        return "none"
    text = str(value)
    long_digest = len(text) in (40, 64) and all(letter in "0123456789abcdef" for letter in text)
    return text[:12] if long_digest else text if len(text) <= 60 else f"{text[:57]}..."
