"""Principal components of each model: variance, what they localize, and how PC1 compares with CAM."""

import pandas as pd

from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import cell, standing
from camagain.paper.exhibits.paired_tests import p_text

MAPS = ("CAM", "PC1", "PC2", "PC3")

COLUMNS = ("Model", "PC1, % of variance", "first 3", *MAPS, "r of CAM, PC1", "only CAM, %", "only PC1, %", "p")


def table(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with what it stands on."""
    return standing(results, "pca")


def text(results: RunResults) -> TextTable:
    """A row for each model."""
    found = results.analysis("pca")
    rows = tuple((str(model), *cells(own)) for model, own in found.groupby("model", sort=False))
    caption = (
        "Principal components of weighed and scaled channels, as PC1 is made: share of the variance that the first one "
        "and the first three explain; MaxBoxAcc of CAM and of components, in percent, each oriented so that the edge "
        "of the image is dark; Pearson correlation of CAM and PC1 over cells, mean over images; images that one alone "
        f"has right, and McNemar's exact p, not adjusted for the number of models. Predicted class, {results.scope}"
    )
    return TextTable(caption, COLUMNS, rows)


def cells(own: pd.DataFrame) -> list[str]:
    """The cells of one model."""
    quantity, component = own["quantity"], own["component"]
    p_value = own.loc[quantity == "mcnemar_p_value", "value"]
    return [
        cell(own[(quantity == "variance_share") & (component == 1)]),
        cell(own[(quantity == "cumulative_variance_share") & (component == 3)]),
        *(cell(own[(quantity == "max_box_acc") & (own["map"] == name)]) for name in MAPS),
        cell(own[quantity == "pearson_cam_pc1"], 2),
        *(cell(own[quantity == name]) for name in ("only_cam_right", "only_pc1_right")),
        p_text(p_value.iloc[0]) if len(p_value) else "–",
    ]
