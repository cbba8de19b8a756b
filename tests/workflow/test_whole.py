"""Snakemake and the library make the same run, with every stage and analysis."""

from pathlib import Path

import pytest

from tests.workflow.faults import values
from tests.workflow.plans import planned

pytestmark = [pytest.mark.pipeline, pytest.mark.long]


def test_snakemake_makes_what_the_library_makes(checkout: Path, run, tiny_run):
    run("snakemake", "--cores", "2")
    made, by_library = values(checkout / "results" / "tiny"), values(tiny_run[1].root)
    benchmarks = {name for name in made if name.startswith("benchmarks/")}
    assert {name: made[name] for name in made.keys() - benchmarks} == by_library
    assert planned(run) == {}
