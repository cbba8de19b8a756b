"""Snakemake and the library make the same run, with every stage and analysis."""

import re
from pathlib import Path

import pytest

from tests.workflow.faults import values
from tests.workflow.plans import planned

pytestmark = [pytest.mark.pipeline, pytest.mark.long]


def test_snakemake_makes_what_the_library_makes(checkout: Path, run, tiny_run):
    run("snakemake", "--cores", "2")
    made, by_library = values(checkout / "results" / "tiny"), values(tiny_run[1].root)
    assert {name for name in made.keys() ^ by_library.keys() if not name.startswith("benchmarks/")} == set()
    # What is left of a gradient when a fit ends is rounding, and its digits differ between the two processes.
    fits = re.compile(r"analysis/remedies/.*/status\.json")
    differ = {name for name in made.keys() & by_library.keys() if made[name] != by_library[name]}
    assert {name for name in differ if not fits.fullmatch(name)} == set()
    assert planned(run) == {}
