"""The remedies of Bae et al. (ECCV 2020) against maps that are too local, each on and off (docs/analyses.md).

- TAP: the classifier is learned on thresholded averages. Here the backbone stays frozen, and two classifiers are fitted
  in the same way, one to thresholded and one to plain averages of its feature maps.
- NWC: negative class weights count as 0 in the map.
- PaS: boxes are drawn at shares of a percentile of the map, not of its maximum.

The network's own classifier stands beside them with NWC and PaS, to show the effect of fitting anew.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.kit.applies import require_grid
from camagain.analysis.kit.localizer import LOCALIZED_COLUMNS, Localized, localize_finished, localized
from camagain.analysis.kit.run import Findings
from camagain.analysis.kit.stored import read_test
from camagain.analysis.remedies.backbone import Backbone, Evidence
from camagain.analysis.remedies.linear_fit import LinearFit, fit_classifier
from camagain.analysis.remedies.percentile import percentile_ious
from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.datasets.index import read_index
from camagain.errors import NotApplicable
from camagain.evaluation.inputs import Truth, read_predictions, read_truths
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.scored import DELTA, threshold_grid
from camagain.models.pooling import Pool, average, thresholded_average
from camagain.progress import track
from camagain.statistics.accuracy import Accuracy
from camagain.statistics.bootstrap import Sampling, wilson_interval
from camagain.statistics.correctness import Correct
from camagain.statistics.paired import discordant

HEADS = ("own", "gap", "tap")
"""The network's classifier, and those fitted anew on plain and on thresholded averages."""

STATES = ((False, False), (False, True), (True, False), (True, True))
"""NWC and PaS, off and on."""

COLUMNS = (
    "quantity",
    "remedy",
    "head",
    "nwc",
    "pas",
    "constant_maps",
    "top1_percent",
    "top1_low_percent",
    "top1_high_percent",
    *LOCALIZED_COLUMNS,
    "difference_points",
    "difference_low_points",
    "difference_high_points",
    "only_changed_right",
    "only_reference_right",
    "p_value",
)
"""Rows of two quantities:

- `max_box_acc`: a head with NWC and PaS on or off. The head `own` is compared with `own` with both off, `gap` and `tap`
  with `gap` with both off: the difference with its p-value, and the images that only one of the two has right.
- `mean_gain`: what one remedy gains on average over all settings of the others: `tap`, `nwc` and `pas` of the head
  `fitted` (2 x 2 x 2 combinations), `nwc` and `pas` of `own`, and `fit`, which is `gap` against `own`.
"""

Row = dict[str, Any]
Key = tuple[str, bool, bool]
"""Head, NWC, PaS."""

Scored = Mapping[tuple[bool, ...], Localized]
"""Which remedies are on -> how well the maps localize; every combination of on and off has an entry."""


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Scores all combinations of the remedies on the test images of one model; see COLUMNS."""
    settings = experiment.analysis.remedies
    truth = read_truths(paths.index, experiment.evaluation.size)["test"]
    stored = read_test(paths.channels(model), truth, ("class_weight", "grid"))
    classes = len(stored["class_weight"])
    require_grid(int(stored["grid"].prod()))
    if classes < 2:
        raise NotApplicable("the dataset has a single class, and a classifier needs at least two")
    if read_index(paths.index, "train").empty:
        raise NotApplicable("the dataset has no training images, to which classifiers would be fitted")
    pools: dict[str, Pool] = {"gap": average, "tap": partial(thresholded_average, theta=settings.theta)}
    backbone = Backbone.of(experiment, model, paths)
    features, labels = backbone.pooled("train", pools)
    fits = {name: fit_classifier(features[name], labels, classes, settings.head_weight_decay) for name in pools}
    evidence = {"own": stored_evidence(experiment, model, paths, truth)}
    evidence |= backbone.evidence("test", {name: (pools[name], fits[name]) for name in pools})
    about = {
        "dataset": experiment.dataset.name,
        "images": len(truth.image_id),
        "train_images": len(labels),
        "classes": classes,
        "seed": experiment.training_seed,
        "tap": experiment.localization.tap,
        "precision": experiment.localization.precision,
        "own_thresholded_pooling": backbone.card.options.get("thresholded_pooling"),
        **settings.model_dump(mode="json"),
        "fits": {name: fit_record(fit, features[name], labels) for name, fit in fits.items()},
    }
    return Findings(table(evidence, truth, experiment, model), about)


def stored_evidence(experiment: Experiment, model: str, paths: RunPaths, truth: Truth) -> Evidence:
    """The predictions and maps of the network's own classifier on test images, as the localization pass stored them."""
    parts = read_test(paths.parts(model), truth, ("positive", "negative"))
    predictions = read_predictions(paths.predictions(model), truth, "test")
    if not all(np.isfinite(array).all() for array in parts.values()):
        raise NotApplicable(f"'{model}': evidence of the test images holds NaN or infinity")
    return Evidence(parts["positive"], parts["negative"], predictions.top1)


def fit_record(fit: LinearFit, features: Any, labels: Any) -> dict[str, Any]:
    """How a fit came out, for status.json."""
    right = (features @ fit.weight.T + fit.bias).argmax(1) == labels
    return {
        "iterations": fit.iterations,
        "largest_gradient": fit.gradient,
        "converged": fit.converged,
        "train_top1_percent": 100 * right.double().mean().item(),
    }


def table(evidence: Mapping[str, Evidence], truth: Truth, experiment: Experiment, model: str) -> pd.DataFrame:
    """All rows of one model from the predictions and maps of its three heads on the test images."""
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    keys: list[Key] = [(head, *state) for head in HEADS for state in STATES]
    scored = {
        (head, nwc, pas): localize(evidence[head].maps(nwc), pas, truth, experiment)
        for head, nwc, pas in track(keys, len(keys), f"remedies {model}", "combinations")
    }
    rows = [combination(key, scored, evidence[key[0]], sampling) for key in keys]
    rows += [
        {"quantity": "mean_gain", "remedy": remedy, "head": head} | points(gain, sampling.confidence)
        for head, remedy, gain in gains(scored)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {name: "Int64" for name in ("constant_maps", "only_changed_right", "only_reference_right")}
    )


def localize(maps: np.ndarray, pas: bool, truth: Truth, experiment: Experiment) -> Localized:
    """MaxBoxAcc of maps (N, h, w), with or without PaS."""
    settings, q = experiment.evaluation, experiment.analysis.remedies.percentile
    finished = score_maps(maps, settings.size, settings.interpolation)
    if not pas:
        return localize_finished(finished, truth.boxes, experiment)
    ious = percentile_ious(finished, truth.boxes, threshold_grid(settings.threshold_step), q)  # (N, T)
    return localized(Correct.of(ious >= DELTA), experiment)


def combination(key: Key, scored: Mapping[Key, Localized], evidence: Evidence, sampling: Sampling) -> Row:
    """One head with NWC and PaS on or off, compared with everything off."""
    head, nwc, pas = key
    here, reference = scored[key], scored["own" if head == "own" else "gap", False, False]
    maps = evidence.maps(nwc)
    top1_low, top1_high = wilson_interval(evidence.correct, sampling.confidence)
    row = {
        "quantity": "max_box_acc",
        "head": head,
        "nwc": nwc,
        "pas": pas,
        "constant_maps": int((maps.max((1, 2)) == maps.min((1, 2))).sum()),
        "top1_percent": 100 * float(evidence.correct.mean()),
        "top1_low_percent": top1_low,
        "top1_high_percent": top1_high,
        **here.columns(),
    }
    if here is reference:
        return row
    difference = here.accuracy - reference.accuracy
    only_changed, only_reference = discordant(here.right, reference.right)
    return row | {
        **points(difference, sampling.confidence),
        "only_changed_right": only_changed,
        "only_reference_right": only_reference,
        "p_value": difference.p_value(),
    }


def gains(scored: Mapping[Key, Localized]) -> list[tuple[str, str, Accuracy]]:
    """Head, remedy and its mean gain."""
    own: Scored = {(nwc, pas): scored["own", nwc, pas] for nwc, pas in STATES}
    fitted: Scored = {(head == "tap", *state): scored[head, *state] for head in ("gap", "tap") for state in STATES}
    fit: Scored = {(head == "gap", *state): scored[head, *state] for head in ("own", "gap") for state in STATES}
    return [
        *(("fitted", remedy, mean_gain(fitted, place)) for place, remedy in enumerate(("tap", "nwc", "pas"))),
        *(("own", remedy, mean_gain(own, place)) for place, remedy in enumerate(("nwc", "pas"))),
        ("fitted", "fit", mean_gain(fit, 0)),
    ]


def mean_gain(scored: Scored, remedy: int) -> Accuracy:
    """What switching one remedy on gains in MaxBoxAcc, in points, on average over all settings of the others.

    The main effect of a full factorial design (Fisher 1935). `remedy` is its place in the keys.
    """
    on, off = (
        Accuracy.mean([scored[key].accuracy for key in scored if key[remedy] is state]) for state in (True, False)
    )
    return on - off


def points(difference: Accuracy, confidence: float) -> Row:
    """A difference as columns of the table."""
    found = difference.estimate(confidence)
    return {
        "difference_points": found.value,
        "difference_low_points": found.low,
        "difference_high_points": found.high,
    }
