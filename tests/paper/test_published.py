"""The published numbers: every one of them checked against a second list, written by hand from the sources."""

from collections import Counter

import pytest

from camagain.paper.published import COLUMNS, maybe_published, parse, published, published_table, published_value

FAMILIES = {
    "ResNet": [44.1],
    "ConvNeXt": [78.6, 70.8, 70.2, 65.9, 65.5, 64.5, 62.7, 61.0, 58.7, 56.8, 52.0, 46.4, 44.9, 42.8],
    "RepLKNet": [87.5, 85.3, 77.8, 74.4, 73.4, 68.4, 67.8, 67.6, 64.0, 60.8, 59.6, 55.6],
    "SLaK": [73.8, 68.9, 66.2, 60.6, 59.9, 58.7, 52.9, 48.8, 47.8, 45.8],
}


def points(column: str) -> dict[str, list[float]]:
    """Values of the first figure's points by family."""
    entries = [entry for entry in published_table("first-figure") if entry.column == column]
    return {
        family: [entry.value for entry in entries if entry.row.split()[0] == family and "mean" not in entry.row]
        for family in FAMILIES
    }


def test_each_table_has_all_its_numbers():
    assert Counter(entry.table for entry in published()) == {
        "model-zoo": 8,
        "first-figure": 37 + 37 + 3,
        "unofficial": 6,
        "wsolevaluation": 6 * 12 + 9 + 12 + 3 + 8,
        "gt-known": 21,
        "state-of-the-art": 2,
    }


@pytest.mark.parametrize(
    ("row", "column", "printed"),
    [
        ("ConvNeXt-B, CAM", "MaxBoxAcc", "80.15"),
        ("ConvNeXt-B, CAM", "MaxBoxAccV2", "66.33"),
        ("ConvNeXt-B, PC1", "MaxBoxAcc", "83.3"),
        ("ConvNeXt-B, PC1", "MaxBoxAccV2", "76.5"),
        ("RepLKNet-31B, CAM", "MaxBoxAcc", "90.99"),
        ("RepLKNet-31B, CAM", "MaxBoxAccV2", "76.4"),
        ("RepLKNet-31B, PC1", "MaxBoxAcc", "93.6"),
        ("RepLKNet-31B, PC1", "MaxBoxAccV2", "80.4"),
    ],
)
def test_the_model_zoo(row: str, column: str, printed: str):
    entry = published_value("model-zoo", row, column)
    assert (entry.printed, entry.unit, entry.certainty) == (printed, "percent", "printed")
    assert entry.uncertainty == pytest.approx({4: 0.05, 5: 0.005}[len(printed)])


def test_the_points_of_the_first_figure_and_their_stars():
    assert points("MaxBoxAcc") == FAMILIES
    kernels = {family: Counter(values) for family, values in points("largest kernel").items()}
    assert kernels["SLaK"] == {51: 6, 61: 2, 31: 2}
    assert (kernels["ConvNeXt"], kernels["RepLKNet"]) == ({7: 14}, {31: 12})
    for family, star in {"ConvNeXt": 60.1, "RepLKNet": 70.2, "SLaK": 58.3}.items():
        assert published_value("first-figure", f"{family} mean", "MaxBoxAcc").value == star
        assert sum(FAMILIES[family]) / len(FAMILIES[family]) == pytest.approx(star, abs=0.05)
    assert {entry.certainty for entry in published_table("first-figure")} == {"digitised"}


DATA = ("ImageNet MaxBoxAccV2", "CUB MaxBoxAccV2", "OpenImages PxAP")
METHODS = ("CAM", "HaS", "ACoL", "SPG", "ADL", "CutMix", "few-shot baseline")
BACKBONES = ("VGG16", "InceptionV3", "ResNet50")


@pytest.mark.parametrize("method", METHODS)
def test_the_means_of_wsolevaluation_are_those_of_its_columns(method: str):
    means = []
    for data in DATA:
        values = [published_value("wsolevaluation", method, f"{data}, {name}").value for name in BACKBONES]
        mean = published_value("wsolevaluation", method, f"{data}, mean")
        assert sum(values) / 3 == pytest.approx(mean.value, abs=0.05 + mean.uncertainty)
        means.append(mean.value)
    total = maybe_published("wsolevaluation", method, "mean of all")
    if total is None:
        difference = published_value("wsolevaluation", method, "mean of all, minus CAM's")
        total_value = published_value("wsolevaluation", "CAM", "mean of all").value + difference.value
    else:
        total_value = total.value
    assert sum(means) / 3 == pytest.approx(total_value, abs=0.11)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_best_method_of_wsolevaluation_is_one_of_them(data: str, backbone: str):
    column = f"{data}, {backbone}"
    best = max(published_value("wsolevaluation", method, column).value for method in METHODS[:-1])
    assert published_value("wsolevaluation", "best method", column).value == pytest.approx(best, abs=0.11)


def test_sums_of_rounded_numbers_say_so():
    for entry in published_table("wsolevaluation"):
        summed = entry.row in METHODS[1:-1] and "minus" not in entry.column
        assert entry.certainty == ("derived" if summed else "printed")
        assert entry.uncertainty == pytest.approx(0.1 if summed else 0.05)


def test_the_best_other_method_is_derived():
    best = published_value("state-of-the-art", "best other CNN-based method", "MaxBoxAcc")
    margin = published_value("state-of-the-art", "PC1 over the best other CNN-based method", "MaxBoxAcc")
    own = published_value("model-zoo", "RepLKNet-31B, PC1", "MaxBoxAcc")
    assert best.certainty == "derived" and best.value == pytest.approx(own.value - margin.value)
    assert best.uncertainty == pytest.approx(own.uncertainty + margin.uncertainty)


def test_comparison_methods_are_there():
    entries = published_table("gt-known")
    found = {entry.row: entry.printed for entry in entries}
    expected = {"CREAM (VGG16)": "91.0", "PSOL": "90.00", "C2AM, supervised start (ResNet50)": "93.40"}
    assert expected.items() <= found.items()
    assert all(entry.certainty == ("printed" if "C2AM" in entry.row else "reported") for entry in entries)
    assert published_value("unofficial", "RepLKNet-31B, CAM", "MaxBoxAcc").value == 89.68
    assert published_value("unofficial", "ConvNeXt-B, CAM", "threshold").value == 0.45


def test_what_is_only_remembered_is_not_there():
    names = " ".join(f"{entry.table} {entry.row} {entry.column} {entry.source}" for entry in published()).lower()
    for absent in ("receptive", "resnet-101", "replknet-13", "bridging", "kim et al", "bagcam", "f-cam", "imagenet-1k"):
        assert absent not in names
    assert not {"16.3", "24.7", "43.2", "98.6", "11.2", "30.2", "96.3"} & {entry.printed for entry in published()}
    for entry in published():  # of the methods of 2020 only MaxBoxAccV2 was read
        assert entry.column != "MaxBoxAcc" or entry.table in {
            "model-zoo",
            "first-figure",
            "unofficial",
            "state-of-the-art",
        }


GOOD = ("t", "r", "c", "percent", "80.15", "2", "0.005", "printed", "s", "")


def table_of(*rows: tuple[str, ...]) -> str:
    return "\n".join(",".join(row) for row in (COLUMNS, *rows))


def test_a_good_row_is_read():
    (entry,) = parse(table_of(GOOD))
    assert (entry.value, entry.printed, entry.digits) == (80.15, "80.15", 2)


@pytest.mark.parametrize(
    ("position", "wrong", "message"),
    [
        (3, "per cent", "unit 'per cent'.*Did you mean 'percent'"),
        (4, "80.1", "2 digits, but the value is written 80.1"),
        (4, "180.15", "180.15 percent"),
        (6, "0.05", "where 2 digits leave 0.005"),
        (6, "0.001", "where 2 digits leave 0.005"),
        (7, "remembered", "certainty 'remembered'"),
        (8, "", "no source"),
    ],
)
def test_a_row_that_breaks_the_schema_is_refused(position: int, wrong: str, message: str):
    row = (*GOOD[:position], wrong, *GOOD[position + 1 :])
    with pytest.raises(ValueError, match=message) as error:
        parse(table_of(GOOD, row))
    assert "line 3" in str(error.value)


def test_a_number_is_there_once():
    with pytest.raises(ValueError, match="twice"):
        parse(table_of(GOOD, GOOD))


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match="found the columns"):
        parse("table,row\na,b")


def test_an_unknown_name_is_answered():
    with pytest.raises(KeyError, match="Did you mean 'model-zoo'"):
        published_table("model-zo")
    with pytest.raises(KeyError, match="row 'VGG'"):
        published_value("model-zoo", "VGG", "MaxBoxAcc")
    assert maybe_published("model-zoo", "VGG", "MaxBoxAcc") is None
