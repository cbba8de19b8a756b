"""The gains of the remedies as tables and figures need them: per model, and per family where it has several."""

import pandas as pd

from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing
from camagain.families import FAMILIES, family_of
from camagain.statistics.paired import holm

GAINS = {
    ("fitted", "fit"): "fitting anew",
    ("fitted", "tap"): "TAP",
    ("fitted", "nwc"): "NWC",
    ("fitted", "pas"): "PaS",
    ("own", "nwc"): "NWC (own)",
    ("own", "pas"): "PaS (own)",
}
"""Head and remedy -> name of a gain, in the order in which gains are shown."""


def remedies_table(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it.

    `p_holm` is the p-value of the difference, adjusted for all combinations of all models that are compared with
    everything off and differ from it.
    """
    table = standing(results, "remedies")
    if table.empty:
        return table
    tested = table["p_value"].notna()
    adjusted = pd.Series(float("nan"), table.index)
    adjusted[tested] = holm(table.loc[tested, "p_value"].to_numpy())
    table.insert(table.columns.get_loc("p_value") + 1, "p_holm", adjusted)
    return table


def mean_gains(table: pd.DataFrame) -> pd.DataFrame:
    """The mean gains of the table: model, architecture, gain (a name of GAINS), value, low, high; in points."""
    gains = table[table["quantity"] == "mean_gain"]
    names = [GAINS[key] for key in zip(gains["head"], gains["remedy"], strict=True)]
    bounds = {f"difference{bound}_points": bound.strip("_") or "value" for bound in ("", "_low", "_high")}
    of_seeds = {name: name.replace("difference_points", "value") for name in gains if "difference_points_" in name}
    return gains[["model", "architecture", *bounds, *of_seeds]].rename(columns=bounds | of_seeds).assign(gain=names)


def family_gains(gains: pd.DataFrame) -> pd.DataFrame:
    """Mean, least and most over the models of each family that has several: family, gain, models, value, low, high."""
    families = gains.assign(family=[family_of(architecture) for architecture in gains["architecture"]])
    grouped = families.groupby(["family", "gain"], sort=False)["value"]
    summary = grouped.agg(models="size", value="mean", low="min", high="max").reset_index()
    order = {family: place for place, family in enumerate(FAMILIES)}
    return summary[summary["models"] > 1].sort_values("family", key=lambda names: names.map(order), kind="stable")
