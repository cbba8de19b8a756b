"""Every table that a run makes has a kind, and the columns of each kind identify its rows."""

from pathlib import Path

import pandas as pd
import pytest

from camagain.compare.judging.kinds import SCORES, kind_of, kinds, kinds_of
from camagain.compare.judging.stacks import check_keys
from camagain.drawing.empty import is_empty
from camagain.drawing.seeds import TRAINING_SEED
from camagain.paper.registry import exhibits


def tables_of(run: Path) -> list[Path]:
    return sorted(path for path in run.rglob("*.csv") if "logs" not in path.parts and path.parent != run)


def check(run: Path) -> set[str]:
    found = set()
    for path in tables_of(run):
        file = path.relative_to(run).as_posix()
        kind = kind_of(file)
        assert kind is not None, f"{file} is compared by nothing"
        table = pd.read_csv(path)
        of_seeds = (TRAINING_SEED,) if TRAINING_SEED in table else ()
        check_keys(file, "only", table, ("model",) if is_empty(table) else (*dict.fromkeys([*of_seeds, *kind.keys]),))
        found.add(kind.pattern)
    return found


def test_every_table_of_a_run_has_a_kind_whose_keys_identify_its_rows(tiny_run):
    experiment, paths = tiny_run
    never = {kind.pattern for kind in kinds() if kind is not SCORES} - check(paths.root)
    unshown = {kind.pattern for exhibit in exhibits() if not exhibit.is_shown(experiment) for kind in kinds_of(exhibit)}
    assert never == unshown, "a pattern that fits nothing"


@pytest.mark.parametrize("name", ["demo", "cub27", "miniature"])
def test_so_have_the_committed_references(root: Path, name: str):
    assert check(root / "results" / "reference" / name)


def test_what_is_no_table_has_none():
    assert kind_of("models/x/model.json") is None
    assert kind_of("figures/erf.png") is None
