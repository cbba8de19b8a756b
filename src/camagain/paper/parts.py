"""The last stages of a run: tables, figures, report and manifest, each made of the files before it."""

from collections.abc import Sequence

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.errors import UserError, nearest

PARTS = ("tables", "figures", "report", "manifest")
"""Every part; each needs the ones before it."""


def check_parts(parts: Sequence[str]) -> None:
    """UserError for an unknown part."""
    for part in parts:
        if part not in PARTS:
            raise UserError(f"unknown part '{part}'; expected one of {list(PARTS)}.{nearest(part, PARTS)}")


def write_part(part: str, experiment: Experiment, paths: RunPaths) -> None:
    """Writes one part; the imports of the others are left out."""
    from camagain.drawing.results import read_results

    results = read_results(experiment, paths)
    if part == "tables":
        from camagain.paper.tables import write_tables

        write_tables(results)
    elif part == "figures":
        from camagain.paper.figures import write_figures

        write_figures(results)
    elif part == "report":
        from camagain.paper.report.page import write_report

        write_report(results)
    else:
        from camagain.paper.manifest import write_manifest

        write_manifest(results)
