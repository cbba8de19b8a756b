"""Which tables, figures and parts a run has, known without importing what makes them: Snakemake asks at every start."""

from collections.abc import Mapping

from camagain.config import ANALYSES, Experiment
from camagain.drawing.recipes import recipe_groups

TIMINGS = ("speed",)
"""Tables of wall times: different in every run, and no result."""

TABLE_NAMES = (
    "localization",
    "top-loc",
    "paired-tests",
    "evaluation-choices",
    "model-zoo",
    "wsol-methods",
    "models",
    *TIMINGS,
)
FIGURE_NAMES = ("heatmaps", "families", "threshold-curves", "evaluation-choices", "training", "cam-diagram")
"""What every run has; each analysis that it makes adds its own."""

ANALYSIS_TABLES: Mapping[str, tuple[str, ...]] = {name: (name,) for name in ANALYSES}
ANALYSIS_FIGURES: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in ANALYSES},
    "erf": ("erf", "erf-localization"),
}


def table_names(experiment: Experiment) -> tuple[str, ...]:
    """The tables of a run, in the order of its report; `augmentation` where models differ in their training alone."""
    return own_tables(experiment) + tuple(
        table for name in experiment.analysis.names for table in ANALYSIS_TABLES[name]
    )


def own_tables(experiment: Experiment) -> tuple[str, ...]:
    """The tables that belong to no analysis."""
    return TABLE_NAMES + (("augmentation",) if recipe_groups(experiment) else ())


def figure_names(experiment: Experiment) -> tuple[str, ...]:
    """The figures of a run, in the order of its report."""
    return FIGURE_NAMES + tuple(figure for name in experiment.analysis.names for figure in ANALYSIS_FIGURES[name])
