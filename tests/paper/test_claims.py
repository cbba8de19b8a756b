"""The paper's claims: every verdict of every criterion from tables made by hand, and the guard around all of them."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from camagain.paper.claims.criteria import (
    Judgement,
    cam_accuracy,
    inherent_maps,
    pc1_accuracy,
    receptive_field,
    robust_networks,
)
from camagain.paper.claims.tables import ClaimTables, erf_rows, map_rows, measured, pc1_rows, remedy_rows
from camagain.paper.claims.verdicts import CLAIMS, assess
from camagain.paper.exhibits import model_zoo
from camagain.paper.exhibits.model_zoo import COLUMNS

CORRELATIONS = ["group", "models", "kind", "value", "low", "high", "reason"]


def erf(*rows: tuple[float, int, float, float, float]) -> pd.DataFrame:
    """Rows of t, networks, rho and its interval."""
    return pd.DataFrame(
        [(t, "all", models, "spearman", value, low, high, "") for t, models, value, low, high in rows],
        columns=["t", *CORRELATIONS],
    )


def maps(**rhos: tuple[float, float, float]) -> pd.DataFrame:
    """Rows for measure_state = (rho, low, high), 20 networks each; `area_` and `gap_`."""
    names = {"area": "activated_area", "gap": "gap_over_rms"}
    rows = []
    for key, (value, low, high) in rhos.items():
        measure, state = key.split("_")
        rows.append((names[measure], state, "all", 20, "spearman", value, low, high, ""))
    return pd.DataFrame(rows, columns=["measure", "state", *CORRELATIONS])


def gains(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    """Rows of family, gain and its interval; the model is named after the family and its place."""
    return pd.DataFrame(
        [(f"{family}-{i}", family, *numbers) for i, (family, *numbers) in enumerate(rows)],
        columns=["model", "family", "gain_points", "low_points", "high_points"],
    )


EMPTY = ClaimTables(
    erf=erf(),
    maps=maps(),
    remedies=gains(),
    zoo=pd.DataFrame(columns=list(COLUMNS)),
    choices=pd.DataFrame(columns=["model", "method", "value_percent"]),
    pc1=pd.DataFrame(columns=["model", "difference_points", "low_points", "high_points"]),
)


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.name for claim in CLAIMS])
def test_without_tables_every_claim_is_undecided(claim):
    judged = claim.judge(EMPTY)
    assert judged.verdict == "undecided" and judged.reason


@pytest.mark.parametrize(
    ("rows", "verdict", "reason"),
    [
        ([(0.2, 37, 0.1, -0.2, 0.4), (0.99, 37, 0.3, 0.0, 0.6)], "supported", "at most +0.30 [+0.00, +0.60]"),
        ([(0.2, 37, 0.1, -0.2, 0.4), (0.99, 37, 0.9, 0.72, 0.97)], "contradicted", "at t = 0.99"),
        ([(0.2, 37, 0.5, 0.2, 0.75)], "undecided", "the interval holds 0.71"),
        ([(0.2, 37, 0.1, -0.2, 0.4), (0.3, 37, 0.5, 0.2, 0.75)], "undecided", "at t = 0.3"),
        ([(0.2, 9, 0.0, -0.1, 0.1)], "undecided", "9 networks; it needs at least 10"),
        ([(0.2, 9, 0.9, 0.8, 0.95), (0.3, 12, 0.0, -0.3, 0.3)], "supported", "t = 0.3"),
    ],
)
def test_receptive_field(rows, verdict: str, reason: str):
    judged = receptive_field(replace(EMPTY, erf=erf(*rows)))
    assert judged.verdict == verdict and reason in judged.reason
    assert len(judged.numbers) == len(rows)


POSITIVE, NONE, WIDE = (0.6, 0.3, 0.8), (0.0, -0.25, 0.25), (0.2, -0.2, 0.5)


@pytest.mark.parametrize(
    ("rhos", "verdict"),
    [
        ({"area_random": POSITIVE, "area_finetuned": POSITIVE, "gap_random": NONE, "gap_finetuned": NONE}, "supported"),
        ({"area_random": NONE, "area_finetuned": NONE, "gap_random": POSITIVE, "gap_finetuned": POSITIVE}, "supported"),
        ({"area_random": NONE, "area_finetuned": POSITIVE, "gap_random": NONE, "gap_finetuned": NONE}, "contradicted"),
        ({"area_random": WIDE, "area_finetuned": POSITIVE, "gap_random": NONE, "gap_finetuned": NONE}, "undecided"),
        ({"area_finetuned": POSITIVE, "gap_finetuned": POSITIVE}, "undecided"),
        ({"gap_random": NONE, "gap_finetuned": NONE}, "undecided"),
        ({"area_random": (0.2, 0.1, 0.28), "area_finetuned": POSITIVE, "gap_random": NONE}, "supported"),
    ],
)
def test_inherent_maps(rhos, verdict: str):
    assert inherent_maps(replace(EMPTY, maps=maps(**rhos))).verdict == verdict


def test_too_few_networks_decide_nothing_about_maps():
    table = maps(area_random=POSITIVE, area_finetuned=POSITIVE).assign(models=4)
    judged = inherent_maps(replace(EMPTY, maps=table))
    assert judged.verdict == "undecided" and "4 networks" in judged.reason


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([("resnet", 8, 6, 10), ("convnext", 1, -1, 3), ("slak", 2, 0, 5)], "supported"),
        ([("resnet", 1, -1, 3), ("convnext", 0, -1, 1), ("slak", 8, 5, 10)], "contradicted"),
        ([("resnet", 8, 6, 10), ("convnext", 1, -1, 3), ("slak", 6, 4, 7)], "undecided"),
        ([("resnet", 0, -1, 1), ("convnext", -5, -7, -3)], "undecided"),
        ([("resnet", 8, 6, 10)], "undecided"),
        ([("convnext", 1, -1, 3)], "undecided"),
        ([("resnet", 8, 6, 10), ("resnet", 4, 2, 6), ("convnext", 3, 1, 5)], "undecided"),
        ([("resnet", 8, 6, 10), ("resnet", 4, 2, 6), ("convnext", 9, 7, 12)], "undecided"),
    ],
)
def test_robust_networks(rows, verdict: str):
    judged = robust_networks(replace(EMPTY, remedies=gains(*rows)))
    assert judged.verdict == verdict and len(judged.numbers) == len(rows)


def tables_of(results, *choices: tuple[str, str, float]) -> ClaimTables:
    """The tables of a stub run, with further ways of evaluation: model, method, value."""
    table = pd.DataFrame(choices, columns=["model", "method", "value_percent"])
    return replace(EMPTY, zoo=model_zoo.numbers(results), choices=table)


@pytest.mark.parametrize(
    ("experiment", "cam", "others", "verdict"),
    [
        ("zoo", 90.99, [], "supported"),
        ("zoo", 90.3, [], "supported"),  # within 0.74 points
        ("zoo", 95.0, [], "supported"),
        ("zoo", 89.68, [89.9], "contradicted"),
        ("zoo", 89.68, [90.8], "undecided"),
        ("finetune", 91.2, [], "supported"),
        ("finetune", 80.0, [85.0], "undecided"),  # the authors' recipe is unknown
    ],
)
def test_cam_accuracy(stub_run, experiment: str, cam: float, others: list[float], verdict: str):
    results = stub_run(experiment, values={("replknet_31b", "cam"): (cam, 70.0)})
    judged = cam_accuracy(tables_of(results, *(("replknet_31b", "cam", value) for value in others)))
    assert judged.verdict == verdict
    assert judged.numbers[0]["claimed_percent"] == 90.99


def test_choices_of_other_networks_do_not_count(stub_run):
    results = stub_run("zoo", values={("replknet_31b", "cam"): (89.0, 70.0)})
    others = [("convnext_base", "cam", 99.0), ("replknet_31b", "pc1", 99.0)]
    assert cam_accuracy(tables_of(results, *others)).verdict == "contradicted"


@pytest.mark.parametrize(
    ("pc1", "verdict"), [(93.6, "supported"), (93.24, "supported"), (93.2, "undecided"), (93.0, "contradicted")]
)
def test_pc1_accuracy(stub_run, pc1: float, verdict: str):
    judged = pc1_accuracy(tables_of(stub_run("zoo", values={("replknet_31b", "pc1"): (pc1, 70.0)})))
    assert judged.verdict == verdict


def test_another_network_says_nothing_of_the_accuracies(stub_run):
    results = stub_run("cub27", values={("efficientnet_lite0", "cam"): (99.0, 99.0)})
    for judge in (cam_accuracy, pc1_accuracy):
        judged = judge(tables_of(results))
        assert judged.verdict == "undecided" and "no RepLKNet-31B" in judged.reason


STRONG = replace(
    EMPTY,
    erf=erf((0.2, 37, 0.1, -0.2, 0.4)),
    maps=maps(area_random=POSITIVE, area_finetuned=POSITIVE),
    remedies=gains(("resnet", 8, 6, 10), ("slak", 1, -1, 3)),
)
"""What would support the first three claims."""


@pytest.mark.parametrize("experiment", ["demo", "zoo"])
def test_a_run_on_other_images_is_never_evidence(stub_run, synthbirds: dict, experiment: str):
    results = stub_run(experiment, images=synthbirds)
    judged = assess(results, replace(STRONG, zoo=model_zoo.numbers(results)))
    assert judged["evidence_about_the_paper"] is False
    for claim in judged["claims"]:
        assert claim["verdict"] == "undecided" and claim["numbers"] == []
        assert claim["reason"] == ("this run is not evidence about the paper: synthbirds, 400 test images of 8 classes")
    assert [claim["in_this_run"]["verdict"] for claim in judged["claims"]] == ["supported"] * 3 + ["undecided"] * 2


def test_networks_from_random_weights_are_no_evidence_on_the_papers_images_either(stub_run):
    results = stub_run("demo")
    judged = assess(results, replace(STRONG, zoo=model_zoo.numbers(results)))
    assert not judged["evidence_about_the_paper"]
    assert all("random starting weights" in claim["reason"] for claim in judged["claims"])


def test_a_run_on_the_papers_images_is(stub_run):
    results = stub_run("zoo", values={("replknet_31b", "cam"): (90.99, 76.4), ("replknet_31b", "pc1"): (93.6, 80.4)})
    judged = assess(results, replace(STRONG, zoo=model_zoo.numbers(results)))
    assert judged["evidence_about_the_paper"] is True
    for claim in judged["claims"]:
        assert claim["verdict"] == "supported" == claim["in_this_run"]["verdict"]
        assert claim["reason"] == claim["in_this_run"]["reason"]
        assert "Supported:" in claim["criterion"] and "Contradicted:" in claim["criterion"]
    json.dumps(judged, allow_nan=False)


def test_missing_numbers_become_null():
    table = erf((0.2, 37, float("nan"), float("nan"), float("nan")), (0.3, 37, 0.1, 0.0, 0.2))
    judged = receptive_field(replace(EMPTY, erf=table))
    assert judged.verdict == "supported" and judged.numbers[0]["value"] is None
    assert isinstance(judged, Judgement)


def initialization() -> pd.DataFrame:
    """Two seeds of random weights, and the end of training, of three models, with rows that must not count."""
    rows = []
    for i, model in enumerate(("resnet_narrow", "convnext_narrow", "replknet_narrow")):
        for state, seed, value in (("random", 0, 10.0 * i), ("random", 1, 10.0 * i + 2), ("finetuned", 0, 50.0 - i)):
            for source, theta, shift in (("images", 0.2, 0), ("images", 0.5, 100), ("noise", 0.2, 200)):
                rows.append((model, state, seed, 0, source, "activated_area", theta, value + shift))
            rows.append((model, state, seed, 0, "images", "gap_over_rms", None, value / 100))
    columns = ["model", "state", "seed", "epoch", "input", "measure", "theta", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_measures_are_means_over_seeds_on_images():
    values = measured(initialization(), "activated_area", "random")
    assert values.to_dict() == {"resnet_narrow": 1.0, "convnext_narrow": 11.0, "replknet_narrow": 21.0}


def test_maps_are_correlated_with_boxes(stub_run):
    scores = {("resnet_narrow", "cam"): 40.0, ("convnext_narrow", "cam"): 50.0, ("replknet_narrow", "cam"): 60.0}
    results = stub_run(
        "demo",
        values={key: (value, 50.0) for key, value in scores.items()},
        analyses={"initialization": initialization()},
    )
    rows = map_rows(results).set_index(["measure", "state"])
    assert rows["value"].round(9).to_dict() == {
        ("activated_area", "random"): 1.0,
        ("activated_area", "finetuned"): -1.0,
        ("gap_over_rms", "random"): 1.0,
        ("gap_over_rms", "finetuned"): -1.0,
    }
    assert set(rows["models"]) == {3}


def test_remedies_together_are_one_row_per_model(stub_run):
    columns = [
        "model",
        "quantity",
        "head",
        "nwc",
        "pas",
        *(f"difference_{name}points" for name in ("", "low_", "high_")),
    ]
    made = [
        ("resnet_narrow", "max_box_acc", "tap", True, True, 8.0, 6.0, 10.0),
        ("resnet_narrow", "max_box_acc", "tap", True, False, 1.0, 1.0, 1.0),
        ("resnet_narrow", "max_box_acc", "own", True, True, 2.0, 2.0, 2.0),
        ("resnet_narrow", "mean_gain", "fitted", None, None, 3.0, 3.0, 3.0),
    ]
    results = stub_run("demo", analyses={"remedies": pd.DataFrame(made, columns=columns)})
    assert remedy_rows(results).to_dict("records") == [
        {"model": "resnet_narrow", "family": "resnet", "gain_points": 8.0, "low_points": 6.0, "high_points": 10.0}
    ]


def test_what_was_not_measured_is_empty(stub_run):
    results = stub_run("demo")
    assert erf_rows(results).empty and map_rows(results).empty and remedy_rows(results).empty


def test_pc1_is_compared_with_cam_of_the_same_network():
    columns = ["kind", "model_a", "method_a", "model_b", "method_b", "difference_points", "low_points", "high_points"]
    pairs = [
        ("methods", "a", "pc1", "a", "cam", 2.0, 1.0, 3.0),
        ("methods", "a", "pc1-gt", "a", "cam-gt", 9.0, 9.0, 9.0),
        ("chance", "a", "pc1", "baseline", "centre-gaussian", 9.0, 9.0, 9.0),
    ]
    rows = pc1_rows(pd.DataFrame(pairs, columns=columns))
    assert rows.to_dict("records") == [{"model": "a", "difference_points": 2.0, "low_points": 1.0, "high_points": 3.0}]


def test_a_finished_run_has_its_claims_and_its_report_says_so(tiny_run):
    _, paths = tiny_run
    judged = json.loads((paths.root / "claims.json").read_text())
    assert [claim["name"] for claim in judged["claims"]] == [claim.name for claim in CLAIMS]
    assert {claim["verdict"] for claim in judged["claims"]} == {"undecided"}
    assert judged["data"] == "tiny-birds, 12 test images of 3 classes"
    page = paths.report.read_text(encoding="utf-8")
    assert "This run is no evidence about the paper" in page
    assert page.index('id="claims"') < page.index('id="results"')
    for claim in CLAIMS:
        assert claim.statement.replace("'", "&#39;") in page
