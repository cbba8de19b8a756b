"""What each remedy gains, for each model and each of its classifiers, and all of them together."""

import pandas as pd

from camagain.analysis.remedies.gains_table import GAINS, family_gains, mean_gains, remedies_table
from camagain.drawing.families import FAMILIES
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.paper.exhibits.paired_tests import p_text

COLUMNS = ("Model", "Classifier", "top-1", "all off", "TAP", "NWC", "PaS", "all on − all off", "p (Holm)")
REMEDIES = ("tap", "nwc", "pas")


def table(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with what it stands on and adjusted p-values."""
    return remedies_table(results)


def text(results: RunResults) -> TextTable:
    """Two rows for each model, its own and the fitted classifier; then means over families with several models."""
    numbers = remedies_table(results)
    if numbers.empty:
        return TextTable(f"The remedies apply to no model of {results.sample}.", COLUMNS, (), text_columns=2)
    gains = mean_gains(numbers)
    rows = []
    for model, own in numbers.groupby("model", sort=False):
        of_model = gains[gains["model"] == model].set_index("gain")
        rows += [(str(model), *cells(own, of_model, "own")), ("", *cells(own, of_model, "fitted"))]
    families = family_gains(gains)
    for family, own in families.groupby("family", sort=False):
        by_gain = own.set_index("gain")
        spread = [
            "{:+.1f} ({:+.1f} to {:+.1f})".format(*by_gain.loc[GAINS["fitted", remedy], ["value", "low", "high"]])
            for remedy in REMEDIES
        ]
        name = f"{FAMILIES[family]}, mean of {own['models'].max()}"
        rows.append((name, "fitted", "–", "–", *spread, "–", "–"))
    return TextTable(caption(results, bool(len(families))), COLUMNS, tuple(rows), text_columns=2)


def cells(own: pd.DataFrame, gains: pd.DataFrame, classifier: str) -> list[str]:
    """The cells of one model's own or fitted classifier."""
    scores = own[own["quantity"] == "max_box_acc"].set_index(["head", "nwc", "pas"])
    plain, remedied = ("own", "own") if classifier == "own" else ("gap", "tap")
    off, on = scores.loc[plain, False, False], scores.loc[remedied, True, True]
    top1 = [off["top1_percent"]] if classifier == "own" else [off["top1_percent"], on["top1_percent"]]
    of_remedies = [
        points(gains.loc[GAINS[classifier, remedy], ["value", "low", "high"]]) if (classifier, remedy) in GAINS else "–"
        for remedy in REMEDIES
    ]
    value, low, high = off[["max_box_acc_percent", "max_box_acc_low_percent", "max_box_acc_high_percent"]]
    return [
        classifier,
        ", ".join(f"{percent:.1f}" for percent in top1),
        f"{value:.1f} [{low:.1f}, {high:.1f}]",
        *of_remedies,
        points(on[["difference_points", "difference_low_points", "difference_high_points"]]),
        p_text(on["p_holm"]),
    ]


def points(bounds: pd.Series) -> str:
    """A difference with its interval."""
    value, low, high = bounds
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def caption(results: RunResults, families: bool) -> str:
    """What was compared, on what."""
    settings = results.experiment.analysis.remedies
    spread = " Families: mean over models, and in parentheses the least and the most." if families else ""
    return (
        f"Remedies of Bae et al. (2020) on {results.scope} TAP, NWC, PaS: what each adds to MaxBoxAcc, in points, on "
        "average over all settings of the others. Own: the network's classifier, whose pooling is not changed. Fitted: "
        "classifiers fitted to the same frozen features, on plain or (TAP) on thresholded averages over cells above "
        f"{settings.theta:g} of a channel's maximum; top-1 of both. NWC: negative class weights count as 0 in the map. "
        f"PaS: thresholds are shares of the map's {settings.percentile:g}th percentile. Predicted class, described "
        f"maps, each set at its own best threshold.{spread} p: McNemar's exact test of all on against all off, "
        "Holm-adjusted over all combinations and models, which remedies.csv holds."
    )
