"""Run against run: everything that both have, joined and judged, and why it differs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from camagain.artifacts import INSIDE
from camagain.compare.judging.claims import ClaimComparison, compare_claims
from camagain.compare.judging.decisions import Decision, Evidence, Subject, decide
from camagain.compare.judging.images import ImageComparison, compare_images, with_maps
from camagain.compare.judging.judge import SEEDS, Judge, TableComparison
from camagain.compare.judging.kinds import SCORES, SECTIONS
from camagain.compare.judging.noise import StackNoise, stack_noise
from camagain.compare.judging.ranks import RankChange, mean_scores, rank_changes
from camagain.compare.judging.relations import Relation, Relations, model_of, relations
from camagain.compare.judging.stacks import SCORES_FILE, Stack
from camagain.compare.judging.tables import count_rows, read_tables, scores_stack
from camagain.compare.judging.verdicts import IDENTICAL, Verdict, worst
from camagain.compare.runs.causes import Cause, causes
from camagain.compare.runs.differences import Difference, differences
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.guards import notices, same_test_images
from camagain.compare.runs.scores import read_scores, read_spread
from camagain.statistics.tolerances import rounding_of_sums

IMAGES = "images right in one run alone"
NOTHING = "nothing, because a run keeps no images"


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
    decisions: tuple[Decision, ...] = ()

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
        """0 where nothing is as bad as `fail_on`, else 1; 2 where nothing could be compared or decided."""
        if self.verdict is not Verdict.NOT_COMPARABLE and self.verdict.level >= fail_on.level:
            return 1
        return 2 if self.verdict in (Verdict.UNDECIDED, Verdict.NOT_COMPARABLE) else 0


@pd.option_context("future.infer_string", False)  # text as Python's own: a tenth less time and memory than Arrow's here
def compare_runs(a: Path, b: Path, worst_images: int = 8, spread_of: Path | None = None) -> Comparison:
    """Compares two runs, A with B; UserError when they are no runs or measure different things.

    `worst_images`: how many images of each model and method to name whose boxes moved most. `spread_of`: a reference
    whose spread over seeds counts besides those that A and B have.
    """
    one, other = RunFolder.open(a), RunFolder.open(b)
    same_test_images(one, other)
    known = differences(one, other)
    related = relations(one, other, known)
    test_images = int(other.dataset["splits"]["test"])
    rounding = rounding_of_sums(test_images)
    spread = read_spread(*filter(None, (spread_of, one.root, other.root)))
    values = read_scores(one), read_scores(other)
    images = [compare_images(one, other, *key, worst_images) for key in score_keys(*values)]
    read = read_tables(one, other, related)
    stacks = [scores_stack(*values), *read.stacks]
    image = 100 / test_images  # in percent: no spread over seeds is known more exactly
    noises = [stack_noise(stack, spread, rounding, image if stack.kind is SCORES else 0) for stack in stacks]
    decisions = decide(gathered(stacks, noises, images, related))
    scores, *others = [
        table
        for stack, noise in zip(stacks, noises, strict=True)
        for table in Judge(stack, related, noise, decisions, rounding).tables()
    ]
    judged_images = judged(images, scores, related, decisions)
    verdicts = {(found.model, found.method): found.verdict for found in judged_images}
    curves = (curve(one, other, file, verdicts) for file in read.curves)
    tables = sorted((*read.done, *others, *curves), key=lambda table: (SECTIONS.index(table.section), table.file))
    return Comparison(
        one,
        other,
        notices(one, other),
        (scores, *tables),
        compare_claims(one, other, related),
        tuple(with_correlations(one, other, judged_images)),
        rank_changes(*map(mean_scores, values)),
        known,
        causes(one, other, Changes(one, other, (scores, *tables), judged_images), known),
        tuple(decisions.values()),
    )


def gathered(
    stacks: Sequence[Stack], noises: Sequence[StackNoise], images: Sequence[ImageComparison], related: Relations
) -> dict[Subject, Evidence]:
    """What speaks for a difference of each model whose weights or maps are not the same, and of its analyses.

    The spread over seeds, where it is known. Else the images that are right in one run alone: they say that two
    networks differ, and not whether two trainings of one seed each do.
    """
    found: dict[Subject, Evidence] = {}
    for stack, noise in zip(stacks, noises, strict=True):
        if stack.kind.section in ("scores", "analyses") and noise.columns:
            for model, groups in retrained(stack, related).items():
                p_values = noise.cells.p[groups].ravel()
                if np.isfinite(p_values).any():
                    found[model, stack.kind.analysis] = Evidence(p_values, SEEDS)
    for model in dict.fromkeys(model_of(entry.model) for entry in images):
        own = [entry for entry in images if model_of(entry.model) == model]
        relation = max(related.of(entry.model) for entry in own)
        if (model, "") in found or relation is Relation.EXACT:
            continue
        tests = [entry.test.p_value if entry.test else 0.0 for entry in own]
        kept = all(entry.test for entry in own)
        alone = relation is Relation.RETRAINED and any(entry.model in related.accidental for entry in own)
        found[model, ""] = Evidence(np.array(tests), IMAGES if kept else NOTHING, alone or not kept)
    return found


def retrained(stack: Stack, related: Relations) -> dict[str, np.ndarray]:
    """The groups of rows of each model that was trained anew, of a stack whose rows are about one training each."""
    if len(stack.trainings) != 1:
        return {}
    codes, names = pd.factorize(stack.trainings[0])
    of_analysis = bool(stack.kind.analysis)
    found: dict[str, list[np.ndarray]] = {}
    for code, name in enumerate(names):
        if related.of(name, of_analysis) is Relation.RETRAINED:
            found.setdefault(name.partition("/")[0], []).append(stack.group[codes == code])
    return {model: np.unique(np.concatenate(groups)) for model, groups in found.items()}


def judged(
    images: Sequence[ImageComparison],
    scores: TableComparison,
    related: Relations,
    decisions: Mapping[Subject, Decision],
) -> list[ImageComparison]:
    """The sets of images with their verdicts: with the same weights and maps no box may move, else they go with it."""
    of_score = {(row.key["model"], row.key["method"]): row.verdict for row in scores.rows
                if row.key["figure"] == "max_box_acc"}  # fmt: skip
    found = []
    for entry in images:
        decision = decisions.get((model_of(entry.model), ""))
        if entry.verdict is Verdict.DIFFERS and related.of(entry.model) is not Relation.EXACT and decision:
            verdict = decision.verdict
            if verdict is Verdict.DIFFERS:
                verdict = of_score.get((entry.model, entry.method), Verdict.WITHIN_TOLERANCE)
            entry = replace(entry, verdict=verdict)
        found.append(entry)
    return found


CORRELATED = 16
"""Sets of images whose maps are read and correlated: those of which most images flipped, then moved."""


def with_correlations(a: RunFolder, b: RunFolder, images: Sequence[ImageComparison]) -> Iterator[ImageComparison]:
    """The sets of images, those that moved most with the correlation of their maps."""
    order = sorted(images, key=lambda found: (-len(found.flipped), -found.moved))
    chosen = {(found.model, found.method) for found in order[:CORRELATED]}
    yield from (with_maps(a, b, found) if (found.model, found.method) in chosen else found for found in images)


def curve(a: RunFolder, b: RunFolder, file: str, verdicts: Mapping[tuple[str, str], Verdict]) -> TableComparison:
    """A curve of maps that are not the same: its points explain the score, go with its images, and are not read."""
    _, *training, method, _ = file.split("/")
    there = next((run for run in (b, a) if run.has(file)), b)
    verdict = max(verdicts.get(("/".join(training), method), Verdict.WITHIN_TOLERANCE), Verdict.WITHIN_TOLERANCE,
                  key=lambda found: found.level)  # fmt: skip
    return TableComparison(file, "curves", {verdict: count_rows(there, file)}, note="judged with its images")


def score_keys(a: pd.DataFrame, b: pd.DataFrame) -> list[tuple[str, str]]:
    """(model, method) of everything that both runs scored, in the order of the second."""
    ours = set(a[["model", "method"]].itertuples(index=False, name=None))
    theirs = b[["model", "method"]].drop_duplicates().itertuples(index=False, name=None)
    return [key for key in theirs if key in ours]


class Changes:
    """Which files are not the same in both runs: by their values where they were compared, else by their bytes."""

    def __init__(
        self, a: RunFolder, b: RunFolder, tables: tuple[TableComparison, ...], images: Sequence[ImageComparison]
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
