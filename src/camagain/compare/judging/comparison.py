"""Run against run: everything that both have, joined and judged, and why it differs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from camagain.artifacts import INSIDE
from camagain.compare.judging.claims import ClaimComparison, compare_claims
from camagain.compare.judging.images import ImageComparison, compare_images
from camagain.compare.judging.kinds import SCORES, SECTIONS, Kind, kind_of
from camagain.compare.judging.ranks import RankChange, mean_scores, rank_changes
from camagain.compare.judging.spread import spread_within
from camagain.compare.judging.tables import SCORES_FILE, TableComparison, compare_tables, numbered_from_its_seed
from camagain.compare.judging.verdicts import IDENTICAL, Verdict, worst
from camagain.compare.runs.causes import Cause, causes
from camagain.compare.runs.differences import Difference, differences
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.guards import notices, same_test_images
from camagain.compare.runs.scores import read_scores, read_spread
from camagain.statistics.tolerances import Spread


@dataclass(frozen=True)
class Comparison:
    """The outcome of comparing run A with run B, against which A is measured."""

    a: RunFolder
    b: RunFolder
    notices: tuple[str, ...]
    tables: tuple[TableComparison, ...]  # the scores first
    claims: tuple[ClaimComparison, ...]
    images: tuple[ImageComparison, ...]
    ranks: tuple[RankChange, ...]
    differences: tuple[Difference, ...]
    causes: tuple[Cause, ...]

    @property
    def scores(self) -> TableComparison:
        return self.tables[0]

    @cached_property
    def counts(self) -> dict[str, Counter[Verdict]]:
        """How many rows, claims and sets of images have each verdict, by section in the order of the report."""
        found: dict[str, Counter[Verdict]] = {section: Counter() for section in ("scores", "claims", "images")}
        found |= {section: Counter() for section in SECTIONS if section != "scores"}
        for table in self.tables:
            found[table.section].update(table.counts)
        found["claims"].update(claim.verdict for claim in self.claims)
        found["images"].update(images.verdict for images in self.images)
        return {section: counter for section, counter in found.items() if counter}

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts."""
        return worst(verdict for counter in self.counts.values() for verdict in counter)

    def exit_code(self, fail_on: Verdict = Verdict.DIFFERS) -> int:
        """0 where nothing is as bad as `fail_on`, else 1; 2 where nothing could be compared."""
        if self.verdict is Verdict.NOT_COMPARABLE:
            return 2
        return int(self.verdict.level >= fail_on.level)


def compare_runs(a: Path, b: Path, worst_images: int = 8, spread_of: Path | None = None) -> Comparison:
    """Compares two runs, A with B; UserError when they are no runs or measure different things.

    `worst_images`: how many images of each model and method to name whose boxes moved most. `spread_of`: a reference
    whose spread over seeds counts besides those that A and B have.
    """
    one, other = RunFolder.open(a), RunFolder.open(b)
    same_test_images(one, other)
    spread = {
        **read_spread(*filter(None, (spread_of, one.root, other.root))),
        **spread_within(one),
        **spread_within(other),
    }
    splits = other.dataset["splits"]
    values = read_scores(one), read_scores(other)
    scores = compare_tables(SCORES_FILE, SCORES, *values, splits, spread)
    files = (compare_files(one, other, file, kind, spread) for file, kind in table_files(one, other))
    tables = (scores, *(following(table, scores) for table in files))
    images = tuple(
        compare_images(one, other, model, method, score_verdict(scores, model, method), worst_images)
        for model, method in score_keys(*values)
    )
    changed = Changes(one, other, tables, images)
    known = differences(one, other)
    return Comparison(
        one,
        other,
        notices(one, other),
        tables,
        compare_claims(one, other),
        images,
        rank_changes(*map(mean_scores, values)),
        known,
        causes(one, other, changed, known),
    )


def table_files(a: RunFolder, b: RunFolder) -> Iterator[tuple[str, Kind]]:
    """The tables that either run had, by section and name."""
    files = [(file, kind) for file in sorted(set(a.listed) | set(b.listed)) if (kind := kind_of(file)) is not None]
    for section in SECTIONS:
        yield from ((file, kind) for file, kind in files if kind.section == section and kind is not SCORES)


MEANS = "it draws means over seeds, and the tables hold what each seed gave"
"""Why figures of runs with several seeds are not judged."""


def compare_files(a: RunFolder, b: RunFolder, file: str, kind: Kind, spread: Spread) -> TableComparison:
    """One table of both runs. What one of them does not keep cannot be compared; what it should have is missing."""
    if a.digest(file) == b.digest(file) is not None:
        there = next((run for run in (a, b) if run.has(file)), None)
        rows = len(there.csv(file)) if there else 1
        return TableComparison(file, kind.section, {Verdict.IDENTICAL_BYTES: rows})
    for run in (a, b):
        state = run.state(file)
        if state != "there":
            verdict = Verdict.NOT_COMPARABLE if state == "left out" or kind.unjudged else Verdict.MISSING
            return TableComparison(file, kind.section, {verdict: 1}, note=f"{state} in {run}")
    if kind.section == "figure data" and min(len(run.seeds) for run in (a, b)) > 1:
        kind = replace(kind, unjudged=MEANS)
    one, other = (numbered_from_its_seed(run, file, run.csv(file)) for run in (a, b))
    return compare_tables(file, kind, one, other, b.dataset["splits"], spread)


def following(table: TableComparison, scores: TableComparison) -> TableComparison:
    """A curve whose score is within tolerance is so, too: its points explain the score and do not overrule it."""
    parts = table.file.split("/")
    if table.file == "figures/threshold-curves.csv":
        keys = {(row.key["model"], row.key["method"]) for row in scores.rows}
    elif parts[-1] == "curve.csv":
        keys = {("/".join(parts[1:-2]), parts[-2])}
    else:
        return table
    if any(score_verdict(scores, str(model), str(method)).level >= Verdict.DIFFERS.level for model, method in keys):
        return table
    within = Verdict.WITHIN_TOLERANCE
    counts = Counter(table.counts)
    counts[within] += counts.pop(Verdict.DIFFERS, 0)
    rows = tuple(
        replace(row, verdict=within, note="judged with MaxBoxAcc") if row.verdict is Verdict.DIFFERS else row
        for row in table.rows
    )
    return replace(table, counts={verdict: counts[verdict] for verdict in Verdict if counts[verdict]}, rows=rows)


def score_keys(a: pd.DataFrame, b: pd.DataFrame) -> list[tuple[str, str]]:
    """(model, method) of everything that both runs scored, in the order of the second."""
    ours = set(a[["model", "method"]].itertuples(index=False, name=None))
    theirs = b[["model", "method"]].drop_duplicates().itertuples(index=False, name=None)
    return [key for key in theirs if key in ours]


def score_verdict(scores: TableComparison, model: str, method: str) -> Verdict:
    """The verdict on MaxBoxAcc of one model and method."""
    wanted = {"model": model, "method": method, "figure": "max_box_acc"}
    return next((row.verdict for row in scores.rows if dict(row.key) == wanted), Verdict.IDENTICAL_VALUES)


class Changes:
    """Which files are not the same in both runs: by their values where they were compared, else by their bytes."""

    def __init__(
        self, a: RunFolder, b: RunFolder, tables: tuple[TableComparison, ...], images: tuple[ImageComparison, ...]
    ) -> None:
        self.a, self.b = a, b
        self.known = {table.file: table.verdict not in IDENTICAL for table in tables if table.file != SCORES_FILE}
        for found in images:
            if found.verdict is not Verdict.NOT_COMPARABLE:
                file = INSIDE.images(found.model, found.method).as_posix()
                self.known[file] = found.verdict not in IDENTICAL
        for row in tables[0].rows:
            self.known[f"evaluation/{row.key.get('model')}/{row.key.get('method')}/metrics.json"] = True

    def __call__(self, file: str) -> bool:
        if file in self.known:
            return self.known[file]
        if file.endswith("metrics.json"):
            return False  # its bytes name the run; its figures were compared
        one, other = self.a.digest(file), self.b.digest(file)
        return one is not None and other is not None and one != other
