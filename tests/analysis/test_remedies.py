"""The remedies on a finished run, and on evidence made so that each of them helps and the others do not."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from camagain.analysis.kit.localizer import localize_by
from camagain.analysis.kit.run import analyze
from camagain.analysis.remedies import measure as remedies
from camagain.analysis.remedies.backbone import Backbone, Evidence
from camagain.analysis.remedies.linear_fit import LinearFit, fit_classifier
from camagain.artifacts import write_npz
from camagain.config.file import parse_experiment
from camagain.errors import NotApplicable
from camagain.evaluation.inputs import Truth, read_truths
from camagain.localization.parts import evidence_by_sign
from camagain.models.decomposition import final_norm
from camagain.models.pooling import average, thresholded_average
from camagain.models.zoo import class_scores, create

SIDE = 12
"""Cells of a made-up feature grid along each side."""

OBJECT = 7
"""Cells of a made-up object along each side."""


@pytest.fixture(scope="module")
def finished(tiny_run):
    """The experiment, its paths, and the table and the status of one model that trained for two epochs."""
    experiment, paths = tiny_run
    folder = paths.analysis("remedies", "small-convnext")
    return experiment, paths, pd.read_csv(folder / "table.csv"), json.loads((folder / "status.json").read_text())


def test_the_table_holds_every_combination_and_every_gain(finished):
    _, _, table, status = finished
    assert tuple(table.columns) == remedies.COLUMNS
    combinations = table[table["quantity"] == "max_box_acc"]
    assert len(combinations.drop_duplicates(["head", "nwc", "pas"])) == len(combinations) == 3 * 2 * 2
    gains = table[table["quantity"] == "mean_gain"]
    assert set(zip(gains["head"], gains["remedy"], strict=True)) == {
        *(("fitted", remedy) for remedy in ("fit", "tap", "nwc", "pas")),
        *(("own", remedy) for remedy in ("nwc", "pas")),
    }
    assert (table["difference_low_points"].dropna() <= table["difference_points"].dropna()).all()
    assert (table["difference_points"].dropna() <= table["difference_high_points"].dropna()).all()
    assert (status["images"], status["train_images"], status["classes"]) == (12, 18, 3)
    assert status["applies"] and all(fit["converged"] for fit in status["fits"].values())


def test_differences_are_those_of_the_figures_beside_them(finished):
    table = finished[2]
    rows = table[table["quantity"] == "max_box_acc"].set_index(["head", "nwc", "pas"])
    for (head, nwc, pas), row in rows.iterrows():
        reference = rows.loc[("own" if head == "own" else "gap", False, False)]
        if (head, nwc, pas) == reference.name:
            assert pd.isna(row["difference_points"]) and pd.isna(row["p_value"])
            continue
        difference = row["max_box_acc_percent"] - reference["max_box_acc_percent"]
        assert row["difference_points"] == pytest.approx(difference)
        assert row["only_changed_right"] - row["only_reference_right"] == pytest.approx(difference * 12 / 100)
    figures = rows["max_box_acc_percent"]
    gains = table[table["quantity"] == "mean_gain"].set_index(["head", "remedy"])["difference_points"]
    assert gains["fitted", "tap"] == pytest.approx(figures["tap"].mean() - figures["gap"].mean())
    assert gains["fitted", "fit"] == pytest.approx(figures["gap"].mean() - figures["own"].mean())
    assert gains["own", "pas"] == pytest.approx(figures["own", :, True].mean() - figures["own", :, False].mean())


def test_with_everything_off_the_own_classifier_scores_as_its_stored_maps_do(finished):
    experiment, paths, table, _ = finished
    truth = read_truths(paths.index, experiment.evaluation.size)["test"]
    with np.load(paths.localization("small-convnext") / "maps.npz") as stored:
        maps = stored["cam.described"][stored["split"] == "test"]
    scored = localize_by(maps, truth, experiment)
    row = table[(table["head"] == "own") & (table["nwc"] == False) & (table["pas"] == False)].iloc[0]  # noqa: E712
    assert row["max_box_acc_percent"] == pytest.approx(scored.percent)
    metrics = json.loads((paths.evaluation("small-convnext", "cam") / "metrics.json").read_text())["figures"]
    assert row["top1_percent"] == pytest.approx(metrics["top1"]["value"])


@torch.no_grad()
def test_a_network_with_the_fitted_classifier_says_what_is_reported_of_it(finished):
    experiment, paths, table, _ = finished
    backbone = Backbone.of(experiment, "small-convnext", paths)
    pooled, labels = backbone.pooled("train", {"gap": average})
    fit = fit_classifier(pooled["gap"], labels, 3, experiment.analysis.remedies.head_weight_decay)
    found = backbone.evidence("test", {"gap": (average, fit)})["gap"]
    classifier = backbone.network.get_classifier()
    classifier.weight.copy_(fit.weight)
    classifier.bias.copy_(fit.bias)
    right, maps = [], []
    for features, label in backbone.batches("test"):
        scores = class_scores(backbone.network, features)  # (B, K)
        right.append(scores.argmax(1) == label)
        weights = fit.weight[scores.argmax(1)]  # (B, C)
        maps.append((features * weights[:, :, None, None]).sum(1).relu())  # (B, h, w)
    assert found.correct.tolist() == torch.cat(right).tolist()
    np.testing.assert_allclose(found.maps(False), torch.cat(maps).numpy(), rtol=1e-4, atol=1e-4)
    row = table[(table["head"] == "gap") & (table["quantity"] == "max_box_acc")].iloc[0]
    assert row["top1_percent"] == pytest.approx(100 * found.correct.mean())


@pytest.mark.parametrize("name", ["convnext_atto", "replknet_31b"])
def test_behind_a_norm_the_maps_add_up_to_the_scores_of_any_classifier(finished, name: str):
    # The tap of maps that add up to the score is `after-norm`; a LayerNorm and a BatchNorm stand before the classifier.
    experiment, paths, _, _ = finished
    values = experiment.model_dump(mode="json")
    values["localization"]["tap"] = "after-norm"
    small = {"widths": (8, 8, 8, 16), "depths": (1, 1, 1, 1), "kernels": (3, 3, 3, 3)}
    torch.manual_seed(0)
    network = create(name, 3, **(small if "replknet" in name else {})).eval().requires_grad_(False)
    norm = final_norm(network, name) or network.norm  # a fresh BatchNorm is nearly the identity, and is not looked for
    torch.nn.init.uniform_(norm.weight, 0.5, 2)
    torch.nn.init.normal_(norm.bias)
    loaded = Backbone.of(experiment, "small-convnext", paths)
    backbone = replace(loaded, network=network, norm=norm, experiment=parse_experiment(values, "tiny"))
    pooled, labels = backbone.pooled("test", {"gap": average})
    generator = torch.Generator().manual_seed(1)
    channels = pooled["gap"].shape[1]
    fit = LinearFit(torch.randn(3, channels, generator=generator), torch.randn(3, generator=generator), 0, 0)
    scores = pooled["gap"] @ fit.weight.T + fit.bias  # (N, K)
    found = backbone.evidence("test", {"gap": (average, fit)})["gap"]
    predicted = scores.argmax(1)
    added = torch.from_numpy(found.positive - found.negative).mean((1, 2)) + fit.bias[predicted]
    torch.testing.assert_close(added, scores.gather(1, predicted[:, None])[:, 0], atol=1e-3, rtol=1e-3)
    assert found.correct.tolist() == (predicted == labels).tolist()


def test_running_again_gives_the_same_bytes(tiny_copy):
    experiment, paths = tiny_copy
    files = sorted(paths.analysis("remedies", "small-convnext").iterdir())
    before = [path.read_bytes() for path in files]
    analyze(experiment, "remedies", "small-convnext", paths)
    assert [path.read_bytes() for path in files] == before


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    """The first row and column of an object in each of 12 images, never in the middle."""
    corners = np.random.default_rng(0).integers(1, SIDE - OBJECT, size=(12, 2))
    return np.where(corners == (SIDE - OBJECT) // 2, 1, corners)


@pytest.fixture
def scene(places, tiny_values):
    """The experiment and the truth of 12 made-up images with one object each."""
    experiment = parse_experiment(tiny_values, "tiny")
    size = experiment.evaluation.size
    corners = np.concatenate([places[:, ::-1], places[:, ::-1] + OBJECT], 1) * size // SIDE  # (N, 4)
    side = np.full(len(places), size)
    names = [f"image-{i}" for i in range(len(places))]
    return experiment, Truth(4, names, np.arange(12) % 4, side, side, [corner[None] for corner in corners], None)


def objects(places: np.ndarray) -> np.ndarray:
    """1 on the object of each image and 0 elsewhere: (N, h, w)."""
    maps = np.zeros((len(places), SIDE, SIDE), np.float32)
    for score_map, (row, column) in zip(maps, places, strict=True):
        score_map[row : row + OBJECT, column : column + OBJECT] = 1
    return maps


def arms(places: np.ndarray) -> np.ndarray:
    """1 from every side of each object to the image's edge, one cell wide, and 0 elsewhere: (N, h, w)."""
    maps = np.zeros((len(places), SIDE, SIDE), np.float32)
    for score_map, (row, column) in zip(maps, places + OBJECT // 2, strict=True):
        score_map[row], score_map[:, column] = 1, 1
    return maps * (1 - objects(places))


def middles(places: np.ndarray) -> np.ndarray:
    """1 on the cell in the middle of each object and 0 elsewhere: (N, h, w)."""
    maps = np.zeros((len(places), SIDE, SIDE), np.float32)
    maps[np.arange(len(places)), *(places + OBJECT // 2).T] = 1
    return maps


ODD = (np.arange(12) % 2 == 1)[:, None, None]
"""Every second of the made-up images."""


def of(condition: np.ndarray) -> np.ndarray:
    """1 for every cell of the images that meet a condition, (N,) -> (N, 1, 1)."""
    return condition.astype(np.float32)[:, None, None]


def mean_gains(scene, heads: dict[str, Evidence]) -> dict[tuple[str, str], float]:
    """What each remedy gains, by head and remedy."""
    experiment, truth = scene
    table = remedies.table(heads, truth, experiment, "made-up")
    table = table[table["quantity"] == "mean_gain"]
    return dict(zip(zip(table["head"], table["remedy"], strict=True), table["difference_points"], strict=True))


def of_all_heads(positive: np.ndarray, negative: np.ndarray) -> dict[str, Evidence]:
    return dict.fromkeys(remedies.HEADS, Evidence(positive, negative, np.ones(len(positive), dtype=bool)))


def test_clamping_helps_where_evidence_against_the_class_lies_on_the_object(scene, places):
    upper = np.arange(SIDE)[None, :, None] < places[:, 0, None, None] + 2 * OBJECT // 3  # (N, h, 1)
    negative = objects(places) * (upper & ODD)  # two thirds of the object speak against it, in every second image
    found = mean_gains(scene, of_all_heads(objects(places), negative))
    assert found["own", "nwc"] == found["fitted", "nwc"] == 50
    assert found["fitted", "tap"] == found["own", "pas"] == found["fitted", "pas"] == found["fitted", "fit"] == 0


def test_a_percentile_helps_where_maxima_say_nothing_of_objects(scene, places):
    # One threshold for all: above 0.5 of the object's level in one half, below 0.1 of the spot's in the other.
    cluttered, spotted = objects(places) + 0.5 * arms(places), objects(places) + 9 * middles(places)
    evidence = np.where(ODD, cluttered, spotted)
    found = mean_gains(scene, of_all_heads(evidence, np.zeros_like(evidence)))
    assert found["own", "pas"] == found["fitted", "pas"] == 50
    assert found["fitted", "tap"] == found["own", "nwc"] == found["fitted", "nwc"] == found["fitted", "fit"] == 0


def test_thresholded_averages_help_where_a_small_part_needs_a_large_weight(scene, places):
    # The class is the kind of the body, on all of the object, and the kind of a part of one cell that shows faintly
    # beside the object. By the plain mean the part counts little, gets a large weight, and outshines the body.
    body, part = objects(places), middles(places) + 0.095 * arms(places)
    kinds = np.arange(12) % 4
    channels = [body * of(kinds < 2), body * of(kinds >= 2), part * of(kinds % 2 == 0), part * of(kinds % 2 == 1)]
    features, labels = torch.from_numpy(np.stack(channels, 1)), torch.from_numpy(kinds)  # (N, 4, h, w), (N,)
    heads, ratios = {}, {}
    for name, pool in (("gap", average), ("tap", partial(thresholded_average, theta=0.1))):
        fit = fit_classifier(pool(features), labels, 4, 1e-6)
        predicted = (pool(features) @ fit.weight.T + fit.bias).argmax(1)
        maps = (tensor.numpy() for tensor in evidence_by_sign(features, fit.weight[predicted]))
        heads[name] = Evidence(*maps, (predicted == labels).numpy())
        ratios[name] = (fit.weight[:, 2:].abs().mean() / fit.weight[:, :2].abs().mean()).item()
    assert ratios["tap"] == pytest.approx(1, abs=1e-3) and ratios["gap"] > 1 / 0.095
    found = mean_gains(scene, {"own": heads["gap"], **heads})
    assert found["fitted", "tap"] == 100
    assert found["fitted", "nwc"] == found["fitted", "pas"] == found["fitted", "fit"] == 0


def copied(finished, folder, **changed: np.ndarray):
    """Paths of a run that holds the same localization but for some arrays of channels.npz and parts.npz."""
    experiment, paths, _, _ = finished
    other = replace(paths, results=folder)
    source, target = paths.localization("small-convnext"), other.localization("small-convnext")
    for name in ("channels.npz", "parts.npz"):
        with np.load(source / name) as stored:
            arrays = dict(stored)
        write_npz(target / name, **arrays | {key: value for key, value in changed.items() if key in arrays})
    (target / "predictions.parquet").write_bytes((source / "predictions.parquet").read_bytes())
    other.model("small-convnext").parent.mkdir(parents=True)
    other.model("small-convnext").symlink_to(paths.model("small-convnext"))
    return experiment, other


def test_a_grid_of_one_cell_is_not_analysed(finished, tmp_path):
    experiment, paths = copied(finished, tmp_path, grid=np.array([1, 1]))
    analyze(experiment, "remedies", "small-convnext", paths)
    status = json.loads((paths.analysis("remedies", "small-convnext") / "status.json").read_text())
    assert not status["applies"] and "single cell" in status["reason"]
    assert pd.read_csv(paths.analysis("remedies", "small-convnext") / "table.csv").empty


def test_a_single_class_is_not_analysed(finished, tmp_path):
    experiment, paths = copied(finished, tmp_path, class_weight=np.ones((1, 128), np.float32))
    with pytest.raises(NotApplicable, match="single class"):
        remedies.analyze(experiment, "small-convnext", paths)


def test_evidence_that_is_not_finite_is_not_analysed(finished, tmp_path):
    with np.load(finished[1].localization("small-convnext") / "parts.npz") as stored:
        broken = stored["negative"].copy()
    broken[-1] = np.nan
    experiment, paths = copied(finished, tmp_path, negative=broken)
    with pytest.raises(NotApplicable, match="NaN or infinity"):
        remedies.analyze(experiment, "small-convnext", paths)


@torch.no_grad()
def test_a_network_whose_maps_are_not_finite_is_not_analysed(finished):
    experiment, paths, _, _ = finished
    backbone = Backbone.of(experiment, "small-convnext", paths)
    next(backbone.network.parameters()).fill_(float("nan"))
    with pytest.raises(NotApplicable, match="'small-convnext, train images': its feature maps hold NaN"):
        backbone.pooled("train", {"gap": average})


def test_maps_without_evidence_are_counted_and_wrong(scene, places):
    nothing = np.zeros((12, SIDE, SIDE), np.float32)
    experiment, truth = scene
    table = remedies.table(of_all_heads(nothing, objects(places)), truth, experiment, "made-up")
    rows = table[table["quantity"] == "max_box_acc"]
    assert (rows["constant_maps"] == 12).all() and (rows["max_box_acc_percent"] == 0).all()
