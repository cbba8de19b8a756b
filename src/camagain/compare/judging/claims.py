"""Whether two runs draw the same conclusion about each claim of the paper."""

from dataclasses import dataclass

from camagain.artifacts import INSIDE
from camagain.compare.judging.relations import Relation, Relations
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.runs.folder import RunFolder

FILE = INSIDE.claims.as_posix()


@dataclass(frozen=True)
class ClaimComparison:
    """One claim: the verdict that each run reaches about the paper, and by its own numbers."""

    name: str
    claim: str
    verdict: Verdict
    a: str
    b: str
    note: str = ""


def compare_claims(a: RunFolder, b: RunFolder, related: Relations) -> tuple[ClaimComparison, ...]:
    """The claims of both runs; none where neither judged any.

    Where networks were trained anew, only opposite verdicts differ: one that a run does not reach is no other one.
    """
    exact = related.of("") is Relation.EXACT
    absent = [run for run in (a, b) if not run.has(FILE)]
    if len(absent) == 2:
        return ()
    sides = [{} if run in absent else {claim["name"]: claim for claim in run.json(FILE)["claims"]} for run in (a, b)]
    found = []
    for name in dict.fromkeys([*sides[1], *sides[0]]):
        one, other = (side.get(name) for side in sides)
        said, was = (conclusion(claim) if claim else "none" for claim in (one, other))
        known = one or other
        assert known is not None
        if one is None or other is None:
            state = absent[0].state(FILE) if absent else "never made"
            verdict = Verdict.NOT_COMPARABLE if state == "left out" else Verdict.MISSING
            found.append(ClaimComparison(name, known["claim"], verdict, said, was, f"{state} in one run"))
            continue
        if one == other:
            verdict, note = Verdict.IDENTICAL_VALUES, ""
        elif said == was == "undecided":
            verdict, note = Verdict.NOT_COMPARABLE, "neither run decides it, and their numbers differ"
        elif said == was:
            verdict, note = Verdict.SAME_CONCLUSION, "with other numbers"
        elif not exact and not opposite(said, was):
            verdict, note = Verdict.NOT_COMPARABLE, "one run does not decide it"
        else:
            verdict, note = Verdict.DIFFERS, ""
        found.append(ClaimComparison(name, known["claim"], verdict, said, was, note))
    return tuple(found)


def conclusion(claim: dict) -> str:
    """A run's verdict on a claim and, where it differs, the verdict of the run's own numbers, in brackets."""
    own = claim.get("in_this_run", {}).get("verdict", claim["verdict"])
    return claim["verdict"] if own == claim["verdict"] else f"{claim['verdict']} ({own} in the run's own numbers)"


def opposite(a: str, b: str) -> bool:
    """Whether two conclusions, with those of the runs' own numbers, contradict each other."""
    return any(("supported" in one and "contradicted" in other) for one, other in ((a, b), (b, a)))
