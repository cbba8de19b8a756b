"""The validation images: which they are depends on the seed and the image ids alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camagain.datasets.split import carve_val
from camagain.errors import UserError


@given(order=st.permutations(range(12)), seed=st.integers(0, 3))
def test_val_depends_on_seed_and_ids_but_not_on_order(order: list[int], seed: int) -> None:
    def val(numbers: list[int]) -> set[str]:
        ids = [str(i) for i in numbers]
        train = [i % 6 != 5 for i in numbers]
        splits = carve_val(ids, ["ab"[i // 6] for i in numbers], train, 2, seed, Path("split.txt"))
        assert {i for i, split in zip(ids, splits, strict=True) if split == "test"} == {"5", "11"}
        return {i for i, split in zip(ids, splits, strict=True) if split == "val"}

    chosen = val(order)
    assert chosen == val(list(range(12)))
    assert len(chosen & {str(i) for i in range(6)}) == 2 and len(chosen) == 4


def test_val_differs_between_seeds() -> None:
    def val(seed: int) -> list[str]:
        return carve_val([str(i) for i in range(50)], ["a"] * 50, [i > 0 for i in range(50)], 5, seed, Path("s.txt"))

    assert val(0) == val(0) != val(1)


def test_a_class_keeps_a_training_image() -> None:
    names, train = [*"aaaabbb"], [*[True] * 3, False, *[True] * 2, False]  # b has two training images
    assert carve_val([*"1234567"], names, train, 1, 0, Path("s.txt")).count("val") == 2
    with pytest.raises(UserError, match=r"s\.txt: class 'b' has 2 training images .* at least one must remain"):
        carve_val([*"1234567"], names, train, 2, 0, Path("s.txt"))
