"""What the explorer's file says, without a browser."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from camagain.artifacts import write_npz
from camagain.config.file import parse_experiment
from camagain.errors import UserError
from camagain.explorer import small
from camagain.explorer.page import write_explorer
from camagain.explorer.resizing import resizing
from camagain.explorer.small import MOST_MAPS, is_small
from tests.explorer.conftest import CLASSES, HEIGHT, WIDTH, Run


@pytest.fixture(scope="module")
def run(explored) -> Run:
    return explored()


@pytest.fixture(scope="module")
def text(run: Run) -> str:
    return run.paths.explorer.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_photographs_are_referred_to_and_not_copied(run: Run, text: str, data: dict):
    folder = run.paths.explorer.parent
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    for image_id, address in zip(data["images"]["id"], data["images"]["address"], strict=True):
        assert (folder / unquote(address)).resolve() == (run.paths.dataset_dir / image_id).resolve()
        assert (folder / unquote(address)).is_file()
    assert "data:image" not in text


def test_no_name_ends_the_element_that_holds_it(text: str, data: dict):
    assert data["classes"] == CLASSES
    assert "alert(1)</script>" not in text and "<img" not in text.partition("</head>")[2].partition('id="data"')[2][:9]
    assert text.count("<script") == text.count("</script>") == 3 + len(data["sets"])


def test_it_says_what_the_evaluation_says(run: Run, data: dict):
    for entry, (model, method) in zip(data["sets"], run.sets, strict=True):
        table = run.images(model, method)
        assert (entry["model"], entry["method"]) == (model, method)
        assert data["images"]["id"] == table["image_id"].tolist()
        assert entry["right"] == table["correct"].astype(int).tolist()
        np.testing.assert_allclose(entry["iou"], table["iou"], atol=5e-5)
        size = run.experiment.evaluation.size
        boxes = np.array(entry["box"]).reshape(-1, 4) * np.array([WIDTH, HEIGHT] * 2) / size
        np.testing.assert_allclose(boxes, table[["x0", "y0", "x1", "y1"]], atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize(("source", "target"), [(12, 224), (7, 64), (1, 16), (384, 96), (9, 384)])
def test_weights_of_resizing_are_those_of_opencv(source: int, target: int, interpolation, dtype):
    import cv2

    from camagain.evaluation.score_maps import CV2_INTERPOLATION

    how = resizing(source, target, dtype, interpolation)
    values = np.random.default_rng(1).random((source, source))
    rows = (values[:, how.index] * how.weight).sum(2)  # (source, target)
    expected = cv2.resize(values.astype(dtype), (target, target), interpolation=CV2_INTERPOLATION[interpolation])
    np.testing.assert_allclose((rows.T[:, how.index] * how.weight).sum(2).T, expected, atol=2e-6)


def test_a_model_without_scores_is_left_out_and_named(run: Run, tmp_path: Path):
    shutil.copytree(run.paths.results, tmp_path / "results")
    paths = run.experiment.paths(tmp_path / "results", run.paths.data)
    paths.metrics("second", "cam").unlink()
    write_explorer(run.experiment, paths)
    assert '"missing":["second"]' in paths.explorer.read_text(encoding="utf-8")
    paths.metrics("first", "cam").unlink()
    with pytest.raises(UserError, match=r"first/cam/metrics\.json: no such file"):
        write_explorer(run.experiment, paths)


def test_maps_of_other_images_are_refused(run: Run, tmp_path: Path):
    shutil.copytree(run.paths.results, tmp_path / "results")
    paths = run.experiment.paths(tmp_path / "results", run.paths.data)
    with np.load(paths.maps("first")) as file:
        arrays = {name: file[name][1:] for name in file.files}
    write_npz(paths.maps("first"), **arrays)
    with pytest.raises(UserError, match=r"maps\.npz: nothing for image"):
        write_explorer(run.experiment, paths)


def test_small_is_counted_in_maps(tiny_values: dict, monkeypatch: pytest.MonkeyPatch):
    experiment = parse_experiment(tiny_values, "tiny")  # 12 images of test, 2 models, 3 methods
    assert is_small(experiment) and MOST_MAPS >= 5794 * 4 * 2
    for most, expected in ((72, True), (71, False)):
        monkeypatch.setattr(small, "MOST_MAPS", most)
        assert is_small(experiment) is expected
    monkeypatch.setattr(small, "sizes_of", lambda dataset: None)
    assert not is_small(experiment)
