"""The tables of two runs: which are the same bytes, which one run alone has, and the others in stacks by kind."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pandas as pd

from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.kinds import CURVES, SCORES, Kind, kind_of
from camagain.compare.judging.relations import Relation, Relations, model_of
from camagain.compare.judging.stacks import SCORES_FILE, Pair, Stack, stacked, training_of
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.runs.folder import RunFolder
from camagain.drawing.empty import is_empty
from camagain.drawing.seeds import TRAINING_SEED

MEANS = "it draws means over seeds, and the tables hold what each seed gave"
"""Why figures of runs with several seeds are not judged."""


@dataclass
class Tables:
    """Every table of two runs but the scores. `done`: those that need no judge; `curves`: those that go with images."""

    done: list[TableComparison] = field(default_factory=list)
    curves: list[str] = field(default_factory=list)
    stacks: list[Stack] = field(default_factory=list)


def read_tables(a: RunFolder, b: RunFolder, relations: Relations) -> Tables:
    """Reads the tables of two runs that are not the same bytes."""
    found = Tables()
    of_any_seed = {run.root: set(map(model_of, run.listed)) for run in (a, b)}
    groups: dict[Kind, list[tuple[str, Pair]]] = {}
    for file, kind in table_files(a, b):
        if a.digest(file) == b.digest(file) is not None:
            there = next((run for run in (a, b) if run.has(file)), None)
            rows = count_rows(there, file) if there else 1
            found.done.append(TableComparison(file, kind.section, {Verdict.IDENTICAL_BYTES: rows}))
            continue
        absent = [run for run in (a, b) if not run.has(file)]
        if len(absent) == 1 and absent[0].state(file) == "never made" and model_of(file) in of_any_seed[absent[0].root]:
            absent = []  # the run has it of another seed
        if absent:
            state = absent[0].state(file)
            verdict = Verdict.NOT_COMPARABLE if state == "left out" or kind.unjudged else Verdict.MISSING
            found.done.append(TableComparison(file, kind.section, {verdict: 1}, note=f"{state} in {absent[0]}"))
            continue
        if kind is CURVES and relations.of(training_of(kind, file)) is not Relation.EXACT:
            found.curves.append(file)
            continue
        if kind.section == "figure data" and max(len(run.seeds) for run in (a, b)) > 1:
            kind = replace(kind, unjudged=MEANS)
        pair = with_seeds(a, b, read(a, file), read(b, file))
        without = [table is not None and is_empty(table) for table in pair]
        if all(without):
            kind = replace(kind, keys=("model",))
        elif any(without):
            count = max(0 if table is None or empty else len(table) for table, empty in zip(pair, without, strict=True))
            note = f"does not apply in the {'first' if without[0] else 'second'} run"
            found.done.append(TableComparison(file, kind.section, {Verdict.MISSING: count}, note=note))
            continue
        groups.setdefault(kind, []).append((file, pair))
    found.stacks = [stacked(kind, *zip(*entries, strict=True)) for kind, entries in groups.items()]
    return found


def scores_stack(a: pd.DataFrame, b: pd.DataFrame) -> Stack:
    """The scores of two runs."""
    return stacked(SCORES, [SCORES_FILE], [(a, b)])


def table_files(a: RunFolder, b: RunFolder) -> Iterator[tuple[str, Kind]]:
    """The tables that either run had, but the scores, sorted."""
    for file in sorted(set(a.listed) | set(b.listed)):
        kind = kind_of(file)
        if kind is not None and kind is not SCORES:
            yield file, kind


def count_rows(run: RunFolder, file: str) -> int:
    """How many rows a table has, by its lines."""
    return max(0, run.path(file).read_bytes().count(b"\n") - 1)


def read(run: RunFolder, file: str) -> pd.DataFrame | None:
    """A table, None where the run has none."""
    return numbered_from_its_seed(run, file, run.csv(file)) if run.has(file) else None


def with_seeds(a: RunFolder, b: RunFolder, first: pd.DataFrame | None, second: pd.DataFrame | None) -> Pair:
    """Tables of which one holds the rows of several seeds: the rows of the other are those of its one seed."""
    if not any(table is not None and TRAINING_SEED in table for table in (first, second)):
        return first, second
    one, other = (
        table if table is None or TRAINING_SEED in table else table.assign(**{TRAINING_SEED: run.seeds[0]})
        for run, table in ((a, first), (b, second))
    )
    return one, other


def numbered_from_its_seed(run: RunFolder, file: str, table: pd.DataFrame) -> pd.DataFrame:
    """A table whose repetitions are counted from the seed of training, so that the first of each run are compared."""
    if "weights_seed" not in table:
        return table
    of_file = re.search(r"/seed(\d+)/", file)
    own = table[TRAINING_SEED] if TRAINING_SEED in table else int(of_file[1]) if of_file else run.seeds[0]
    return table.assign(weights_seed=table["weights_seed"] - own)
