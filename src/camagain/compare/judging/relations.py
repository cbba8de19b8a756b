"""How the same training relates in two runs: the same weights, the same but for rounding, or trained anew.

What relates them decides what chance can do, and so what a difference means.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from camagain.artifacts import INSIDE
from camagain.compare.runs.causes import inputs_of
from camagain.compare.runs.differences import Difference
from camagain.compare.runs.folder import RunFolder
from camagain.config import BASELINE
from camagain.statistics.tolerances import FORWARD_PASS

SEED = re.compile(r"/seed\d+(?=/|$)")
"""What tells the trainings of one model apart: "resnet/seed1"."""


class Relation(IntEnum):
    """From strict to loose; the worst one holds for a row about several trainings."""

    EXACT = 0  # nothing may differ but the last digits of sums
    ROUNDED = 1  # the same weights computed otherwise: single precision leaves its traces
    RETRAINED = 2  # other weights: trainings scatter


@dataclass(frozen=True)
class Relations:
    """The relations of all trainings: of their maps and what is made of them, and of what analyses compute anew.

    `accidental`: trainings whose weights may differ by the seed, the processor or a package. `common`: those that both
    runs have.
    """

    maps: Mapping[str, Relation]
    analyses: Mapping[str, Relation]
    accidental: frozenset[str]
    common: frozenset[str]

    def is_common(self, name: str) -> bool:
        """Whether both runs have a training, or the one that a job is of."""
        return any(name == training or name.startswith(f"{training}/") for training in self.common)

    def of(self, name: str, of_analysis: bool = False) -> Relation:
        """Of one training, or of a job of one; of what names none, or one that only one run has, the loosest."""
        known = self.analyses if of_analysis else self.maps
        while name not in known and "/" in name:
            name = name.rpartition("/")[0]
        return known.get(name, max(known.values()))


def model_of(name: str) -> str:
    """A training, or a path with one, without its seed: "resnet/seed1" -> "resnet"."""
    return SEED.sub("", name) if "/seed" in name else name


def relations(a: RunFolder, b: RunFolder, known: Sequence[Difference]) -> Relations:
    """The relations of two runs on the same test images. `known`: everything recorded of them that differs."""
    names = sorted(set(a.manifest.get("models", {})) | set(b.manifest.get("models", {})))
    same_data = a.dataset["fingerprint"] == b.dataset["fingerprint"]  # else thresholds were chosen on other images
    maps = {BASELINE: Relation.EXACT if same_data else Relation.RETRAINED}
    analyses, accidental = dict(maps), set()
    for name in names:
        reasons = {stage: inputs_of(a, b, stage, name, known) for stage in ("finetune", "localize")}
        if any(found.matter in ("machine", "packages") for found in reasons["finetune"]) or seeds_of(a) != seeds_of(b):
            accidental.add(name)
        elsewhere = any(found.matter in ("machine", "packages") for found in reasons["localize"])
        if not same_data or not same_file(a, b, INSIDE.weights(name).as_posix(), name):
            maps[name] = analyses[name] = Relation.RETRAINED
            continue
        analyses[name] = Relation.ROUNDED if elsewhere else Relation.EXACT
        maps[name] = maps_relation(a, b, INSIDE.maps(name).as_posix(), elsewhere)
    sides = [set(run.manifest.get("models", {})) for run in (a, b)]
    return Relations(maps, analyses, frozenset(accidental), frozenset({BASELINE, *(sides[0] & sides[1])}))


def seeds_of(run: RunFolder) -> tuple[object, ...]:
    return run.values.get("seed"), tuple(run.seeds)


def same_file(a: RunFolder, b: RunFolder, file: str, training: str) -> bool:
    """Whether both runs had the same weights, by the digests of the files or else those in the manifests."""
    digests = [run.digest(file) for run in (a, b)]
    if None in digests:
        digests = [(run.manifest.get("models", {}).get(training) or {}).get("sha256") for run in (a, b)]
    return digests[0] == digests[1] is not None


def maps_relation(a: RunFolder, b: RunFolder, file: str, elsewhere: bool) -> Relation:
    """The relation of the score maps of one network with the same weights.

    Rounding is established where both runs keep maps that differ by no more than single precision leaves. Where one
    does not keep them, it is granted only to another processor or other packages (`elsewhere`).
    """
    if a.digest(file) == b.digest(file):
        return Relation.EXACT
    if not (a.has(file) and b.has(file)):
        return Relation.ROUNDED if elsewhere else Relation.EXACT
    methods = sorted({method for run in (a, b) for method in run.values["localization"]["methods"]})
    ours, theirs = (run.arrays(file, *methods, "image_id") for run in (a, b))
    alike = ours.keys() == theirs.keys() and all(
        ours[name].shape == theirs[name].shape
        and (name == "image_id" or np.abs(ours[name] - theirs[name]).max(initial=0) <= FORWARD_PASS)
        for name in ours
    )
    return Relation.ROUNDED if alike and (ours["image_id"] == theirs["image_id"]).all() else Relation.EXACT
