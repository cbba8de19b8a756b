"""What would support a claim of the paper, and what would contradict it: one function each, of the tables of a run.

The paper gives no criteria; these are ours, fixed before any run at full scale. Where neither criterion is met, or a
table is missing, the verdict is `undecided`. How often each errs was simulated (docs/paper-map.md).
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from camagain.paper.claims.tables import AUTHORS_NETWORK, MEASURES, READINGS, STATES, ClaimTables
from camagain.paper.published import published_value

Verdict = Literal["supported", "contradicted", "undecided"]

FEWEST_ARCHITECTURES = 10
"""Fewest architectures for a correlation over them to decide anything: intervals over fewer mean little."""

MAIN_DRIVER = math.sqrt(0.5)
"""The rank correlation from which one thing explains half of the variance of another."""

NO_MAIN_DRIVER = 0.5
"""The rank correlation below which one thing explains less than a quarter of the variance of another."""

WEAK_CORRELATION = 0.3
"""The rank correlation below which one thing explains less than a tenth of the variance of another."""

STATED_READING = ("predicted", 224)
"""Whose class's map, and at how many pixels boxes are compared, in the claims on accuracy: the authors' script makes
the map of the predicted class, and the evaluation that they name compares at 224 px."""


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reason in one sentence and the numbers behind it."""

    verdict: Verdict
    reason: str
    numbers: list[dict] = field(default_factory=list)


def receptive_field(tables: ClaimTables) -> Judgement:
    """By Spearman's rho of ERF area and MaxBoxAcc over architectures with fine-tuned weights, pooled and within
    families, with 90 % intervals.

    Supported: both are certainly below 0.5 at every share t (upper bounds), so that area explains less than a quarter
    of the variance, whether families are told apart or not. Contradicted: at half of the shares t or more, both are at
    least 0.71, where area explains half of the variance, and certainly at least 0.5 (lower bounds). A true rho of 0.5
    should yield neither, and a negative one supports: the claim denies that a larger field localizes better. From ten
    architectures on; an architecture's numbers are means over its networks, whose weights, recipes and seeds differ.
    """
    return by_area(tables.erf)


def by_area(erf: pd.DataFrame) -> Judgement:
    """The claim on the receptive field, judged by the correlations of one reading of the area (`ClaimTables.erf`)."""
    numbers = numbers_of(erf)
    known = decidable(erf, "t", len(READINGS))
    if known.empty:
        return Judgement("undecided", f"effective receptive field: {too_few(erf)}", numbers)
    driving = (known["value"] >= MAIN_DRIVER) & (known["low"] >= NO_MAIN_DRIVER)
    at = driving.groupby(known["t"]).all()
    if 2 * at.sum() >= len(at):
        shown = known[known["t"].isin(at[at].index)].sort_values("low").iloc[0]
        return Judgement("contradicted", f"{at_t(shown)}: area is a main driver", numbers)
    strongest = at_t(known.loc[known["high"].idxmax()])
    if (known["high"] < NO_MAIN_DRIVER).all():
        return Judgement("supported", f"at most, {strongest}: area explains less than a quarter", numbers)
    return Judgement("undecided", f"at most, {strongest}: the interval is not below 0.5", numbers)


def inherent_maps(tables: ClaimTables) -> Judgement:
    """By Spearman's rho over architectures of MaxBoxAcc and activated area, or scale-free GAP value, of the maps:
    pooled and within families, with fine-tuned and with random weights, the random ones under both treatments of
    BatchNorm (statistics of the images; 0 and 1); 90 % intervals.

    Supported: for one of the two measures all of these are certainly above 0 (lower bounds). Contradicted: for both
    measures rho is certainly below 0.3, pooled and within families, in one of the two states; in that of random weights
    under both treatments (upper bounds). From ten architectures on, because networks of one architecture have the same
    random weights.
    """
    numbers = numbers_of(tables.maps)
    known = decidable(tables.maps, "measure", len(STATES) * len(READINGS))
    if known.empty:
        return Judgement("undecided", f"feature maps: {too_few(tables.maps)}", numbers)
    failed = []
    for measure, rows in known.groupby("measure", sort=False):
        if (rows["low"] > 0).all():
            least = rows.loc[rows["low"].idxmin()]
            shown = f"at least {correlation(least)}, {least['state']}, {least['reading']}"
            return Judgement("supported", f"{measure} goes with MaxBoxAcc: rho is {shown}", numbers)
        weak, finetuned = rows["high"] < WEAK_CORRELATION, rows["state"] == "finetuned"
        failed.append(weak[finetuned].all() or weak[~finetuned].all())
    if len(failed) == len(MEASURES) and all(failed):
        return Judgement("contradicted", "neither measure goes with MaxBoxAcc in both states (below 0.3)", numbers)
    return Judgement(
        "undecided",
        "no measure certainly goes with MaxBoxAcc in every state and reading, or certainly does not",
        numbers,
    )


def robust_networks(tables: ClaimTables) -> Judgement:
    """By what the remedies of Bae et al. (TAP, NWC and PaS together) gain in MaxBoxAcc, in the mean of the modern
    families and in the mean of the ResNets.

    Where maps are too local, remedies help. Supported: ResNets certainly gain, and modern families certainly gain less
    than half of that. Contradicted: modern families certainly gain more than ResNets. A family's mean is that of its
    architectures. Intervals are over architectures and the trainings of each, so that they also hold the spread over
    seeds, whether it was measured or not. Where a family has one architecture, its spread is taken to be that of
    the others; where no family has two, nothing is decided.
    """
    numbers = numbers_of(tables.gains)
    rows = tables.gains.set_index("quantity")
    if "modern - resnet" not in rows.index:
        return Judgement("undecided", "remedies: not measured for a ResNet and a modern network", numbers)
    resnet, modern = rows.loc["resnet"], rows.loc["modern"]
    compared = f"modern families gain {gain(modern)} points from the remedies, ResNets {gain(resnet)}"
    if math.isnan(resnet["low"]):
        why = "no family has two architectures, so how far they scatter is unknown"
        return Judgement("undecided", f"{compared}; {why}", numbers)
    if rows.loc["modern - resnet", "low"] > 0:
        return Judgement("contradicted", compared, numbers)
    if resnet["low"] > 0 and rows.loc["modern - resnet / 2", "high"] < 0:
        return Judgement("supported", compared, numbers)
    return Judgement("undecided", f"{compared}: the difference is uncertain, or ResNets have nothing to gain", numbers)


def cam_accuracy(tables: ClaimTables) -> Judgement:
    """By MaxBoxAcc of CAM of RepLKNet-31B on the paper's images; the map of the predicted class, boxes compared at 224
    px, all else as the experiment sets it. This reading was fixed beforehand; others stand beside it.

    Supported: the authors' own weights reach 90.99 up to its rounding; weights and images are the paper's, so nothing
    else may differ. Of networks trained anew, all certainly reach it in the mean over seeds (lower bound).
    Contradicted: the authors' own weights miss it, also under every other reading that was scored. A network trained
    anew that misses it decides nothing, since the recipe is unknown; nor does a single training, since nobody knows
    how far others would lie from it.
    """
    claimed = published_value("model-zoo", f"{AUTHORS_NETWORK}, CAM", "MaxBoxAcc")
    best_other = published_value("state-of-the-art", "best other CNN-based method", "MaxBoxAcc")
    extra = {"best_other_method_percent": best_other.value, "best_other_method_certainty": best_other.certainty}
    floor = claimed.value - claimed.uncertainty
    return reached(tables, "CAM", (floor, floor), {"claimed_percent": claimed.value, **extra})


def pc1_accuracy(tables: ClaimTables) -> Judgement:
    """By MaxBoxAcc of PC1 of RepLKNet-31B on the paper's images, in the reading of the claim on CAM.

    Supported: the authors' own weights are above 93.17, the best other CNN-based method, by more than that number is
    uncertain (0.055). Of networks trained anew, all certainly are in the mean over seeds (lower bound). Contradicted:
    the authors' own weights are below it by more than that, also under every other reading that was scored. On one
    fixed set of images: at 93.6 the sampling error of 5,794 images is larger than the claimed margin.
    """
    best_other = published_value("state-of-the-art", "best other CNN-based method", "MaxBoxAcc")
    bounds = (best_other.value + best_other.uncertainty, best_other.value - best_other.uncertainty)
    return reached(
        tables, "PC1", bounds, {"claimed_percent": best_other.value, "pc1_minus_cam": numbers_of(tables.pc1)}
    )


def reached(tables: ClaimTables, title: str, bounds: tuple[float, float], extra: dict) -> Judgement:
    """Whether a score reaches the first bound in the stated reading; if not, whether no reading reaches the second."""
    rows = tables.accuracy[tables.accuracy["map"] == title].copy()
    anew = rows["weights"] == "trained anew"
    certain = rows["value_percent"].mask(anew, rows["low_percent"])  # NaN for a single training
    rows["verdict"] = "undecided"
    rows.loc[certain >= bounds[0], "verdict"] = "reached"
    rows.loc[~anew & (rows["value_percent"] < bounds[1]), "verdict"] = "missed"
    numbers = [{"needed_percent": bounds[0], **extra}, *numbers_of(rows)]
    if rows.empty:
        return Judgement("undecided", f"no {AUTHORS_NETWORK} was measured on the paper's images", numbers)
    rows = rows[~anew] if (~anew).any() else rows  # the authors' own weights decide alone
    of_class, size = STATED_READING
    stated = rows[(rows["class_choice"] == of_class) & (rows["size"] == size) & (rows["other"] == "")]
    reading = f"map of the {of_class} class at {size} px"
    if stated.empty:
        return Judgement("undecided", f"the {reading} was not scored", numbers)
    worst = stated.loc[stated["value_percent"].idxmin()]
    found = f"{worst['model']} ({worst['weights']}, {reading}): {worst['value_percent']:.2f} %"
    if (stated["verdict"] == "reached").all():
        return Judgement("supported", f"{found}, at least {bounds[0]:.3f} %", numbers)
    if worst["weights"] == "trained anew":
        if worst["trainings"] < 2:
            why = "one training, whose spread over seeds is unknown"
        else:
            why = f"in the mean of {worst['trainings']} trainings certainly only {worst['low_percent']:.2f} %"
        return Judgement("undecided", f"{found}, {why}; needed are {bounds[0]:.3f} %", numbers)
    if (rows["verdict"] == "missed").all():
        most = rows["value_percent"].max()
        return Judgement("contradicted", f"{found}, and at most {most:.2f} % in any reading scored", numbers)
    best = rows.loc[rows["value_percent"].idxmax()]
    if best["value_percent"] < bounds[0]:
        why = f"but what it has to beat is known only to lie between {bounds[1]:.3f} and {bounds[0]:.3f} %"
        return Judgement("undecided", f"{found}, {why}", numbers)
    other = ", ".join(filter(None, [f"map of the {best['class_choice']} class at {best['size']} px", best["other"]]))
    why = f"not at least {bounds[0]:.3f} %, but {best['value_percent']:.2f} % by the {other}"
    return Judgement("undecided", f"{found}, {why}", numbers)


def decidable(correlations: pd.DataFrame, key: str, rows: int) -> pd.DataFrame:
    """The correlations that are over enough architectures, of those keys that have all their `rows`."""
    known = correlations[(correlations["architectures"] >= FEWEST_ARCHITECTURES) & correlations["low"].notna()]
    return known[known[key].map(known[key].value_counts()) == rows]


def too_few(correlations: pd.DataFrame) -> str:
    """The reason where there are none."""
    if correlations.empty:
        return "not measured"
    most = correlations["architectures"].max()
    if most >= FEWEST_ARCHITECTURES:
        return "measured incompletely"
    return f"{most} architectures; it needs at least {FEWEST_ARCHITECTURES}"


def numbers_of(table: pd.DataFrame) -> list[dict]:
    """Rows of a table as plain values; None where a number is missing."""
    rows = table.astype(object)
    return rows.where(rows.notna(), None).to_dict("records")


def at_t(row: pd.Series) -> str:
    return f"rho is {correlation(row)} at t = {row['t']:g}, {row['reading']}"


def correlation(row: pd.Series) -> str:
    return f"{row['value']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"


def gain(row: pd.Series) -> str:
    bounds = "" if math.isnan(row["low"]) else f" [{row['low']:+.1f}, {row['high']:+.1f}]"
    return f"{row['value']:+.1f}{bounds}"
