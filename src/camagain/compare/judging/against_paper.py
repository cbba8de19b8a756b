"""Run against paper: every published number that a run can answer, and the paper's claims as the run judges them.

The outcome has the form of that of two runs. A published number is compared with one of ours only where images, network
and starting weights are the same (`paper.evidence`); every other one is "not comparable", and the reason is given.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from camagain.artifacts import RunPaths
from camagain.compare.judging.claims import FILE, ClaimComparison, conclusion
from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.guards import partial
from camagain.config import BASELINE
from camagain.drawing.results import RunResults, read_results
from camagain.families import FAMILIES
from camagain.paper.evidence import (
    PAPERS_CLASSES,
    PAPERS_DATASET,
    PAPERS_TEST_IMAGES,
    counterparts,
    data_in_words,
    is_papers_data,
    tolerance_points,
)
from camagain.paper.exhibits import model_zoo
from camagain.paper.published import Published, published_table, published_value

CLAIM_VERDICTS = {
    "supported": Verdict.SAME_CONCLUSION,
    "contradicted": Verdict.DIFFERS,
    "undecided": Verdict.NOT_COMPARABLE,
}
CENTRE_BASELINE = ("wsolevaluation", "center baseline", "CUB MaxBoxAccV2")


class ThePaper(RunFolder):
    """The paper in the place of run B: it has numbers and claims, but no files."""

    def __str__(self) -> str:
        return "the paper"


def compare_with_paper(run: Path) -> Comparison:
    """Compares a finished run with the published numbers and claims; UserError where the folder is no finished run."""
    folder = RunFolder.open(run)
    for file in (FILE, *(name for name in folder.manifest["files"] if name.endswith("metrics.json"))):
        if folder.has(file):
            folder.path(file)  # refuses a file that changed since the manifest
    paths = RunPaths(folder.root.name, folder.dataset["name"], folder.root.parent)
    results = read_results(folder.experiment, paths, folder.dataset)
    rows = sorted(numbers(results), key=lambda row: row.severity, reverse=True)
    counts = Counter(row.verdict for row in rows)
    compared = tuple(row for row in rows if row.verdict is not Verdict.NOT_COMPARABLE)
    left = tuple(row for row in rows if row.verdict is Verdict.NOT_COMPARABLE)
    table = TableComparison("published numbers", "scores", counts, compared + left)
    empty: dict = {"experiment": {}, "packages": {}, "dataset": {"name": PAPERS_DATASET}, "files": {}}
    return Comparison(
        folder,
        ThePaper(Path("paper"), empty),
        (*partial(folder), *warnings(results)),
        (table,),
        tuple(claims(folder)),
        images=(),
        ranks=(),
        differences=(),
        causes=(),
    )


def warnings(results: RunResults) -> list[str]:
    """Why the run's numbers are not the paper's, where they are not."""
    if not is_papers_data(results.dataset):
        return [
            f"this run was measured on {data_in_words(results.dataset)}, the paper on {PAPERS_TEST_IMAGES:,} test "
            f"images of {PAPERS_DATASET}, {PAPERS_CLASSES} classes: none of its numbers is compared with the paper's"
        ]
    anew = [name for name, match in counterparts(results).items() if match.weights == "trained anew"]
    recipe = "the paper's recipe is unknown beyond 100 epochs and simple augmentation"
    return [f"{name} was trained anew, and {recipe}: a lower score contradicts nothing" for name in anew]


def numbers(results: RunResults) -> Iterator[Row]:
    """One row for each published number and each map of the run that repeats it; where none does, one that says why."""
    why = "other images" if not is_papers_data(results.dataset) else "the run has no such network"
    for row in model_zoo.numbers(results).itertuples():
        published = published_value("model-zoo", f"{row.network}, {row.map}", row.figure)
        key = {"network": row.network, "map": row.map, "figure": row.figure}
        if row.verdict == "not run":
            yield unanswered(key, published, why)
        else:
            yield answered({**key, "model": row.model, "method": row.method}, published, row.own_percent, row.weights)
    yield from centre(results, why)
    means = {entry.row: entry for entry in published_table("first-figure")}
    for family in FAMILIES.values():
        mean = means.get(f"{family.name} mean")  # ResNet has one point and no mean
        if mean is not None:
            key = {"figure": "families", "mean of": family.name}
            yield unanswered(key, mean, "which networks it is of, is unknown")


def centre(results: RunResults, why: str) -> Iterator[Row]:
    """wsolevaluation's centred Gaussian, which looks at no image: images and evaluation alone decide its score."""
    published = published_value(*CENTRE_BASELINE)
    key = {"network": "centred Gaussian", "figure": "MaxBoxAccV2"}
    if not is_papers_data(results.dataset):
        yield unanswered(key, published, why)
        return
    own = results.scores(BASELINE, "centre-gaussian")["max_box_acc_v2"]["value"]
    yield answered(key, published, own, "no network")


def answered(key: Mapping[str, object], published: Published, own: float, weights: str) -> Row:
    """A published number beside ours, judged by its printed digits and, unless weights are the authors', chance."""
    tolerance = tolerance_points(published, weights)
    verdict = Verdict.WITHIN_TOLERANCE if abs(own - published.value) <= tolerance else Verdict.DIFFERS
    if round(own, published.digits) == published.value and published.certainty == "printed":
        verdict = Verdict.IDENTICAL_VALUES
    digits = f"{published.certainty} to {published.digits} digits"
    if tolerance > published.uncertainty:
        digits += f" + binomial, n = {PAPERS_TEST_IMAGES:,}"
    return Row(key, verdict, "percent", own, published.value, tolerance, digits, f"{weights}; {published.source}")


def unanswered(key: Mapping[str, object], published: Published, why: str) -> Row:
    """A published number that no number of the run can be compared with."""
    return Row(key, Verdict.NOT_COMPARABLE, "percent", None, published.value, None, "", why)


def claims(run: RunFolder) -> Iterator[ClaimComparison]:
    """The paper's claims: a run that supports one reaches the same conclusion, a run that contradicts one differs."""
    if not run.has(FILE):
        return
    for claim in run.json(FILE)["claims"]:
        verdict = CLAIM_VERDICTS[claim["verdict"]]
        yield ClaimComparison(claim["name"], claim["claim"], verdict, conclusion(claim), "claimed", claim["reason"])
