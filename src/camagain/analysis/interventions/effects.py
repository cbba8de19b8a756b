"""What each change of the kernels did: means over the seeds of further training, and differences to the control."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from camagain.analysis.interventions.verdict import NOT_TESTED, verdict
from camagain.drawing.cells import NONE, interval_cell
from camagain.drawing.results import RunResults
from camagain.statistics.accuracy import Accuracy
from camagain.statistics.estimates import UNDEFINED, Estimate
from camagain.statistics.trainings import over_both, over_trainings

AREA = "erf_area_ratio_t50"
"""The measure of the receptive field that is drawn: RepLKNet's, at t = 0.5."""

CONTROLS = {"enlarged": "own", "cut": "uncut"}
"""The control with which the networks of each kind are compared."""

KEYS = ("model", "kind", "change", "method")

TRAINED = ["training_seed", "seed"]
"""What tells the networks of one change apart: the seed of the training before, and that of the further training."""

COLUMNS = (
    *KEYS,
    "kernel_side",
    "seeds",
    "layers_changed",
    "parameters",
    "top1_percent",
    "area_percent",
    "area_factor",
    "area_factor_low",
    "area_factor_high",
    "linear_area_percent",
    "max_box_acc_percent",
    "max_box_acc_low_percent",
    "max_box_acc_high_percent",
    "difference_points",
    "difference_low_points",
    "difference_high_points",
    "difference_lowest_seed_points",
    "difference_highest_seed_points",
    "verdict",
)


@dataclass(frozen=True)
class Effect:
    """One change of one model under one method: the row of each network, and their accuracies with errors."""

    model: str
    kind: str
    change: str
    method: str
    rows: pd.DataFrame  # one per network, by TRAINED
    accuracies: list[Accuracy]  # one per network; resample i holds the same images everywhere

    def columns(self, control: "Effect", confidence: float, size: int) -> dict[str, object]:
        """The effect as a row of `effects`; `size` is the side in pixels of the images of the receptive field."""
        own = Accuracy.mean(self.accuracies).estimate(confidence)
        pairs = Pairs.of(self, control)
        difference, factor = pairs.difference(confidence), pairs.area_factor(confidence, size)
        made = self.kind == "enlarged" and self.change != CONTROLS["enlarged"]
        first = self.rows.iloc[0]
        values = (
            *(self.model, self.kind, self.change, self.method, first["kernel_side"], len(self.rows)),
            *(first["layers_changed"], first["parameters"], self.rows["top1_percent"].mean()),
            *(100 * self.rows[AREA].mean(), factor.value, factor.low, factor.high),
            100 * self.rows["erf_linear_area_ratio_t50"].mean(),
            *(own.value, own.low, own.high, difference.value, difference.low, difference.high),
            *(pairs.points.min(), pairs.points.max(), verdict(factor, difference) if made else ""),
        )
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True)
class Pairs:
    """Networks of a change beside those of the control that saw the same images in the same order.

    Axes: P pairs.
    """

    training_seed: np.ndarray  # (P,) of the training before
    points: np.ndarray  # (P,) MaxBoxAcc minus the control's
    differences: list[Accuracy]  # P, the same with errors over images
    log_factor: np.ndarray  # (P,) of the receptive field's area
    side: float  # of the smallest receptive field, share of the image
    trained: bool  # whether the networks were trained after the change

    @classmethod
    def of(cls, effect: Effect, control: Effect) -> "Pairs":
        """The pairs of a change with its control; a network whose partner is missing is left out."""
        own, base = (each.rows[TRAINED].fillna(-1).apply(tuple, axis=1).tolist() for each in (effect, control))
        both = [key for key in own if key in base]
        mine, theirs = [own.index(key) for key in both], [base.index(key) for key in both]
        changed, plain = effect.rows.iloc[mine], control.rows.iloc[theirs]
        areas, others = (rows[AREA].to_numpy(np.float64) for rows in (changed, plain))
        return cls(
            training_seed=changed["training_seed"].to_numpy(),
            points=changed["max_box_acc_percent"].to_numpy() - plain["max_box_acc_percent"].to_numpy(),
            differences=[effect.accuracies[i] - control.accuracies[k] for i, k in zip(mine, theirs, strict=True)],
            log_factor=np.log(areas / others),
            side=float(np.sqrt(min(areas.min(initial=np.inf), others.min(initial=np.inf)))),
            trained=effect.kind == "enlarged",
        )

    def independent(self, values: np.ndarray) -> np.ndarray:
        """The values (P,) that vary independently: of each pair, or with several trainings the mean of each training.

        Further trainings of one network have that network in common, so they are no sample of other trainings.
        """
        seeds = np.unique(self.training_seed)
        if len(seeds) == 1:
            return values
        return np.array([values[self.training_seed == seed].mean() for seed in seeds])

    def difference(self, confidence: float) -> Estimate:
        """The mean difference in points with its interval: over seeds and images; of one cut network over images."""
        values = self.independent(self.points)
        if not self.differences:
            return UNDEFINED
        images = replace(Accuracy.mean(self.differences), value=float(values.mean())).estimate(confidence)
        if len(values) == 1 and not self.trained:
            return images
        return over_both(over_trainings(values, confidence), images)

    def area_factor(self, confidence: float, size: int) -> Estimate:
        """The geometric mean of the factors of the area, with an interval over seeds.

        The side of the square that is measured grows in steps of 2 of the image's `size` pixels. The interval is
        widened by a step, since trainings that fall on the same step would seem to have no error.
        """
        found = over_trainings(self.independent(self.log_factor), confidence)
        pixels = self.side * size
        step = 2 * np.log(pixels / (pixels - 2)) if pixels > 2 else np.nan
        return Estimate(*(float(np.exp(value)) for value in (found.value, found.low - step, found.high + step)))


def effects(results: RunResults) -> pd.DataFrame:
    """One row for each model, change and method: means over seeds, differences to the control, and a verdict.

    A difference is the mean minus that of the control: for enlarged kernels the same further training with the kernels
    as they are, for cut kernels the network before the cut. Its interval holds both errors, of seeds and of images: it
    compares trainings that saw the same images in the same order, and draws the same test images for both. Intervals of
    MaxBoxAcc itself are over images alone. `verdict` (see `verdict`) is empty for controls and for cuts.
    """
    experiment = results.experiment
    size = experiment.analysis.erf.size or experiment.input.size
    found = {(effect.model, effect.change, effect.method): effect for effect in measured(results)}
    rows = []
    for (model, _, method), effect in found.items():
        control = found.get((model, CONTROLS[effect.kind], method))
        if control is not None:
            rows.append(effect.columns(control, experiment.evaluation.confidence, size))
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
        part.findings("interventions", model, job).assign(model=model, job=job, training_seed=seed)
        for seed, part in results.parts.items()
        for model, job in part.analysis_jobs("interventions")
    ]
    filled = [table for table in tables if len(table)]
    if not filled:
        return
    table = pd.concat(filled, ignore_index=True)
    table["kind"] = np.where(table["change"].str.match("own|K"), "enlarged", "cut")
    amount = table["kernel_side"] * np.where(table["kind"] == "enlarged", 1.0, -1.0)
    table["steps"] = amount.where(~table["change"].isin(CONTROLS.values()), -np.inf)
    table = table.sort_values(["steps", *TRAINED], kind="stable")
    for model in dict.fromkeys(table["model"]):
        for kind in CONTROLS:
            here = table[(table["model"] == model) & (table["kind"] == kind)]
            for (change, method), rows in here.groupby(["change", "method"], sort=False):
                found = [accuracy_of(results, row) for _, row in rows.iterrows()]
                yield Effect(model, kind, change, method, rows, found)


def accuracy_of(results: RunResults, row: pd.Series) -> Accuracy:
    """MaxBoxAcc of a row with the errors that its job stored."""
    part = results.parts[row["training_seed"]]
    errors = part.analysis_arrays("interventions", row["model"], row["job"])[f"{row['change']}.{row['method']}"]
    return Accuracy(row["max_box_acc_percent"], errors, results.dataset["splits"]["test"])


def kernels(row: pd.Series) -> str:
    """The kernels of a row in words: own, 13 x 13, cut to 5 x 5."""
    side = f"{row['kernel_side']} x {row['kernel_side']}"
    return {"own": "own", "uncut": "uncut"}.get(row["change"], side if row["kind"] == "enlarged" else f"cut to {side}")


def difference(row: pd.Series) -> str:
    """The difference to the control in points, with its interval; a dash for the control itself."""
    if row["change"] in CONTROLS.values():
        return NONE
    bounds = row["difference_low_points"], row["difference_high_points"]
    return interval_cell(row["difference_points"], *bounds, "+.1f")


def growth(row: pd.Series) -> str:
    """The factor of the receptive field's area with its interval; a dash where there is none."""
    if row["change"] in CONTROLS.values() or np.isnan(row["area_factor"]):
        return NONE
    return interval_cell(row["area_factor"], row["area_factor_low"], row["area_factor_high"], ".2f")


def sentences(found: pd.DataFrame, method: str = "cam") -> list[str]:
    """One sentence for each size of enlarged kernels: whether the receptive field grew, and whether boxes followed.

    Nothing is said where there is no receptive field.
    """
    chosen = found[(found["method"] == method) & (found["verdict"] != "") & found["area_factor"].notna()]
    said = []
    for _, row in chosen.iterrows():
        if row["verdict"] == NOT_TESTED:
            field = "shrank" if row["area_factor_high"] < 1 else "did not certainly grow"
            what = f"this {NOT_TESTED}, since the receptive field {field} ({growth(row)} times its area)"
        else:
            boxes = {"rose": "rose", "fell": "fell"}.get(row["verdict"], f"shows {row['verdict']}")
            what = (
                f"the receptive field grew to {growth(row)} times its area and MaxBoxAcc {boxes} "
                f"({difference(row)} points)"
            )
        said.append(f"{row['model']}, {kernels(row)}: {what}.")
    return said
