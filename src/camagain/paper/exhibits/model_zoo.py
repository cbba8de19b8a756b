"""The authors' model zoo beside ours: their eight scores, those of a rerun, and this run's where it has the network."""

from collections.abc import Iterator

import pandas as pd

from camagain.config.methods import declared
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.paper.evidence import (
    PAPERS_CLASSES,
    PAPERS_DATASET,
    PAPERS_TEST_IMAGES,
    counterpart,
    counterparts,
    is_papers_data,
    tolerance_points,
)
from camagain.paper.published import Published, maybe_published, published_table

NAME = "model-zoo"
TITLE = "The authors' model zoo, and ours"
PLACE = 40
KEYS = ("network", "map", "figure", "model", "method")

SCORES = {"MaxBoxAcc": "max_box_acc", "MaxBoxAccV2": "max_box_acc_v2"}
"""Columns of the published table and their keys in metrics.json."""

COLUMNS = (
    "network",
    "map",
    "figure",
    "authors_percent",
    "authors_digits",
    "authors_certainty",
    "authors_source",
    "unofficial_percent",
    "unofficial_source",
    "model",
    "method",
    "weights",
    "own_percent",
    "own_low_percent",
    "own_high_percent",
    "difference_points",
    "tolerance_points",
    "verdict",
    "own_dataset",
    "own_test_images",
)


def numbers(results: RunResults) -> pd.DataFrame:
    """One row for each published number and each map of ours that answers it, or one that says there is none."""
    rows = [row for published in published_table("model-zoo") for row in rows_of(published, results)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def rows_of(published: Published, results: RunResults) -> Iterator[dict]:
    """A published number beside each model and map of the run that it can be compared with."""
    network, method = published.row.split(", ")
    other = maybe_published("unofficial", published.row, published.column)
    row = {
        "network": network,
        "map": method,
        "figure": published.column,
        "authors_percent": published.value,
        "authors_digits": published.digits,
        "authors_certainty": published.certainty,
        "authors_source": published.source,
        "unofficial_percent": other.value if other else None,
        "unofficial_source": other.source if other else None,
    }
    answered = False
    for model, match in counterparts(results).items():
        for own in results.experiment.localization.methods:
            if match.network != network or not declared(own).in_model_zoo or declared(own).title != method:
                continue
            score = results.scores(model, own)[SCORES[published.column]]
            difference, tolerance = score["value"] - published.value, tolerance_points(published, match.weights)
            answered = True
            yield row | {
                "model": model,
                "method": own,
                "weights": match.weights,
                "own_percent": score["value"],
                "own_low_percent": score["low"],
                "own_high_percent": score["high"],
                "difference_points": difference,
                "tolerance_points": tolerance,
                "verdict": "agrees" if abs(difference) <= tolerance else "differs",
                "own_dataset": results.dataset["name"],
                "own_test_images": results.dataset["splits"]["test"],
            }
    if not answered:
        yield row | {"verdict": "not run"}


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """The same as people read it; a dash where there is no number."""
    table = table.astype(object)
    table = table.where(table.notna(), None)
    rows = tuple(
        (
            row.network,
            MAP_NAMES[row.method] if row.method else row.map,
            row.weights or "–",
            row.figure,
            f"{row.authors_percent:.{row.authors_digits}f}",
            "–" if row.unofficial_percent is None else f"{row.unofficial_percent:.2f}",
            "–" if row.own_percent is None else f"{row.own_percent:.2f} {interval(row)}",
            "–" if row.difference_points is None else f"{row.difference_points:+.2f}",
            "–" if row.tolerance_points is None else f"±{row.tolerance_points:.3f}",
            row.verdict,
        )
        for row in table.itertuples()
    )
    columns = (
        "Network",
        "Map",
        "Our weights",
        "Score",
        "authors",
        "others' rerun",
        "ours",
        "difference",
        "tolerance",
        "verdict",
    )
    return TextTable(caption(results), columns, rows, text_columns=4)


def interval(row) -> str:
    return f"[{row.own_low_percent:.1f}, {row.own_high_percent:.1f}]"


def caption(results: RunResults) -> str:
    """What the columns are, and why ours are empty where they are."""
    return (
        f"The authors' model zoo: MaxBoxAcc and MaxBoxAccV2 in percent on the {PAPERS_TEST_IMAGES:,} test images of "
        f"{PAPERS_DATASET} ({PAPERS_CLASSES} classes), as they print them. Others' rerun: their weights, evaluated by "
        f"somebody else. Ours: this run, {results.scope} {why_empty(results)}Tolerance: the rounding of the printed "
        "digits and, unless the weights are the authors', the binomial error of a share of that many images at 95 %. "
        "Sources: model-zoo.csv."
    )


def why_empty(results: RunResults) -> str:
    """A sentence on why no score of this run stands beside the paper's; empty where one does."""
    if counterparts(results):
        return ""
    if not is_papers_data(results.dataset):
        return "These are not the paper's images, so none of its numbers stands here. "
    networks = [counterpart(results.experiment, model) for model in results.experiment.models]
    return "" if any(networks) else "It has neither of the two networks, so none of its numbers stands here. "
