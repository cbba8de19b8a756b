"""The stages that read what localization stored (gap, pca, cues, parts): made-up maps whose answers are known."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from camagain.analysis.kit.run import analyze
from camagain.artifacts import RunPaths, write_json, write_npz, write_parquet
from camagain.config.file import parse_experiment
from camagain.datasets.index import read_index, write_index
from camagain.datasets.parts import Part
from camagain.errors import UserError
from camagain.localization.channels import THETAS, activated_cells, gap_values
from camagain.localization.methods.cam import cam
from camagain.localization.parts import components, evidence_by_sign

TESTS, SIDE, CELLS = 10, 48, 6
BOX = [8, 8, 24, 40]
"""The object of every image: cells 1 and 2 across, 1 to 4 down (cells are 8 pixels wide)."""

CROWN = (Part("crown", 12.0, 12.0, (8.0, 8.0, 16.0, 16.0)),)
"""The cell (1, 1)."""

Measured = tuple[pd.DataFrame, dict]


def inside(value: float = 1.0) -> torch.Tensor:
    """A map that is `value` in the cells of the object and 0 elsewhere."""
    cells = torch.zeros(CELLS, CELLS)
    cells[1:5, 1:3] = value
    return cells


def noisy(channels: int, seed: int = 0) -> torch.Tensor:
    """Signed feature maps without any pattern, (N, C, h, w)."""
    return torch.randn(TESTS, channels, CELLS, CELLS, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., Measured]:
    """(analysis, features (N, C, h, w), class weights (K, C), parts of each image) -> its table and status."""

    def run(name: str, features: torch.Tensor, class_weight: torch.Tensor, parts=None, kind: str = "synthbirds"):
        dataset = {"kind": kind, "name": "made-up"} | ({"path": str(tmp_path)} if kind == "cub-folder" else {})
        experiment = parse_experiment(
            {
                "run": "made-up",
                "dataset": dataset,
                "input": {"size": 64},
                "training": {"epochs": 0, "learning_rate": 1.0e-3},
                "models": [{"name": "net", "architecture": "resnet10t"}],
                "localization": {"methods": ["cam", "cam-gt"]},
                "evaluation": {"size": SIDE, "threshold_step": 0.01, "bootstrap": 100},
            },
            "test",
        )
        paths = RunPaths("made-up", "made-up", tmp_path / "results", tmp_path / "data")
        store(paths, features, class_weight, parts)
        analyze(experiment, name, "net", paths)
        folder = paths.analysis(name, "net")
        return pd.read_csv(folder / "table.csv"), json.loads((folder / "status.json").read_text())

    return run


def store(paths: RunPaths, features: torch.Tensor, class_weight: torch.Tensor, parts: list | None) -> None:
    """An index of one training, one val and some test images, and what localization would store of the last two."""
    classes, tests = len(class_weight), len(features)
    ids = np.array([f"{i:02d}" for i in range(tests + 2)])
    splits = np.array(["train", "val", *["test"] * tests])
    labels = np.arange(len(ids)) % classes
    index = pd.DataFrame({"image_id": ids, "path": ids, "label": labels, "class_name": labels.astype(str)})
    index = index.assign(split=splits, width=SIDE, height=SIDE, boxes=[[BOX]] * len(ids), mask_path=None)
    write_index(paths.index, index if parts is None else index.assign(parts=[None, None, *parts]))
    write_json(paths.description, {"classes": [str(label) for label in range(classes)]})

    order = np.random.default_rng(0).permutation(tests)  # localization's files may have an order of their own
    predicted = (labels[2:] + 1) % classes  # never the true class, where there are several
    weights = class_weight[predicted]
    positive, negative = evidence_by_sign(features, weights)
    component, explained_variance = components(features, weights)
    maps = cam(features, weights, "described")
    folder, of = paths.localization("net"), {"image_id": ids[2:][order], "split": splits[2:][order]}
    images = {"positive": positive, "negative": negative, "component": component}
    images |= {"explained_variance": explained_variance}
    write_npz(folder / "parts.npz", **of, **{name: array[order].numpy() for name, array in images.items()})
    names = ("cam", "cam-gt", "cam.described", "cam-gt.described")
    wrong = torch.zeros_like(maps)  # what is stored under the published variant, which none of the analyses is about
    stored = {name: (maps if "described" in name else wrong)[order].numpy() for name in names}
    write_npz(folder / "maps.npz", **of, **stored)
    write_npz(
        folder / "channels.npz",
        **of,
        gap_value=gap_values(features)[order].numpy(),
        activated_cells=activated_cells(features)[:, order].numpy(),
        theta=np.array(THETAS),
        grid=np.array(features.shape[2:]),
        class_weight=class_weight.numpy(),
    )
    ranked = [[int(label), *(k for k in range(classes) if k != label)] for label in predicted[order]]
    table = pd.DataFrame({**of, "label": labels[2:][order], "top5_class": ranked, "top5_score": [[1.0]] * tests})
    write_parquet(folder / "predictions.parquet", table)


def value(table: pd.DataFrame, quantity: str, **of: object) -> float:
    """The one value of a quantity."""
    rows = table[table["quantity"] == quantity]
    for column, entry in of.items():
        rows = rows[rows[column] == entry]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def test_gap_correlates_channels_image_by_image(measure):
    features, class_weight = noisy(40), torch.randn(3, 40, generator=torch.Generator().manual_seed(1))
    table, status = measure("gap", features, class_weight)
    assert status == {"applies": True, "reason": None, "images": TESTS, "channels": 40, "grid": [CELLS, CELLS]}
    weight = class_weight[(np.arange(TESTS) + 3) % 3].numpy()  # of the predicted class
    gap, area = gap_values(features).numpy(), activated_cells(features)[1].numpy()
    for one, other, quantity, of in (
        (weight, gap, "spearman_weight_gap_value", {}),
        (weight, area, "spearman_weight_activated_area", {"theta": 0.2}),
        (gap, area, "spearman_gap_value_activated_area", {"theta": 0.2}),
    ):
        expected = np.mean([spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)])
        assert value(table, quantity, **of) == pytest.approx(expected)
    assert value(table, "negative_weight_share") == pytest.approx(100 * (weight < 0).mean())
    assert value(table, "gap_value_deviation") == pytest.approx(gap.std(), rel=1e-5)
    bins = table[(table["quantity"] == "activated_area") & (table["theta"] == 0.2)]
    assert bins["bin"].tolist() == list(range(1, 21))
    sizes = 40 * TESTS / 20  # equal up to the images of one prediction
    assert (bins["value"] * sizes).sum() / (40 * TESTS) == pytest.approx(100 * area.mean() / CELLS**2, rel=0.05)
    assert (np.diff(table.loc[table["quantity"] == "weight", "value"]) > 0).all()
    assert (table["low"].isna() | ((table["low"] <= table["value"]) & (table["value"] <= table["high"]))).all()


def test_gap_tells_where_channels_for_and_against_the_class_lie(measure):
    features = 0.01 * noisy(4).abs()
    features[:, 0] += inside()  # speaks for the class, on the object
    features[:, 1, 5, :] += 1.0  # speaks against it, below the object
    features[:, 2] += inside(0.5)  # speaks against it, on the object: problem P2 of Bae et al.
    table, _ = measure("gap", features, torch.tensor([[1.0, -1.0, -0.1, 0.0]] * 2))
    assert value(table, "max_box_acc", map="positive") == 100
    assert value(table, "max_box_acc", map="negative") == 0
    assert value(table, "max_box_acc", map="all") == 100
    area = (25 - 8 + 0) * (41 - 8) / SIDE**2  # inclusive corners
    assert value(table, "area_share", map="all", region="box") == pytest.approx(100 * area)
    for name in ("positive", "negative", "all"):
        share = value(table, "mass_share", map=name, region="box") / 100
        assert value(table, "concentration", map=name, region="box") == pytest.approx(share / area)
    assert value(table, "concentration", map="positive", region="box") > 3
    assert 0 < value(table, "concentration", map="negative", region="box") < 1
    assert "mask" not in set(table["region"]), "no image has a mask"

    features[:, 2] += inside(20.0)
    table, _ = measure("gap", features, torch.tensor([[1.0, -1.0, -0.1, 0.0]] * 2))
    assert value(table, "concentration", map="negative", region="box") > 2


def test_pca_shares_out_variance_and_scores_components(measure):
    features = 0.05 * noisy(12)
    strength = torch.linspace(0, 1, 12)
    features += strength[:, None, None] * inside()
    table, status = measure("pca", features, torch.rand(2, 12, generator=torch.Generator().manual_seed(2)) + 0.5)
    assert status["applies"]
    shares = table[table["quantity"] == "variance_share"]
    assert shares["component"].tolist() == list(range(1, 13)), "12 channels have no more"
    assert shares["value"].sum() == pytest.approx(100, abs=1e-3)
    cumulative = table[table["quantity"] == "cumulative_variance_share"]
    np.testing.assert_allclose(cumulative["value"], shares["value"].cumsum())
    assert value(table, "max_box_acc", map="PC1") == value(table, "max_box_acc", map="CAM") == 100
    assert value(table, "max_box_acc", map="PC3") < 100
    assert value(table, "pearson_cam_pc1") > 0.8
    assert [value(table, f"{case}_right") for case in ("both", "only_cam", "only_pc1", "neither")] == [100, 0, 0, 0]
    assert value(table, "difference_p_value") == 1


def test_pca_counts_the_images_that_one_map_alone_has_right(measure):
    """In three images one channel shouts beside the object, which CAM follows and PC1, blind to strength, does not."""
    features = 0.02 * noisy(12)
    features += torch.linspace(0, 1, 12)[:, None, None] * inside()
    features[:3, 0, 1:5, 4] += 500.0
    weights = torch.ones(2, 12)
    table, _ = measure("pca", features, weights)
    assert value(table, "max_box_acc", map="CAM") == 70
    assert value(table, "only_pc1_right") == 30 and value(table, "only_cam_right") == 0
    assert 0 < value(table, "difference_p_value") < 1


def test_cues_by_maps_that_lie_on_them_on_the_object_or_evenly(measure):
    weights, cues = torch.ones(2, 1), [CROWN] * TESTS
    even = torch.zeros(TESTS, 1, CELLS, CELLS)
    even[..., ::2], even[..., 1::2] = 1.0, 1.0
    even[:, :, 0, 0] = 0.0  # a map of one value would be constant, and have no mass once it is finished
    table, status = measure("cues", even, weights, cues)
    assert status["object_from"] == "boxes" and status["maps_without_mass"] == {"cam": 0, "cam-gt": 0}
    own = table[table["method"] == "cam"]
    for region in ("cues", "rest of the object", "background"):
        assert value(own, "concentration", region=region) == pytest.approx(1, abs=0.1)
    assert value(own, "preference") == pytest.approx(1, abs=0.1)
    assert sum(value(own, "mass_share", region=r) for r in own["region"].dropna().unique()) == pytest.approx(100)
    assert value(own, "area_share", region="cues") == pytest.approx(100 * 8 * 8 / SIDE**2)
    assert value(own, "area_share", region="rest of the object") == pytest.approx(100 * (17 * 33 - 64) / SIDE**2)

    on_object, on_cue = (torch.zeros(TESTS, 1, CELLS, CELLS) + cells for cells in (inside(), torch.zeros(6, 6)))
    on_cue[:, :, 1, 1] = 1.0
    whole, _ = measure("cues", on_object, weights, cues)
    local, _ = measure("cues", on_cue, weights, cues)
    whole, local = (found[found["method"] == "cam"] for found in (whole, local))
    assert value(whole, "max_box_acc") == 100 and value(local, "max_box_acc") == 0
    assert value(local, "preference") > 5 > 1.3 > value(whole, "preference")
    assert value(local, "mass_share", region="cues") > value(whole, "mass_share", region="cues")


def test_cues_relate_preference_to_boxes(measure):
    """In four images the map peaks on the cue, so high that the rest of the object is below every threshold."""
    features = torch.zeros(TESTS, 1, CELLS, CELLS) + inside()
    features[6:, 0, 1, 1] += 400.0
    table, _ = measure("cues", features, torch.ones(2, 1), [CROWN] * TESTS)
    assert value(table[table["method"] == "cam"], "spearman_preference_iou") == pytest.approx(-1)


def test_images_without_a_visible_cue_count_in_the_means_alone(measure):
    features = torch.zeros(TESTS, 1, CELLS, CELLS) + inside()
    table, _ = measure("cues", features, torch.ones(2, 1), [CROWN, *[()] * (TESTS - 1)])
    own = table[table["method"] == "cam"]
    assert value(own, "area_share", region="cues") == pytest.approx(100 * 64 / SIDE**2 / TESTS)
    assert np.isnan(value(own, "spearman_preference_iou")), "one image alone has a preference"


@pytest.mark.parametrize("name", ["gap", "pca"])
def test_one_channel_is_not_compared(measure, name: str):
    table, status = measure(name, noisy(1), torch.ones(2, 1))
    assert table.empty and not status["applies"]
    assert "the last feature maps have 1; it needs at least 2" in status["reason"]


@pytest.mark.parametrize("name", ["gap", "pca", "cues", "parts"])
def test_a_single_cell_has_no_place(measure, name: str):
    table, status = measure(name, noisy(5)[:, :, :1, :1], torch.ones(2, 5), [CROWN] * TESTS)
    assert table.empty and "the feature grid has a single cell" in status["reason"]
    assert "\n" not in status["reason"]


@pytest.mark.parametrize(
    ("kind", "says"), [("cub-folder", "of all kinds only synthbirds does"), ("synthbirds", "run `camagain data` again")]
)
@pytest.mark.parametrize("cues", [None, [*[CROWN] * (TESTS - 1), None]])
def test_unknown_cues_are_one_line(measure, kind: str, says: str, cues):
    table, status = measure("cues", noisy(5), torch.ones(2, 5), cues, kind)
    assert table.empty and says in status["reason"]


BIRD = (
    Part("left eye", 12.0, 12.0),
    Part("right eye", 20.0, 12.0),
    Part("belly", 16.0, 28.0),
    Part("tail", 24.0, 40.0),
)
"""Eyes in the cells (1, 1) and (2, 1), the belly between (1, 3) and (2, 3), the tail at the corner of the box."""


def test_parts_of_maps_that_are_even_on_the_bird_or_on_its_head(measure):
    on_bird, on_head = torch.zeros(TESTS, 1, CELLS, CELLS), torch.zeros(TESTS, 1, CELLS, CELLS)
    on_bird[...] = torch.ones(CELLS, CELLS)
    on_bird[..., 0, :] = 0.0  # beside the bird; a map of one value would be constant, and have no mass
    on_head[:, 0] = inside(0.05)
    on_head[..., 1, 1:3] = 1.0
    even, status = measure("parts", on_bird, torch.ones(2, 1), [BIRD] * TESTS)
    assert status["head"] == ["eye"] and status["body"] == ["belly"] and status["object_from"] == "boxes"
    cam = even[even["method"] == "cam"]
    assert set(cam["images"]) == {TESTS}
    for part in ("belly", "tail", "body parts"):
        assert value(cam, "density", part=part) == pytest.approx(1, abs=0.05)
    assert value(cam, "mass_share", part="tail") == pytest.approx(value(cam, "area_share", part="tail"), rel=0.05)
    cut = value(cam, "area_share", part="tail") / value(cam, "area_share", part="belly")
    assert cut == pytest.approx(9 / 16), "of 4 x 4 pixels around the box's corner 3 x 3 are on the bird"
    local, _ = measure("parts", on_head, torch.ones(2, 1), [BIRD] * TESTS)
    own = local[local["method"] == "cam"]
    assert value(own, "head_to_body") > 10 and value(own, "density", part="eye") > 2
    assert value(own, "density", part="tail") < 0.5
    blind = [found[found["method"] == "centre-gaussian"].reset_index(drop=True) for found in (even, local)]
    assert blind[0].equals(blind[1]), "the centred Gaussian does not depend on the map"


def test_a_part_counts_in_the_images_that_show_it(measure):
    features = torch.zeros(TESTS, 1, CELLS, CELLS) + inside()
    table, _ = measure("parts", features, torch.ones(2, 1), [BIRD, BIRD[:3], *[BIRD[:2]] * (TESTS - 3), ()])
    density = table[(table["method"] == "cam") & (table["quantity"] == "density")].set_index("part")["images"]
    assert density.to_dict() == {"eye": TESTS - 1, "belly": 2, "tail": 1, "head parts": 2, "body parts": 2}


@pytest.mark.parametrize(
    ("parts", "says"),
    [(None, "does not say where the parts"), ([()] * TESTS, "no part of a bird is visible")],
)
def test_unknown_parts_are_one_line(measure, parts, says: str):
    table, status = measure("parts", noisy(5), torch.ones(2, 5), parts, "cub-folder")
    assert table.empty and says in status["reason"] and "\n" not in status["reason"]


def test_files_of_another_version_are_named(measure, tmp_path: Path):
    measure("gap", noisy(5), torch.ones(2, 5))
    folder = tmp_path / "results" / "made-up" / "localization" / "net"
    arrays = dict(np.load(folder / "parts.npz"))
    del arrays["negative"]
    write_npz(folder / "parts.npz", **arrays)
    experiment_of = {"run": "made-up", "dataset": {"kind": "synthbirds", "name": "made-up"}, "input": {"size": 64}}
    experiment_of |= {"training": {"epochs": 0, "learning_rate": 1.0e-3}}
    experiment_of |= {"models": [{"name": "net", "architecture": "resnet10t"}]}
    experiment = parse_experiment(experiment_of, "test")
    paths = RunPaths("made-up", "made-up", tmp_path / "results", tmp_path / "data")
    with pytest.raises(UserError, match=r"parts\.npz: not a file of this version"):
        analyze(experiment, "gap", "net", paths)


def test_a_real_run_agrees_with_its_evaluation(tiny_run, tmp_path: Path):
    """CAM and PC1 as described are scored by the evaluation, too: under another choice of the variant."""
    experiment, paths = tiny_run
    model = "small-convnext"
    own = dataclasses.replace(paths, results=tmp_path)
    shutil.copytree(paths.localization(model), own.localization(model))
    tables = {}
    for name in ("gap", "pca", "cues", "parts"):
        analyze(experiment, name, model, own)
        tables[name] = pd.read_csv(own.analysis(name, model) / "table.csv")
        assert json.loads((own.analysis(name, model) / "status.json").read_text())["applies"]
    for method, label in (("cam", "CAM"), ("pc1", "PC1")):
        choices = pd.read_csv(paths.evaluation(model, method) / "choices.csv")
        row = choices[(choices["figure"] == "max_box_acc") & (choices["changed"] == "variant: published → described")]
        expected = row["value_percent"].iloc[0]
        assert value(tables["pca"], "max_box_acc", map=label) == pytest.approx(expected)
        of_cues = tables["cues"][tables["cues"]["method"] == method]
        assert value(of_cues, "max_box_acc") == pytest.approx(expected)
    assert value(tables["gap"], "max_box_acc", map="all") == value(tables["pca"], "max_box_acc", map="CAM")
    assert set(tables["gap"]["region"].dropna()) == {"box", "mask"}
    masks = read_index(paths.index, "test")["mask_path"]
    assert masks.notna().all()
    object_area = value(tables["gap"], "area_share", map="all", region="mask")
    cam = tables["cues"][tables["cues"]["method"] == "cam"]
    both = [value(cam, "area_share", region=region) for region in ("cues", "rest of the object")]
    assert sum(both) == pytest.approx(object_area), "cues are a part of the masks"
