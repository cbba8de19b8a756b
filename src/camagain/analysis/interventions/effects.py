"""What each change of the kernels did: means over the seeds of further training, and differences to the control."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from camagain.drawing.cells import change_cell
from camagain.drawing.results import RunResults
from camagain.drawing.seeds import mean_over_seeds
from camagain.statistics.bootstrap import interval_of

AREA = "erf_area_ratio_t50"
"""The measure of the receptive field that is drawn: RepLKNet's, at t = 0.5."""

CONTROLS = {"enlarged": "own", "cut": "uncut"}
"""The control with which the networks of each kind are compared."""

KEYS = ("model", "kind", "change", "method")

COLUMNS = (
    *KEYS,
    "kernel_side",
    "seeds",
    "layers_changed",
    "parameters",
    "top1_percent",
    "area_percent",
    "area_lowest_percent",
    "area_highest_percent",
    "area_factor",
    "linear_area_percent",
    "max_box_acc_percent",
    "max_box_acc_low_percent",
    "max_box_acc_high_percent",
    "difference_points",
    "difference_low_points",
    "difference_high_points",
    "difference_lowest_seed_points",
    "difference_highest_seed_points",
)


@dataclass(frozen=True)
class Effect:
    """One change of one model under one method: the row of each seed, and the resamples behind their intervals."""

    model: str
    kind: str
    change: str
    method: str
    rows: pd.DataFrame  # one per seed
    resampled: np.ndarray  # (seeds, R) percent; resample i holds the same images everywhere

    def columns(self, control: "Effect", confidence: float) -> dict[str, object]:
        """The effect as a row of `effects`."""
        own, base = self.rows["max_box_acc_percent"].to_numpy(), control.rows["max_box_acc_percent"].to_numpy()
        area, mean, difference = 100 * self.rows[AREA], float(own.mean()), float(own.mean() - base.mean())
        drawn = self.resampled.mean(0)  # (R,)
        low, high = interval_of(drawn, mean, confidence)
        less, more = interval_of(drawn - control.resampled.mean(0), difference, confidence)
        paired = own - base if list(self.rows["seed"]) == list(control.rows["seed"]) else own - base.mean()
        first = self.rows.iloc[0]
        values = (
            *(self.model, self.kind, self.change, self.method, first["kernel_side"], len(own)),
            *(first["layers_changed"], first["parameters"], self.rows["top1_percent"].mean()),
            *(area.mean(), area.min(), area.max(), area.mean() / (100 * control.rows[AREA].mean())),
            100 * self.rows["erf_linear_area_ratio_t50"].mean(),
            *(mean, low, high, difference, less, more, paired.min(), paired.max()),
        )
        return dict(zip(COLUMNS, values, strict=True))


def effects(results: RunResults) -> pd.DataFrame:
    """One row for each model, change and method: means over seeds, with intervals over images.

    A difference is the mean minus that of the control: for enlarged kernels the same further training with the kernels
    as they are, for cut kernels the network before the cut. Its interval draws the same images for both. The lowest
    and highest seed compare trainings that saw the same images in the same order.
    """
    if len(results.parts) > 1:
        return mean_over_seeds({seed: effects(part) for seed, part in results.parts.items()}, KEYS)
    found = {(effect.model, effect.change, effect.method): effect for effect in measured(results)}
    rows = []
    for (model, _, method), effect in found.items():
        control = found.get((model, CONTROLS[effect.kind], method))
        if control is not None:
            rows.append(effect.columns(control, results.experiment.evaluation.confidence))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def single_seeds(results: RunResults) -> pd.DataFrame:
    """One row for each further training with enlarged kernels against the control of the same seed; only of `cam`."""
    if len(results.parts) > 1:
        return pd.concat([single_seeds(part) for part in results.parts.values()], ignore_index=True)
    table = results.analysis("interventions")
    table = table[table["method"] == "cam"]
    control = table[table["change"] == CONTROLS["enlarged"]]
    both = table[table["change"].str.match("K")].merge(control, on=["model", "seed"], suffixes=("", "_control"))
    factor = both[AREA] / both[f"{AREA}_control"]
    difference = both["max_box_acc_percent"] - both["max_box_acc_percent_control"]
    return both[["model", "change", "method", "seed"]].assign(area_factor=factor, difference_points=difference)


def measured(results: RunResults) -> Iterator[Effect]:
    """Every change that was made; in each kind the control comes first, then from the least change to the most."""
    tables = [
        results.findings("interventions", model, job).assign(model=model, job=job)
        for model, job in results.analysis_jobs("interventions")
    ]
    filled = [table for table in tables if len(table)]
    if not filled:
        return
    table = pd.concat(filled, ignore_index=True)
    table["kind"] = np.where(table["change"].str.match("own|K"), "enlarged", "cut")
    amount = table["kernel_side"] * np.where(table["kind"] == "enlarged", 1.0, -1.0)
    table["steps"] = amount.where(~table["change"].isin(CONTROLS.values()), -np.inf)
    table = table.sort_values(["steps", "seed"], kind="stable")
    for model in dict.fromkeys(table["model"]):
        for kind in CONTROLS:
            here = table[(table["model"] == model) & (table["kind"] == kind)]
            for (change, method), rows in here.groupby(["change", "method"], sort=False):
                drawn = np.stack([resampled(results, row) for _, row in rows.iterrows()])  # (seeds, R)
                yield Effect(model, kind, change, method, rows, drawn)


def resampled(results: RunResults, row: pd.Series) -> np.ndarray:
    """MaxBoxAcc of each resample of the images behind a row, (R,) percent."""
    return results.analysis_arrays("interventions", row["model"], row["job"])[f"{row['change']}.{row['method']}"]


def kernels(row: pd.Series) -> str:
    """The kernels of a row in words: own, 13 x 13, cut to 5 x 5."""
    side = f"{row['kernel_side']} x {row['kernel_side']}"
    return {"own": "own", "uncut": "uncut"}.get(row["change"], side if row["kind"] == "enlarged" else f"cut to {side}")


def difference(row: pd.Series) -> str:
    """The difference to the control in points, with its interval; a dash for the control itself."""
    if row["change"] in CONTROLS.values():
        return "–"
    low, high = row["difference_low_points"], row["difference_high_points"]
    return change_cell(row["difference_points"], low, high, row.get("difference_points_deviation"))


def verdicts(found: pd.DataFrame, method: str = "cam") -> list[str]:
    """One sentence for each size of enlarged kernels: whether the receptive field grew, and whether boxes followed.

    It grew where the smallest area of its seeds is above the largest of the control's. Boxes followed, or fell, where
    the interval of the difference excludes 0. Nothing is said where there is no receptive field.
    """
    chosen = found[(found["kind"] == "enlarged") & (found["method"] == method)]
    sentences = []
    for model, rows in chosen.groupby("model", sort=False):
        control = rows[rows["change"] == CONTROLS["enlarged"]].iloc[0]
        for _, row in rows[rows["change"] != CONTROLS["enlarged"]].iterrows():
            factor = row["area_factor"]
            if np.isnan(factor):
                continue
            grew = row["area_lowest_percent"] > control["area_highest_percent"]
            field = f"grew to {factor:.2g} times its area" if grew else "did not grow"
            if row["difference_low_points"] > 0:
                boxes = "MaxBoxAcc rose"
            elif row["difference_high_points"] < 0:
                boxes = "MaxBoxAcc fell"
            else:
                boxes = "MaxBoxAcc shows no difference"
            said = f"the receptive field {field} and {boxes} ({difference(row)} points)"
            sentences.append(f"{model}, {kernels(row)}: {said}.")
    return sentences
