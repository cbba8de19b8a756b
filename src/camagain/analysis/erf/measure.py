"""The effective receptive field of a model: with random weights, those it started from, and those it was given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.erf.area import (
    THRESHOLDS,
    Squares,
    area_ratios,
    free_area_ratios,
    linear_area_ratios,
    linear_free_area_ratios,
)
from camagain.analysis.erf.contribution import Contribution, measure, measure_everywhere
from camagain.analysis.erf.readings import MEASURES, READING, UPSTREAM
from camagain.analysis.erf.settings import Erf, State
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

COLUMNS = ("state", *READING, "t", "side_pixels", *MEASURES, "images", "input_pixels")

CURVE_SHARES = tuple(sorted({*THRESHOLDS, *(round(0.05 * step, 2) for step in range(1, 20))}))
"""Shares of the contribution at which the area is measured: those of the literature, and equal steps for a curve."""


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Area ratios of one model in each state of the experiment, and the contribution map of each as an array.

    Images of the test split, spread evenly over it, warped to `analysis.erf.size` and normalised as the model was
    trained, go through the network one by one. With fine-tuned weights it is measured in every other reading, too
    (`readings`). A state that has no effective receptive field is left out, and so is a reading; `about` says why.
    NotApplicable where no state is left.
    """
    settings, device = experiment.analysis.erf, prepare(experiment.compute)
    trained, card = load_network(paths.model(model))
    size = settings.size or card.input.size
    index = spread_evenly(read_index(paths.index, "test"), settings.images)

    def images(side: int) -> ImageTable:
        return images_of(index, card.input.model_copy(update={"size": side}), experiment.compute, paths)

    found: dict[State, Contribution] = {}
    about: dict[str, Any] = {"input_pixels": size, "images": len(index), "skipped_images": {}, "without": {}}
    about["without_readings"] = {}
    tables = []
    for state in states(experiment, model):
        network = ready(network_in(state, trained, experiment, model, len(card.classes)), experiment.compute, device)
        try:
            found[state] = measured(network, images(size), f"{model}, {state}")
            tables += areas(state, found[state], UPSTREAM, size, CURVE_SHARES)
        except NotApplicable as error:
            found.pop(state, None)
            about["without"][state] = " ".join(str(error).split())
            continue
        about["skipped_images"][state] = found[state].skipped
        if state == "finetuned":
            for reading, side, measuring in other_readings(network, settings, size, images, found[state], model):
                try:
                    tables += areas(state, measuring(), reading, side, THRESHOLDS)
                except NotApplicable as error:
                    about["without_readings"][" ".join(reading.values())] = " ".join(str(error).split())
    if not found:
        raise NotApplicable(next(iter(about["without"].values())))
    about["largest_contribution"] = {state: float(of.values.max()) for state, of in found.items()}
    return Findings(pd.concat(tables, ignore_index=True), about, {state: of.values for state, of in found.items()})


def other_readings(
    network: Network,
    settings: Erf,
    size: int,
    images: Callable[[int], ImageTable],
    own: Contribution,
    model: str,
) -> Iterator[tuple[dict[str, str], int, Callable[[], Contribution]]]:
    """Each other way to make the map of a network: what it is, the side of the input, and the measurement itself.

    One thing at a time differs from RepLKNet's way: the mean over cells, or another side of the input. Where that is
    the network's own, the map is there already.
    """
    table = images(size)

    def everywhere() -> Contribution:
        seen = track(one_by_one(table), len(table), f"erf of {model}, cells")
        return measure_everywhere(network, seen, model, settings.grid)

    yield {**UPSTREAM, "cells": "mean"}, size, everywhere
    for side in settings.other_sizes:
        at_side = partial(measured, network, images(side), f"{model}, {side} px")
        yield {**UPSTREAM, "input": str(side)}, side, at_side if side != size else lambda: own


def states(experiment: Experiment, model: str) -> list[State]:
    """The weights to measure with; those that fine-tuning started from only where they are weights of their own.

    They are the random ones where training starts from those, and the fine-tuned ones where nothing is trained.
    """
    wanted, entry = experiment.analysis.erf.states, experiment.model(model)
    same = entry.weights == "random" or (entry.training.epochs == 0 and "finetuned" in wanted)
    return [state for state in wanted if not (state == "start" and same)]


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


def areas(
    state: State, found: Contribution, reading: Mapping[str, str], side: int, shares: Sequence[float]
) -> list[pd.DataFrame]:
    """The rows of one contribution map, and at the literature's shares those of the map of absolute gradients.

    Areas are shares of the image of `side` x `side` pixels; that of the square is empty where none holds t.
    """
    absolute = {**reading, "gradients": "absolute"}
    return [
        rows_of(state, found.values, reading, side, shares).assign(images=found.images, input_pixels=side),
        rows_of(state, found.absolute, absolute, side, THRESHOLDS).assign(images=found.images, input_pixels=side),
    ]


def rows_of(
    state: State, values: np.ndarray, reading: Mapping[str, str], side: int, shares: Sequence[float]
) -> pd.DataFrame:
    """A row for each share of one map, whose areas become shares of the image."""
    scale = values.size / side**2  # a map around the mean cell is larger than the image
    try:
        square, linear = area_ratios(values, shares), linear_area_ratios(values, shares)
    except ValueError as error:  # nothing in the map, which random weights can bring about
        raise NotApplicable(f"state '{state}': {error}") from None
    sides = [None if one is None else one[0] for one in square.values()]
    ratios = (
        ratio_column(square),
        ratio_column(linear),
        list(free_area_ratios(values, shares).values()),
        list(linear_free_area_ratios(values, shares).values()),
    )
    columns = {name: scale * np.array(column) for name, column in zip(MEASURES, ratios, strict=True)}
    return pd.DataFrame(
        {"state": state, **reading, "t": shares, "side_pixels": pd.array(sides, dtype="Int64"), **columns}
    )


def ratio_column(squares: Squares) -> list[float]:
    return [np.nan if found is None else found[1] for found in squares.values()]
