"""What an evaluation leaves open: every combination of choices, and which stored maps each one needs."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import product
from typing import Any, NamedTuple, cast

from camagain.evaluation.score_maps import SCRIPT_SIZE, Interpolation, Variant


@dataclass(frozen=True)
class Choices:
    """One value for every choice that is left open: a way of evaluating."""

    size: int  # pixels at which boxes are compared
    class_choice: str  # "predicted" or "true": whose map it is
    variant: str  # "published" or "described"
    tap: str  # "before-norm" or "after-norm"
    interpolation: str  # "linear" or "cubic"
    threshold_step: float
    contours: str  # "largest" or "all"
    threshold: str  # "best" of the split, "fixed-0.2" of the maximum, or "per-image"

    def changed(self, base: "Choices") -> str:
        """Which choices differ from another way, as "size: 224 → 384"; empty where none does."""
        return ", ".join(
            f"{field.name}: {getattr(base, field.name)} → {getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(base, field.name)
        )


ALTERNATIVES: dict[str, tuple[Any, ...]] = {
    "size": (224, 384),
    "class_choice": ("predicted", "true"),
    "variant": ("published", "described"),
    "tap": ("before-norm", "after-norm"),
    "interpolation": ("linear", "cubic"),
    "threshold_step": (0.001, 0.01),
    "contours": ("largest", "all"),
    "threshold": ("best", "fixed-0.2", "per-image"),
}
"""Other values of each choice, as in papers, their code and wsolevaluation.

The threshold of 0.2 of the maximum is that of Zhou et al. (CVPR 2016), and of the papers before Choe et al. (2020).
The best threshold of each image, which needs that image's true box, is no way of evaluating but a common mistake.
"""

FIXED = 0.2
"""The threshold of Zhou et al. (CVPR 2016, section 3.2), a share of the map's maximum."""


def ways_from(base: Choices, extent: str) -> Iterator[Choices]:
    """The base, and then every way that differs from it in one choice, or in any."""
    options = {
        name: (getattr(base, name), *(value for value in values if value != getattr(base, name)))
        for name, values in ALTERNATIVES.items()
    }
    for values in product(*options.values()):
        way = Choices(**dict(zip(options, values, strict=True)))
        differing = sum(getattr(way, name) != getattr(base, name) for name in options)
        if differing <= 1 or extent == "all-combinations":
            yield way


def map_name(method: str, way: Choices, base: Choices) -> str:
    """The name of the maps that a way needs, as `localization.methods` gives it whether they are stored or not."""
    name = f"{method}-gt" if way.class_choice == "true" else method
    for choice in ("variant", "tap"):
        if getattr(way, choice) != getattr(base, choice):
            name = f"{name}.{getattr(way, choice)}"
    return name


class Finished(NamedTuple):
    """Stored maps, and how they are finished: one sweep answers all ways that agree in this."""

    maps: str  # their name in maps.npz
    size: int
    interpolation: Interpolation
    variant: Variant


def finished(method: str, way: Choices, base: Choices) -> Finished:
    """The maps that a way needs, finished as it says."""
    as_saved = way.variant == "published" and way.size == SCRIPT_SIZE  # the script's maps, which nothing resizes
    interpolation = "linear" if as_saved else way.interpolation
    return Finished(
        map_name(method, way, base), way.size, cast(Interpolation, interpolation), cast(Variant, way.variant)
    )


def contours_of(score: str, way: Choices, base: Choices) -> str:
    """MaxBoxAccV2 takes all contours by definition; there the changed choice is the largest alone."""
    if score == "max_box_acc":
        return way.contours
    return "all" if way.contours == base.contours else base.contours
