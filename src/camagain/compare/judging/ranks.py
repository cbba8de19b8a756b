"""Who is better than whom: ranks of models under one method, and of methods of one model, in both runs."""

from dataclasses import dataclass

import pandas as pd

RANKED = ("max_box_acc", "max_box_acc_v2", "top1")
"""Scores whose ranks are compared."""


@dataclass(frozen=True)
class RankChange:
    """Something whose rank differs between the runs; 1 is best."""

    what: str  # "models" or "methods"
    among: str  # what the others share: the method, or the model
    name: str
    figure: str
    a: int
    b: int
    of: int

    def __str__(self) -> str:
        return f"{self.figure} of {self.among}: {self.name} is number {self.a} of {self.of} in A, number {self.b} in B"


def mean_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of each model, means over its seeds where it has several."""
    models = scores.assign(model=scores["model"].str.partition("/")[0])
    return models.groupby(["model", "method", "figure"], sort=False, as_index=False)["value"].mean()


def rank_changes(a: pd.DataFrame, b: pd.DataFrame) -> tuple[RankChange, ...]:
    """Changes of rank among what both runs have; columns model, method, figure, value. Equal values share a rank."""
    both = a.merge(b, on=["model", "method", "figure"], suffixes=(" a", " b"))
    both = both[both["figure"].isin(RANKED) & (both["model"] != "baseline")]
    found = []
    for what, group, name in (("models", "method", "model"), ("methods", "model", "method")):
        for key, rows in both.groupby([group, "figure"], sort=False):
            ranks = [rows[f"value {side}"].rank(ascending=False, method="min").astype(int) for side in "ab"]
            for index in rows.index[(ranks[0] != ranks[1]).to_numpy()]:
                row = rows.loc[index]
                change = RankChange(
                    what, key[0], row[name], key[1], int(ranks[0][index]), int(ranks[1][index]), len(rows)
                )
                found.append(change)
    return tuple(sorted(found, key=lambda change: (RANKED.index(change.figure), change.what, change.among, change.a)))
