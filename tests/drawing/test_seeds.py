"""Means over seeds: of rows with the same key, with their deviation and what each seed gave."""

import numpy as np
import pandas as pd
import pytest

from camagain.drawing.seeds import mean_over_seeds, singles


def table(value: float, low: float, high: float, **more) -> pd.DataFrame:
    return pd.DataFrame(
        [{"model": "a", "t": np.nan, "value": value, "low": low, "high": high, "unit": "percent", **more}]
    )


def test_two_seeds_by_hand():
    found = mean_over_seeds({0: table(10, 8, 12, count=3), 4: table(16, 13, 21, count=4)}, ("model", "t"))
    assert list(found.columns) == [
        "model", "t", "value", "low", "high", "unit", "count", "value_deviation", "value_seed0", "value_seed4",
    ]  # fmt: skip
    (row,) = found.to_dict("records")
    assert (row["value"], row["low"], row["high"], row["count"]) == (13, 10.5, 16.5, 3.5)
    assert row["value_deviation"] == pytest.approx(np.sqrt(18))  # ((10 - 13)^2 + (16 - 13)^2) / (2 - 1)
    assert (row["value_seed0"], row["value_seed4"], row["unit"]) == (10, 16, "percent")
    assert singles(found).tolist() == [[10, 16]]


def test_a_row_that_one_seed_lacks_is_the_mean_of_the_others():
    other = pd.concat([table(2, 1, 3), table(5, 4, 6).assign(model="b")], ignore_index=True)
    found = mean_over_seeds({0: table(4, 3, 5), 1: other}, ("model", "t")).set_index("model")
    assert found.loc["a", "value"] == 3 and found.loc["b", "value"] == 5
    assert np.isnan(found.loc["b", "value_seed0"]) and np.isnan(found.loc["b", "value_deviation"])


def test_truth_values_and_text_are_not_averaged():
    tables = {seed: table(seed, 0, 9, nwc=seed == 0, name=f"run {seed}") for seed in (0, 1)}
    (row,) = mean_over_seeds(tables, ("model", "t")).to_dict("records")
    assert row["nwc"] is True or row["nwc"] == np.True_
    assert row["name"] == "run 0"


def test_of_tables_without_rows_none_is_left():
    empty = pd.DataFrame(columns=["model", "value"])
    assert mean_over_seeds({0: empty, 1: empty}, ("model",)).empty
    assert len(mean_over_seeds({0: empty, 1: table(1, 0, 2)}, ("model", "t"))) == 1
