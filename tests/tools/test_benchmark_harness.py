"""What a benchmark records: medians of one thing, their ratio, and the ratios of single rounds."""

from benchmarks.harness import alternate, bound_row, ratio_rows


def test_a_ratio_is_that_of_the_medians_and_its_spread_that_of_single_rounds():
    seconds = {"ours": [2.0, 4.0, 6.0], "peer": [3.0, 4.0, 9.0]}
    (row,) = ratio_rows("b", "case", seconds, "ours", {"ours": 4})
    assert (row["peer_ms"], row["ours_ms"], row["n"]) == (4000, 1000, 3)
    assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == (4, 4, 6)


def test_a_bound_is_a_peer_that_always_takes_as_long():
    row = bound_row("b", "case", 10, 2000, "ours", [4.0, 5.0, 8.0])
    assert (row["peer"], row["ours_ms"]) == ("bound: 10 s, 2000 MB", 5000)
    assert (row["ratio"], row["ratio_low"], row["ratio_high"], row["n"]) == (2, 1.25, 2.5, 3)


def test_candidates_take_turns_and_the_first_round_of_cold_ones_is_not_counted():
    calls: list[str] = []
    candidates = {name: lambda name=name: calls.append(name) for name in "ab"}
    time = iter(range(100))
    assert alternate(candidates, 2, clock=lambda: next(time)) == {"a": [1, 1], "b": [1, 1]}
    assert "".join(calls) == "ababab"
    calls.clear()
    alternate(candidates, 2, warm=True)
    assert "".join(calls) == "abab"
