"""How much of each map lies on the parts that decide the class, on the rest of the object, and beside it."""

import pandas as pd

from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.standing import cell, standing

COLUMNS = ("Model", "Map", "mass on cues, %", "of the area, %", "times uniform: cues", "rest of object",
           "cues to rest", "rank corr. with IoU")  # fmt: skip


def table(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with what it stands on."""
    return standing(results, "cues")


def text(results: RunResults) -> TextTable:
    """A row for each model and map."""
    found = results.analysis("cues")
    groups = found.groupby(["model", "method"], sort=False) if len(found) else ()
    rows = tuple((model, MAP_NAMES[method], *cells(own)) for (model, method), own in groups)
    caption = (
        "Share of a map's mass on the parts that decide the class (cues: boxes around them, cut to the object), beside "
        "their share of the image's area; how many times more mass than if it were spread evenly lies there and on the "
        "rest of the object; and the one through the other: 1 is a map that does not prefer the deciding parts, larger "
        "is local activation. Last: Spearman's rank correlation over images of that preference with the IoU of the "
        f"box; negative where preferring the cues costs boxes. Described maps, {results.scope}"
    )
    return TextTable(caption, COLUMNS, rows, text_columns=2)


def cells(own: pd.DataFrame) -> list[str]:
    """The cells of one model and map."""
    quantity, region = own["quantity"], own["region"]
    return [
        cell(own[(quantity == "mass_share") & (region == "cues")]),
        cell(own[(quantity == "area_share") & (region == "cues")]),
        cell(own[(quantity == "concentration") & (region == "cues")], 2),
        cell(own[(quantity == "concentration") & (region == "rest of the object")], 2),
        cell(own[quantity == "preference"], 2),
        cell(own[quantity == "spearman_preference_iou"], 2),
    ]
