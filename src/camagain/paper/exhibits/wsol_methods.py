"""Other methods of weakly supervised object localization: what others published, the paper's own, and this run's."""

from collections.abc import Iterator

import pandas as pd

from camagain.config import BASELINE
from camagain.config.methods import declared, uses_true_class
from camagain.drawing.cells import score_cell
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.paper.published import Published, published_table, published_value

NAME = "wsol-methods"
TITLE = "Other methods of localization"
PLACE = 50
KEYS = ("method", "network", "figure", "whose")

BACKBONES = ("VGG16", "InceptionV3", "ResNet50")
CUB_V2 = "CUB MaxBoxAccV2"
CHANCE = (BASELINE, "centre-gaussian")

PROTOCOLS = {
    "MaxBoxAcc": "threshold best on test, IoU 0.5, largest contour",
    "MaxBoxAccV2": "thresholds best on test, mean over IoU 0.3, 0.5 and 0.7, any contour",
    "GT-known Loc": "IoU 0.5, threshold fixed or tuned as each paper has it",
}
"""How the box accuracies of the table differ."""

WITH_BOXES = "; settings chosen with the boxes of 1,000 other images"
"""How wsolevaluation's authors choose the settings of every method."""


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per number: method, network, figure, whether published or of this run, data, protocol and source."""
    return pd.DataFrame([*published_rows(), *own_rows(results)])


def published_rows() -> Iterator[dict]:
    """wsolevaluation's methods on CUB, GT-known Loc of others, the best other method, and the paper's own numbers."""
    for entry in published_table("wsolevaluation"):
        if entry.column.startswith(CUB_V2) and not entry.column.endswith("mean"):
            row = published_row(entry, entry.row, entry.column.removeprefix(f"{CUB_V2}, "), "MaxBoxAccV2")
            yield row | {"protocol": row["protocol"] + WITH_BOXES}
    for entry in sorted(published_table("gt-known"), key=lambda entry: entry.value):
        method, _, network = entry.row.removesuffix(")").partition(" (")
        yield published_row(entry, method, network or "not stated", "GT-known Loc")
    best = published_value("state-of-the-art", "best other CNN-based method", "MaxBoxAcc")
    yield published_row(best, "best other CNN-based, by the paper", "not stated", "MaxBoxAcc")
    for entry in published_table("model-zoo"):
        network, method = entry.row.split(", ")
        yield published_row(entry, f"{method}, the paper's", network, entry.column)


def published_row(entry: Published, method: str, network: str, figure: str) -> dict:
    return {
        "method": method,
        "network": "any" if network == CUB_V2 else network,  # the centre baseline looks at no image
        "figure": figure,
        "whose": "published",
        "value_percent": entry.value,
        "printed": entry.printed,
        "certainty": entry.certainty,
        "source": entry.source,
        "note": entry.note,
        "dataset": "CUB-200-2011",
        "protocol": PROTOCOLS[figure],
    }


def own_rows(results: RunResults) -> Iterator[dict]:
    """The native methods of this run's networks, and the centred Gaussian."""
    for model, method in own_keys(results):
        scores = results.scores(model, method)
        for name, key in (("MaxBoxAcc", "max_box_acc"), ("MaxBoxAccV2", "max_box_acc_v2")):
            yield {
                "method": MAP_NAMES[method],
                "network": model,
                "figure": name,
                "whose": "this run",
                "value_percent": scores[key]["value"],
                "low_percent": scores[key]["low"],
                "high_percent": scores[key]["high"],
                "certainty": "measured",
                "source": f"run {results.experiment.run}",
                "dataset": results.dataset["name"],
                "protocol": PROTOCOLS[name],
            }


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """Published numbers and this run's in columns of their own, whose headers name the images."""
    columns = ("Method", "Network", "Score", "Number", "published, CUB", f"this run, {results.dataset['name']}")
    rows = [*wsolevaluation_text(), *other_text(), *paper_text(), *own_text(results)]
    protocols = "; ".join(f"{figure}: {protocol}" for figure, protocol in PROTOCOLS.items())
    caption = (
        "Box accuracy in percent. Published: CUB-200-2011, 5,794 test images, by three protocols whose scores cannot "
        f"be ranked against each other ({protocols}). Derived: added or subtracted from rounded numbers; reported: not "
        "by the method's authors. Which rows the paper's own table has is unknown. This run, in a column of its own: "
        f"{results.scope} Sources and notes: wsol-methods.csv."
    )
    return TextTable(caption, columns, tuple(rows), text_columns=4)


def wsolevaluation_text() -> Iterator[tuple[str, ...]]:
    """A row per method of wsolevaluation's table, its three networks in one cell."""
    table = [entry for entry in published_table("wsolevaluation") if entry.column.startswith(CUB_V2)]
    for method in dict.fromkeys(entry.row for entry in table):
        found = {entry.column.removeprefix(f"{CUB_V2}, "): entry for entry in table if entry.row == method}
        shown = [found[network] for network in BACKBONES if network in found] or [found[CUB_V2]]
        networks = " / ".join(network for network in BACKBONES if network in found) or "any"
        values = " / ".join(entry.printed for entry in shown)
        yield method, networks, "MaxBoxAccV2", shown[0].certainty, values, "–"


def other_text() -> Iterator[tuple[str, ...]]:
    """A row per method whose GT-known Loc is published, and the best other one by the paper."""
    for row in published_rows():
        if row["figure"] == "GT-known Loc" or row["method"].startswith("best other"):
            yield row["method"], row["network"], row["figure"], row["certainty"], row["printed"], "–"


def paper_text() -> Iterator[tuple[str, ...]]:
    """A row per network and map of the paper, both scores in one cell."""
    for row in dict.fromkeys(entry.row for entry in published_table("model-zoo")):
        network, method = row.split(", ")
        first, second = (published_value("model-zoo", row, figure) for figure in ("MaxBoxAcc", "MaxBoxAccV2"))
        both = f"{first.printed} / {second.printed}"
        yield f"{method}, the paper's", network, "MaxBoxAcc / V2", first.certainty, both, "–"


def own_text(results: RunResults) -> Iterator[tuple[str, ...]]:
    """A row per network and map of this run, both scores in one cell."""
    for model, method in own_keys(results):
        scores = results.scores(model, method)
        both = " / ".join(score_cell(scores[key]) for key in ("max_box_acc", "max_box_acc_v2"))
        yield MAP_NAMES[method], "–" if model == BASELINE else model, "MaxBoxAcc / V2", "measured", "–", both


def own_keys(results: RunResults) -> list[tuple[str, str]]:
    """(model, method) of the rows of this run: native maps of the predicted class, and the centred Gaussian."""
    shown = [key for key in results.keys if key[0] != BASELINE]
    return [key for key in shown if declared(key[1]).native and not uses_true_class(key[1])] + [CHANCE]
