"""Planted mistakes: the list fits the sources, and a mistake that no test sees is found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from camagain.errors import UserError
from tools.mutants.listed import Mutant, fault, faults, read_mutants
from tools.mutants.trial import KILLED, NOT_APPLICABLE, SURVIVED, trials


def test_every_listed_mistake_can_be_planted(root: Path):
    mutants = read_mutants()
    assert len(mutants) > 60
    assert len(set(mutants)) == len(mutants)
    assert not [f"{mutant}: {reason}" for mutant, reason in faults(root, mutants)]


def test_the_tests_of_a_mistake_are_quick(root: Path):
    """Where a file makes a whole run, which takes a minute, the list names the tests in it that do not."""
    files = {test for mutant in read_mutants() for test in mutant.tests if "::" not in test}
    assert not [file for file in sorted(files) if "tiny_run" in (root / file).read_text()]


def test_every_part_whose_numbers_are_printed_has_mistakes(root: Path):
    """Parts that compute scores; a new module of one has its mistakes on the list, or holds nothing to get wrong."""
    listed = {mutant.file for mutant in read_mutants()}
    for part in ("evaluation", "localization", "models", "statistics"):
        assert any(file.startswith(f"src/camagain/{part}/") for file in listed), part


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one function and two tests."""
    files = {
        "src/camagain/__init__.py": "",
        "src/camagain/half.py": "def half(x):\n    return x / 2\n\n\ndef sign(x):\n    return -1 if x < 0 else 1\n",
        "tests/test_half.py": "from camagain.half import half\n\n\ndef test_half():\n    assert half(6) == 3\n",
        "tests/test_sign.py": "from camagain.half import sign\n\n\ndef test_sign():\n    assert sign(-3) == -1\n",
        "pyproject.toml": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def planted() -> Callable[..., Mutant]:
    def plant(line: str, becomes: str, test: str = "tests/test_half.py") -> Mutant:
        return Mutant("src/camagain/half.py", line, becomes, "a reason", (test,))

    return plant


def test_verdicts(project: Path, planted: Callable[..., Mutant]):
    mutants = [
        planted("x / 2", "x / 3"),
        planted("x < 0", "x <= 0", "tests/test_sign.py"),  # no test asks for the sign of 0
        planted("x // 2", "x / 2"),
        planted("def half", "def third"),
    ]
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    found = list(trials(project, mutants, processes=2))
    assert [mutant for mutant, *_ in found] == mutants
    assert [verdict for _, verdict, _ in found] == [KILLED, SURVIVED, NOT_APPLICABLE, NOT_APPLICABLE]
    remarks = [remark for *_, remark in found]
    assert remarks[0] == "FAILED tests/test_half.py::test_half"
    assert remarks[1] == "tests/test_sign.py passed. Add a test that fails"
    assert "stands there 0 times" in remarks[2]
    assert "did not run" in remarks[3] and "can be imported" in remarks[3]
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert after == before, "the project itself is left alone"


def test_tests_that_fail_anyway_are_said_before_any_mutant(project: Path, planted: Callable[..., Mutant]):
    (project / "src/camagain/half.py").write_text("def half(x):\n    return x / 4\n")
    with pytest.raises(UserError, match=r"fail without any mutant(?s:.)*test_half"):
        next(trials(project, [planted("x / 4", "x / 3")], processes=1))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"line": "x"}, "times instead of once"),
        ({"becomes": "x / 2"}, "changes nothing"),
        ({"becomes": "x /"}, "no Python"),
        ({"tests": ()}, "names no test"),
        ({"tests": ("tests/test_gone.py",)}, "tests/test_gone.py is gone"),
        ({"tests": ("tests/test_half.py::test_gone",)}, "test_half.py::test_gone is gone"),
        ({"file": "src/camagain/gone.py"}, "the file is gone"),
    ],
)
def test_what_cannot_be_planted_says_why(project: Path, changed: dict, reason: str):
    whole = {
        "file": "src/camagain/half.py",
        "line": "x / 2",
        "becomes": "x / 3",
        "why": "",
        "tests": ("tests/test_half.py",),
    }
    assert fault(project, Mutant(**whole)) == ""
    assert reason in fault(project, Mutant(**whole | changed))


def test_an_entry_without_a_part_is_refused(tmp_path: Path):
    (tmp_path / "list.yaml").write_text("a.py:\n  tests: [b.py]\n  mutants:\n    - {line: x, becomes: y}\n")
    with pytest.raises(UserError, match=r"a\.py: found the parts \['becomes', 'line'\] of a mutant; expected"):
        read_mutants(tmp_path / "list.yaml")
