"""All figures of a run: each a PDF, a PNG and the CSV that it draws."""

from camagain.drawing.results import RunResults
from camagain.drawing.style import apply_style, save_figure
from camagain.paper.registry import shown


def write_figures(results: RunResults) -> None:
    """Writes `figures/` of a run."""
    apply_style()
    for exhibit in shown(results.experiment, "figures"):
        figure, table = exhibit.load().figure(results)
        save_figure(figure, table, results.paths.figures, exhibit.name)
