"""The declaration in the `settings.py` of an analysis, which makes it a stage of a run with its rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from camagain.config.base import Settings


@dataclass(frozen=True)
class AnalysisStage:
    """One analysis as a stage.

    `place` orders the report. `reads` names the stages whose files it reads; `may_read` the settings that it may read
    besides its own, as dotted keys (see `camagain.stages`). An analysis runs once for each training of each model;
    `models` limits it to some models, and `jobs` splits it into several jobs, each with a folder of its own.
    """

    place: int
    what: str  # the description of its settings
    reads: tuple[str, ...]
    may_read: tuple[str, ...]
    settings: type[Settings] | None = None
    arrays: str = ""  # what `arrays.npz` holds; empty where there is none
    gpu: bool = False
    trains: bool = False  # whether it trains networks further, in `compute.processes` processes
    package: str = ""  # the optional package that it needs; an experiment then has to name it to have it
    models: Callable[[Any], tuple[str, ...]] | None = None  # its settings -> names
    jobs: Callable[[Any], tuple[str, ...]] | None = None  # its settings -> names
