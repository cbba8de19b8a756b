"""Names and order of the corruptions in the table and the figure of the analysis `texture`."""

from collections.abc import Mapping

import pandas as pd

GROUPS: Mapping[str, str] = {
    "clean": "",
    "patches": "patches change places:\nshape lost",
    "median": "median filter:\ntexture lost",
    "phases": "",
    "grey": "",
}
"""Kinds of corruption in order, and the label below the strengths of each."""

NAMES: Mapping[str, str] = {"clean": "clean", "phases": "random phases", "grey": "grey"}
"""The label of a kind that has one strength."""

SUMMARIES = ("mean", "contrast")
"""Rows that are no corruption."""


def corrupted(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of single corruptions, with the column `label`, ordered by corruption and strength."""
    rows = table[~table["corruption"].isin(SUMMARIES)]
    strength = rows["patches_per_side"].fillna(rows["window_px"]).fillna(0)
    rows = rows.assign(rank=rows["corruption"].map(list(GROUPS).index), strength=strength)
    rows = rows.assign(label=[label_of(row) for _, row in rows.iterrows()])
    return rows.sort_values(["rank", "strength"], kind="stable").drop(columns=["rank", "strength"])


def label_of(row: pd.Series) -> str:
    """A corruption with its strength: "4 × 4", "7 px", "random phases"."""
    if row["corruption"] == "patches":
        return "{0:.0f} × {0:.0f}".format(row["patches_per_side"])
    return f"{row['window_px']:.0f} px" if row["corruption"] == "median" else NAMES[row["corruption"]]
