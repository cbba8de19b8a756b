"""All figures of a run: each a PDF, a PNG and the CSV that it draws."""

from collections.abc import Callable, Mapping

import pandas as pd
from matplotlib.figure import Figure

from camagain.analysis.cues import figure as cues
from camagain.analysis.erf import against_localization as erf_localization
from camagain.analysis.erf import figure as erf
from camagain.analysis.gap import figure as gap
from camagain.analysis.initialization import figure as initialization
from camagain.analysis.interventions import figure as interventions
from camagain.analysis.pca import figure as pca
from camagain.analysis.remedies import figure as remedies
from camagain.analysis.texture import figure as texture
from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.drawing.results import RunResults
from camagain.drawing.style import apply_style, save_figure
from camagain.paper.exhibits.cam_diagram import cam_diagram
from camagain.paper.exhibits.choices_figure import choices_figure
from camagain.paper.exhibits.curves import threshold_curves, training_curves
from camagain.paper.exhibits.families import families_figure
from camagain.paper.exhibits.heatmaps import heatmap_figure
from camagain.paper.names import figure_names

FIGURES: Mapping[str, Callable[[RunResults], tuple[Figure, pd.DataFrame]]] = {
    "threshold-curves": threshold_curves,
    "heatmaps": heatmap_figure,
    "families": families_figure,
    "evaluation-choices": choices_figure,
    "training": training_curves,
    "cam-diagram": cam_diagram,
    "erf": erf.figure,
    "erf-localization": erf_localization.figure,
    "gap": gap.figure,
    "pca": pca.figure,
    "initialization": initialization.figure,
    "remedies": remedies.figure,
    "texture": texture.figure,
    "cues": cues.figure,
    "interventions": interventions.figure,
}
"""Name of each figure, and what draws it: the picture and the table behind it."""


def write_figures(experiment: Experiment, paths: RunPaths) -> None:
    """Writes `figures/` of a run."""
    apply_style()
    results = RunResults(experiment, paths)
    for name in figure_names(experiment):
        save_figure(*FIGURES[name](results), paths.figures, name)
