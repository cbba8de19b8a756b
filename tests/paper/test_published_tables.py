"""The tables that set the paper's numbers beside a run's: what stands where, and what never does."""

import copy
from types import ModuleType

import pandas as pd
import pytest

from camagain.config.file import parse_experiment
from camagain.drawing.networks import largest_of
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.paper.evidence import counterpart, is_papers_data, tolerance_points
from camagain.paper.exhibits import model_zoo, models, wsol_methods
from camagain.paper.exhibits.models import recipe_in_words
from camagain.paper.published import published_value


def read(exhibit: ModuleType, results: RunResults) -> TextTable:
    """A table as people read it."""
    return exhibit.text(results, exhibit.numbers(results))


def cells(text) -> list[dict[str, str]]:
    return [dict(zip(text.columns, row, strict=True)) for row in text.rows]


def test_a_run_of_the_authors_weights_is_compared_number_by_number(stub_run):
    values = {("replknet_31b", "cam"): (90.987, 76.4), ("replknet_31b", "cam-gt"): (89.68, 70.0)}
    table = model_zoo.numbers(stub_run("zoo", values=values))
    assert len(table) == 8 * 2, "each number beside the map of the predicted and of the true class"
    assert set(table["weights"]) == {"authors' weights"}
    row = table.set_index(["network", "map", "figure", "method"]).loc[("RepLKNet-31B", "CAM", "MaxBoxAcc", "cam")]
    assert row["difference_points"] == pytest.approx(-0.003)
    assert row["tolerance_points"] == 0.005
    assert (row["verdict"], row["model"], row["own_test_images"]) == ("agrees", "replknet_31b", 5794)
    other = table[(table["network"] == "RepLKNet-31B") & (table["method"] == "cam-gt")]
    assert list(other["verdict"]) == ["differs", "differs"]
    assert row["unofficial_percent"] == 89.68


def test_others_rerun_stands_beside_its_number_alone(stub_run):
    table = model_zoo.numbers(stub_run("zoo"))
    known = table[table["unofficial_percent"].notna()]
    assert set(known["figure"]) == {"MaxBoxAcc"} and set(known["map"]) == {"CAM"}
    assert dict(zip(known["network"], known["unofficial_percent"], strict=True)) == {
        "ConvNeXt-B": 74.43,
        "RepLKNet-31B": 89.68,
    }


def test_fine_tuning_anew_is_said_to_be_that(stub_run):
    table = model_zoo.numbers(stub_run("finetune"))
    assert set(table["weights"]) == {"trained anew"}
    row = table.set_index(["network", "map", "figure", "method"]).loc[("RepLKNet-31B", "CAM", "MaxBoxAcc", "cam")]
    assert row["tolerance_points"] == pytest.approx(0.005 + 196 * (0.9099 * 0.0901 / 5794) ** 0.5, abs=1e-3)


@pytest.mark.parametrize("experiment", ["demo", "cub27"])
def test_a_run_on_other_images_leaves_ours_empty(stub_run, synthbirds: dict, experiment: str):
    results = stub_run(experiment, images=synthbirds)
    table = model_zoo.numbers(results)
    assert len(table) == 8 and set(table["verdict"]) == {"not run"}
    assert table[["own_percent", "difference_points", "model"]].isna().all(axis=None)
    text = read(model_zoo, results)
    assert all(row["ours"] == "–" and row["verdict"] == "not run" for row in cells(text))
    assert "not the paper's images" in text.caption


def test_the_papers_networks_on_other_images_are_not_compared(stub_run, synthbirds: dict):
    assert set(model_zoo.numbers(stub_run("zoo", images=synthbirds))["verdict"]) == {"not run"}


def test_the_papers_images_without_its_networks(stub_run):
    results = stub_run("cub27")  # its network, on stub images of the paper's number
    assert set(model_zoo.numbers(results)["verdict"]) == {"not run"}
    assert "neither of the two networks" in read(model_zoo, results).caption


def test_printed_digits_are_shown_as_printed(stub_run):
    shown = [row["authors"] for row in cells(read(model_zoo, stub_run("zoo")))]
    assert list(dict.fromkeys(shown)) == ["80.15", "66.33", "83.3", "76.5", "90.99", "76.4", "93.6", "80.4"]


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ("zoo", {"convnext_base": "authors' weights", "replknet_31b": "authors' weights"}),
        ("finetune", {"convnext_base": "trained anew", "replknet_31b": "trained anew"}),
        ("cub", {"convnext_base": "trained anew"}),
        (
            "teaser",
            dict.fromkeys(
                [
                    "convnext_base.fb_in22k_ft_in1k_384-plain",
                    "convnext_base.fb_in22k_ft_in1k_384-augmented",
                    "replknet_31b.in1k_384-plain",
                    "replknet_31b.in1k_384-augmented",
                ],
                "trained anew",
            ),
        ),
        ("demo", {}),
    ],
)
def test_which_models_are_the_papers(stub_run, experiment: str, expected: dict[str, str]):
    loaded = stub_run(experiment).experiment
    found = {model.name: counterpart(loaded, model) for model in loaded.models}
    assert {name: match.weights for name, match in found.items() if match} == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "trained anew"),
        ({"weights": "random"}, None),
        ({"architecture": "replknet_31b.in22k"}, None),
        ({"architecture": "replknet_31b"}, "trained anew"),
        ({"training": {"epochs": 0}}, None),
        ({"weights": "published", "architecture": "replknet_31b"}, "trained anew"),
        ({"weights": "published", "architecture": "replknet_31b", "training": {"epochs": 0}}, "authors' weights"),
    ],
)
def test_only_the_same_start_at_the_same_size_counts(tiny_values: dict, change: dict, expected: str | None):
    model = {"name": "x", "architecture": "replknet_31b.in1k_384", "weights": "upstream", **change}
    for size, answer in ((384, expected), (224, None)):
        values = {**copy.deepcopy(tiny_values), "models": [model], "input": {"size": size}, "analysis": {}}
        experiment = parse_experiment(values, "x")
        match = counterpart(experiment, experiment.models[0])
        assert (match.weights if match else None) == answer


def test_the_papers_images_are_known_by_their_numbers(stub_run, synthbirds: dict):
    cub = stub_run("zoo").dataset
    assert is_papers_data(cub) and is_papers_data({**cub, "kind": "wsol-metadata"})
    assert not is_papers_data(synthbirds)
    assert not is_papers_data({**cub, "kind": "synthbirds"})
    assert not is_papers_data({**cub, "classes": cub["classes"][:27]})
    assert not is_papers_data({**cub, "splits": {"test": 739}})


def test_a_tolerance_grows_with_rounding_and_with_fewer_images():
    coarse, fine = (published_value("model-zoo", f"RepLKNet-31B, {name}", "MaxBoxAcc") for name in ("PC1", "CAM"))
    assert tolerance_points(coarse, "trained anew", 10**9) == pytest.approx(0.05, abs=2e-3)
    assert tolerance_points(fine, "trained anew", 10**9) == pytest.approx(0.005, abs=2e-3)
    assert tolerance_points(fine, "trained anew", 100) > tolerance_points(fine, "trained anew", 5794)
    assert tolerance_points(coarse, "authors' weights", 100) == 0.05


def test_methods_keep_published_and_own_numbers_apart(stub_run, synthbirds: dict):
    results = stub_run("demo", images=synthbirds)
    text = read(wsol_methods, results)
    assert text.columns[-2:] == ("published, CUB", "this run, synthbirds")
    own = {row["Method"] for row in cells(text) if row["Number"] == "measured"}
    assert own == {"CAM, predicted class", "PC1, predicted class", "centred Gaussian"}
    for row in cells(text):
        published, own = row["published, CUB"], row["this run, synthbirds"]
        assert (published == "–") != (own == "–")
        assert (row["Number"] == "measured") == (own != "–")
    table = wsol_methods.numbers(results)
    assert set(table.loc[table["whose"] == "published", "dataset"]) == {"CUB-200-2011"}
    assert set(table.loc[table["whose"] == "this run", "dataset"]) == {"synthbirds"}
    assert table["source"].notna().all() and table["protocol"].notna().all()


def test_methods_have_every_number_of_cub(stub_run):
    table = wsol_methods.numbers(stub_run("zoo"))
    published = table[table["whose"] == "published"]
    assert published["figure"].value_counts().to_dict() == {
        "MaxBoxAccV2": 8 * 3 + 1 + 4,
        "GT-known Loc": 21,
        "MaxBoxAcc": 1 + 4,
    }
    by_name = published.set_index(["method", "network", "figure"])["value_percent"]
    assert by_name["CREAM", "VGG16", "GT-known Loc"] == 91.0
    assert by_name["CutMix", "InceptionV3", "MaxBoxAccV2"] == 57.5
    assert by_name["center baseline", "any", "MaxBoxAccV2"] == 59.7
    assert by_name["best other CNN-based, by the paper", "not stated", "MaxBoxAcc"] == 93.17


def test_the_networks_table_reads_cards_and_weights(tiny_run):
    experiment, paths = tiny_run
    table = pd.read_csv(paths.tables / "models.csv").set_index("model")
    assert table["largest_kernel_cells"].to_dict() == {"small-resnet": 3, "small-convnext": 7}
    assert table["family"].to_dict() == {"small-resnet": "resnet", "small-convnext": "convnext"}
    results = RunResults(experiment, paths)
    text = read(models, results)
    assert "Recipe" in text.columns, "the two differ in their epochs"
    assert "Trained on" not in text.columns and "Trained on (all): cpu" in text.caption
    row = cells(text)[0]
    assert row["sha256"] == models.numbers(results)["sha256"].iloc[0][:12]
    assert row["M parameters"] == f"{table.loc['small-resnet', 'parameters'] / 1e6:.2f}"


def test_kernels_by_hand():
    stem, block, pointwise = (64, 3, 7, 7), (64, 64, 3, 3), (64, 64, 1, 1)
    assert largest_of([stem, block, pointwise, (64,)]) == 3
    assert largest_of([stem, (64, 64, 9, 9), (64, 1, 5, 5)]) == 5, "depthwise kernels first"
    assert largest_of([(96, 3, 4, 4), (96, 1, 51, 5), (96, 1, 5, 51)]) == 51
    assert largest_of([stem]) == 7
    assert largest_of([(10, 5)]) == 1


def test_recipes_in_words(stub_run):
    experiments = {name: stub_run(name).experiment for name in ("zoo", "finetune")}
    assert recipe_in_words(experiments["zoo"].models[0].training.model_dump()) == "not trained"
    words = recipe_in_words(experiments["finetune"].model("replknet_31b").training.model_dump(mode="json"))
    assert words == (
        "100 epochs, adamw, batch 32, learning rate 1e-05 (classifier 0.001), weight decay 0.0005, label smoothing "
        "0.1, drop path 0.3, crop 0.4-1 + flip 0.5 + colour jitter 0.4 + random erasing 0.25, bf16"
    )
