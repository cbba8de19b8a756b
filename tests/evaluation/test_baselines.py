"""Maps that never look at the image, and what they reach on CUB-200-2011."""

import os
from pathlib import Path

import numpy as np
import pytest

from camagain.datasets.wsol_metadata import read_parts
from camagain.evaluation.baselines import centre_gaussian, whole_image
from camagain.evaluation.boxes import best_ious, boxes_at
from camagain.evaluation.metrics import max_box_acc
from camagain.evaluation.score_maps import scale_boxes

SUBSET = Path(__file__).resolve().parents[3] / "shared" / "data" / "cub_subset27"


def test_whole_image_is_the_box_at_every_threshold():
    for boxes in boxes_at(whole_image(224), np.arange(0, 1, 0.01)):
        assert boxes.tolist() == [[0, 0, 223, 223]]


@pytest.mark.parametrize("size", [16, 224, 225])
def test_gaussian_is_centred_isotropic_and_spans_0_to_1(size: int):
    score_map = centre_gaussian(size)
    assert score_map.shape == (size, size) and score_map.min() == 0 and score_map.max() == 1
    np.testing.assert_array_equal(score_map, score_map.T)
    np.testing.assert_array_equal(score_map, score_map[::-1, ::-1])
    row = score_map[size // 2, size // 2 :]
    assert (np.diff(row) < 0).all()


def test_gaussian_boxes_are_centred_squares_of_many_sizes():
    boxes = np.concatenate(boxes_at(centre_gaussian(224), np.arange(0, 1, 0.001)))
    sides = boxes[:, 2] - boxes[:, 0]
    np.testing.assert_array_equal(sides, boxes[:, 3] - boxes[:, 1])
    inner = boxes[boxes[:, 2] < 223]
    np.testing.assert_array_equal(inner[:, 0] + inner[:, 2], 224)  # 223, and 1 for the pixel beyond the region
    assert sides.max() == 223 and len(np.unique(sides)) > 80


def rows(name: str) -> dict[str, list[str]]:
    lines = (SUBSET / name).read_text().splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines if not line.startswith("#")}


@pytest.mark.skipif(
    not SUBSET.is_dir(), reason="needs ../shared/data/cub_subset27, boxes and image sizes of 27 CUB classes"
)
def test_centre_prior_on_real_boxes():
    """27 CUB classes, test split. All 200 give 93.9 / 59.6 / 17.0 and whole images 54.0 / 18.9 / 4.6 (5,794 images).

    The reference is a count over centred squares, made without maps, contours or the library's IoU.
    """
    sizes, parts, truths = rows("image_sizes.txt"), rows("train_test_split.txt"), []
    for image_id, box in rows("bounding_boxes_original.txt").items():
        if parts[image_id] == ["0"]:
            x, y, w, h = map(float, box)
            width, height = map(int, sizes[image_id][:2])
            truths.append(scale_boxes(np.array([[x, y, x + w, y + h]]), width, height, 224))
    assert len(truths) == 739
    thresholds = np.arange(0, 1, 0.001)
    ious = best_ious([centre_gaussian(224)] * len(truths), truths, thresholds)
    found = [max_box_acc(ious, delta)[0] for delta in (0.3, 0.5, 0.7)]
    assert found == pytest.approx(best_centred_squares(np.concatenate(truths)), abs=0.6)
    assert found == pytest.approx([94.3, 56.8, 16.1], abs=0.1)
    whole = best_ious([whole_image(224)] * len(truths), truths, np.array([0.0]))
    assert [max_box_acc(whole, delta)[0] for delta in (0.3, 0.5, 0.7)] == pytest.approx([52.6, 19.1, 6.0], abs=0.1)


def test_centre_prior_on_all_of_cub():
    """The published anchor: 59.6 % for a centred box on CUB's 5,794 test images, from wsolevaluation's text files."""
    folder = os.environ.get("CAMAGAIN_WSOL_METADATA")
    if folder is None:
        pytest.skip("needs wsolevaluation's folder metadata/CUB; give its path as CAMAGAIN_WSOL_METADATA")
    part = read_parts(Path(folder))["test"]
    truths = []
    for image_id in part.images:
        width, height = part.sizes[image_id].fields[1:]
        truths.append(scale_boxes(np.array([line.fields[1:] for line in part.places[image_id]]), width, height, 224))
    assert len(truths) == 5794
    ious = best_ious([centre_gaussian(224)] * len(truths), truths, np.arange(0, 1, 0.001))
    assert max_box_acc(ious, 0.5)[0] == pytest.approx(59.6, abs=0.2)
    assert [max_box_acc(ious, delta)[0] for delta in (0.3, 0.7)] == pytest.approx([93.9, 17.0], abs=0.2)


def best_centred_squares(truths: np.ndarray) -> list[float]:
    """For IoU 0.3, 0.5, 0.7 the share of boxes (N, 4) that the best centred square reaches, in percent."""
    x0, y0, x1, y1 = truths.T
    areas = (x1 - x0 + 1) * (y1 - y0 + 1)
    accuracies = []
    for half in range(1, 112):
        low, high = 112 - half, 112 + half
        shared = np.clip(np.minimum(x1, high) - np.maximum(x0, low) + 1, 0, None) * np.clip(
            np.minimum(y1, high) - np.maximum(y0, low) + 1, 0, None
        )
        overlap = shared / (areas + (high - low + 1) ** 2 - shared)
        accuracies.append([100 * (overlap >= delta).mean() for delta in (0.3, 0.5, 0.7)])
    return np.max(accuracies, axis=0).tolist()
