"""All figures of a run: each a PDF, a PNG and the CSV that it draws."""

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.paper.choices_figure import choices_figure
from camagain.paper.heatmaps import heatmap_figure
from camagain.paper.plots import threshold_curves, training_curves
from camagain.paper.results import RunResults
from camagain.paper.style import apply_style, save_figure


def write_figures(experiment: Experiment, paths: RunPaths) -> None:
    """Writes `figures/` of a run."""
    apply_style()
    results = RunResults(experiment, paths)
    save_figure(*threshold_curves(results), paths.figures, "threshold-curves")
    save_figure(*choices_figure(results), paths.figures, "evaluation-choices")
    save_figure(*training_curves(results), paths.figures, "training")
    save_figure(*heatmap_figure(results), paths.figures, "heatmaps")
