"""The last stage of a run: tables, figures, report and manifest, each made of the files before it."""

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.errors import UserError, nearest
from camagain.paper.names import PARTS


def write_parts(experiment: Experiment, paths: RunPaths, parts: tuple[str, ...] = ()) -> None:
    """Writes the named parts, or all of them."""
    for part in parts:
        if part not in PARTS:
            raise UserError(f"unknown part '{part}'; expected one of {list(PARTS)}.{nearest(part, list(PARTS))}")
    wanted = parts or PARTS
    if "tables" in wanted:
        from camagain.paper.tables import write_tables

        write_tables(experiment, paths)
    if "figures" in wanted:
        from camagain.paper.figures import write_figures

        write_figures(experiment, paths)
    if "report" in wanted:
        from camagain.paper.report.page import write_report

        write_report(experiment, paths)
    if "manifest" in wanted:
        from camagain.paper.manifest import write_manifest

        write_manifest(experiment, paths)
