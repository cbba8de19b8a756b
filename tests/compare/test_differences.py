"""What is said of one difference between two runs."""

import pytest

from camagain.compare.runs.differences import Difference

COMMON = " ".join(f"avx512{letter}" for letter in "abcdefghij")


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (5, 100, "5 against 100"),
        (None, "avx2", "none against avx2"),
        ("a" * 40, "b" * 40, f"{'a' * 12} against {'b' * 12}"),
        (f"{COMMON} amx", f"{COMMON} vaes", "amx against vaes"),
        (f"{COMMON} amx", COMMON, "amx against nothing more"),
        ("x" * 70, "y" * 70, f"{'x' * 57}... against {'y' * 57}..."),
    ],
)
def test_two_unlike_values_never_look_alike(a, b, said: str):
    assert str(Difference("machine", "flags", a, b)) == f"flags: {said}"
