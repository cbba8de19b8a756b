"""Run against paper: a published number stands beside ours where images, network and weights are the same."""

import json
import subprocess
from pathlib import Path

import pytest

from camagain.compare.judging.against_paper import compare_with_paper
from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.show.text import summary, text
from camagain.errors import UserError
from camagain.paper.published import published_value


@pytest.fixture
def papers(runs, seal, edit) -> Path:
    """The tiny run, said to be of the authors' RepLKNet-31B on the paper's images."""
    run = runs[0]
    manifest = json.loads((run / "manifest.json").read_text())
    dataset = manifest["dataset"] | {
        "kind": "cub",
        "name": "cub",
        "classes": [f"{number}" for number in range(200)],
        "splits": manifest["dataset"]["splits"] | {"test": 5794},
    }
    edit(run / "manifest.json", "dataset", value=dataset)
    experiment = manifest["experiment"]
    experiment["input"]["size"] = 384
    experiment["models"][0] |= {"architecture": "replknet_31b", "weights": "published"}
    experiment["models"][0]["training"]["epochs"] = 0
    edit(run / "manifest.json", "experiment", value=experiment)
    seal(run)
    return run


def score(run: Path, seal, value: float) -> None:
    path = run / "evaluation" / "small-resnet" / "cam" / "metrics.json"
    content = json.loads(path.read_text())
    content["figures"]["max_box_acc"]["value"] = value
    path.write_text(json.dumps(content))
    seal(run)


def row(comparison: Comparison, **key: str) -> Row:
    return next(row for row in comparison.scores.rows if key.items() <= dict(row.key).items())


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (90.994, Verdict.IDENTICAL_VALUES),  # the same to the digits that are printed
        (
            90.97,
            Verdict.DIFFERS,
        ),  # one image of 5,794: weights and images are the paper's, so rounding alone is allowed
    ],
)
def test_a_number_of_the_authors_weights_is_judged_by_its_printed_digits_alone(papers: Path, seal, value, verdict):
    score(papers, seal, value)
    comparison = compare_with_paper(papers)
    found = row(comparison, network="RepLKNet-31B", map="CAM", figure="MaxBoxAcc", method="cam")
    assert found.verdict is verdict
    assert (found.a, found.b) == (value, 90.99)
    assert found.tolerance == pytest.approx(0.005)
    assert found.source == "printed to 2 digits"
    assert found.note.startswith("authors' weights; README of snskysk/CAM-Back-Again")


def test_boxes_that_look_at_nothing_check_the_evaluation(papers: Path, seal):
    path = papers / "evaluation" / "baseline" / "centre-gaussian" / "metrics.json"
    content = json.loads(path.read_text())
    content["figures"]["max_box_acc_v2"]["value"] = 56.8
    path.write_text(json.dumps(content))
    seal(papers)
    found = row(compare_with_paper(papers), network="centred Gaussian")
    assert found.b == published_value("wsolevaluation", "center baseline", "CUB MaxBoxAccV2").value
    assert found.verdict is Verdict.DIFFERS


def test_a_network_that_the_run_has_not_stands_beside_nothing(papers: Path):
    found = row(compare_with_paper(papers), network="ConvNeXt-B", map="CAM", figure="MaxBoxAcc")
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert (found.a, found.note) == (None, "the run has no such network")


def test_other_images_stand_beside_nothing_and_the_run_says_so(runs):
    comparison = compare_with_paper(runs[0])
    assert {found.verdict for found in comparison.scores.rows} == {Verdict.NOT_COMPARABLE}
    assert "none of its numbers is compared with the paper's" in comparison.notices[0]
    assert comparison.exit_code() == 2
    assert "NOT COMPARABLE" in summary(comparison)


def test_claims_hold_or_differ_or_are_undecided(papers: Path, seal):
    path = papers / "claims.json"
    content = json.loads(path.read_text())
    for claim, verdict in zip(content["claims"], ("supported", "contradicted"), strict=False):
        claim["verdict"] = verdict
    path.write_text(json.dumps(content))
    score(papers, seal, 90.99)
    comparison = compare_with_paper(papers)
    assert [claim.verdict for claim in comparison.claims[:3]] == [
        Verdict.SAME_CONCLUSION, Verdict.DIFFERS, Verdict.NOT_COMPARABLE
    ]  # fmt: skip
    assert comparison.exit_code() == 1
    assert "claim inherent-maps: contradicted" in text(comparison)


def test_a_file_that_changed_is_refused(papers: Path):
    path = papers / "claims.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(UserError, match="changed since its manifest"):
        compare_with_paper(papers)


def test_the_command(runs, tools: Path, tmp_path: Path):
    done = subprocess.run(
        [tools / "camagain", "compare", runs[0], "--paper", "--json", tmp_path / "out.json"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "ATTENTION" in done.stdout
    assert json.loads((tmp_path / "out.json").read_text())["b"] == "the paper"
