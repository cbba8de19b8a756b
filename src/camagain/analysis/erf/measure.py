"""The effective receptive field of a model: with random weights, those it started from, and those it was given."""

from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.erf.area import THRESHOLDS, Squares, area_ratios, linear_area_ratios
from camagain.analysis.erf.contribution import Contribution, measure
from camagain.analysis.erf.settings import State
from camagain.analysis.kit.run import Findings
from camagain.artifacts import RunPaths
from camagain.compute import prepare
from camagain.config import Experiment
from camagain.datasets.images import ImageTable
from camagain.datasets.index import read_index, spread_evenly
from camagain.errors import NotApplicable
from camagain.localization.forward import images_of, one_by_one, ready
from camagain.models.checkpoint import load_network
from camagain.models.weights import starting_network
from camagain.models.zoo import Network
from camagain.progress import track

COLUMNS = ("state", "t", "side_pixels", "area_ratio", "linear_area_ratio", "images", "input_pixels")

CURVE_SHARES = tuple(sorted({*THRESHOLDS, *(round(0.05 * step, 2) for step in range(1, 20))}))
"""Shares of the contribution at which the area is measured: those of the literature, and equal steps for a curve."""


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Area ratios of one model in each state of the experiment, and the contribution map of each as an array.

    Images of the test split, spread evenly over it, warped to `analysis.erf.size` and normalised as the model was
    trained, go through the network one by one. A state that has no effective receptive field is left out, and `about`
    says why; NotApplicable where none is left.
    """
    settings, device = experiment.analysis.erf, prepare(experiment.compute)
    trained, card = load_network(paths.model(model))
    size = settings.size or card.input.size
    index = spread_evenly(read_index(paths.index, "test"), settings.images)
    seen = card.input.model_copy(update={"size": size})
    table = images_of(index, seen, experiment.compute, paths)

    found: dict[State, Contribution] = {}
    about: dict[str, Any] = {"input_pixels": size, "images": len(index), "skipped_images": {}, "without": {}}
    tables = []
    for state in states(experiment, model):
        network = ready(network_in(state, trained, experiment, model, len(card.classes)), experiment.compute, device)
        try:
            found[state] = measured(network, table, f"{model}, {state}")
            tables.append(areas(state, found[state]))
        except NotApplicable as error:
            found.pop(state, None)
            about["without"][state] = " ".join(str(error).split())
            continue
        about["skipped_images"][state] = found[state].skipped
    if not found:
        raise NotApplicable(next(iter(about["without"].values())))
    about["largest_contribution"] = {state: float(of.values.max()) for state, of in found.items()}
    return Findings(pd.concat(tables, ignore_index=True), about, {state: of.values for state, of in found.items()})


def states(experiment: Experiment, model: str) -> list[State]:
    """The weights to measure with; those that fine-tuning started from only where they are not the random ones."""
    wanted = experiment.analysis.erf.states
    return [state for state in wanted if state != "start" or experiment.model(model).weights != "random"]


def network_in(state: State, trained: Network, experiment: Experiment, model: str, classes: int) -> Network:
    """The network with the weights of a state; random ones are drawn as those of a training would be."""
    if state == "finetuned":
        return trained
    entry = experiment.model(model)
    if state == "random":
        entry = entry.model_copy(update={"weights": "random"})
    return starting_network(entry, classes, experiment.training_seed, downloads=experiment.compute.downloads)[0]


def measured(network: Network, table: ImageTable, name: str) -> Contribution:
    """The contribution map of a network over the images of a table."""
    return measure(network, track(one_by_one(table), len(table), f"erf of {name}"), name)


def areas(state: State, contribution: Contribution) -> pd.DataFrame:
    """The rows of one state: the side of the square and its share of the image, empty where no square holds t."""
    try:
        ratios = area_ratios(contribution.values, CURVE_SHARES)
    except ValueError as error:  # nothing in the map, which random weights can bring about
        raise NotApplicable(f"state '{state}': {error}") from None
    sides = [None if found is None else found[0] for found in ratios.values()]
    return pd.DataFrame(
        {
            "state": state,
            "t": CURVE_SHARES,
            "side_pixels": pd.array(sides, dtype="Int64"),
            "area_ratio": ratio_column(ratios),
            "linear_area_ratio": ratio_column(linear_area_ratios(contribution.values, CURVE_SHARES)),
            "images": contribution.images,
            "input_pixels": len(contribution.values),
        }
    )


def ratio_column(squares: Squares) -> list[float]:
    return [np.nan if found is None else found[1] for found in squares.values()]
