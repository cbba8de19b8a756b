"""The project on every Python that is here: `uvx nox`, or `pipx run nox`. A version that is missing is skipped by name.

uvx nox                    the evaluator alone, without torch: a minute for each version
uvx nox -s everything      all of `make setup` and the tests of networks and stages: gigabytes for each version
"""

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

NEEDS_A_RUN = "tests/evaluation/test_own.py::test_a_run_is_scored_as_its_own_stage_scores_it"

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["evaluator"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
def evaluator(session: nox.Session) -> None:
    """What needs none of the extras: scores of maps, comparisons of runs."""
    session.install("-c", "requirements.lock", ".", "pytest", "pytest-xdist", "hypothesis", "filelock")
    session.run("pytest", "-q", "tests/evaluation", "tests/statistics", "--deselect", NEEDS_A_RUN)
    session.run("camagain", "verify", "results/reference/demo")


@nox.session(python=PYTHONS)
def everything(session: nox.Session) -> None:
    """The environment of `make setup`, and every test that is not slow and does not run the workflow."""
    session.install("-c", "requirements.lock", ".[dev]")
    session.run("pytest", "-q", "-m", "not slow and not pipeline", *session.posargs)
