"""Masks at map size: what counts as object, which pixel is the nearest, and which files are refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camagain.datasets.cub import read_cub
from camagain.datasets.index import image_path
from camagain.datasets.kinds.synthbirds import SynthBirds
from camagain.datasets.synthbirds import write_synthbirds
from camagain.errors import UserError
from camagain.evaluation.masks import read_mask, read_regions
from camagain.evaluation.pxap import bin_edges, pixel_average_precision, pixel_histograms


def written(path: Path, pixels: object, mode: str = "L") -> Path:
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).convert(mode).save(path)
    return path


def test_object_is_what_more_than_half_of_the_annotators_said(tmp_path: Path):
    shares = [[0, 51, 102], [153, 204, 255], [126, 127, 128]]
    found = read_mask(written(tmp_path / "grey.png", shares), 3)
    assert found.dtype == bool
    assert found.tolist() == [[False, False, False], [True, True, True], [False, False, True]]


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P"])
def test_every_way_of_storing_black_and_white(tmp_path: Path, mode: str):
    drawn = np.eye(5) * 255
    assert (read_mask(written(tmp_path / "mask.png", drawn, mode), 5) == (drawn > 0)).all()


def test_nearest_pixel_of_both_sides_on_its_own(tmp_path: Path):
    """6 wide and 2 high to 3 x 3: columns 0, 2, 4 and rows 0, 0, 1, the pixel at floor(i * side / 3)."""
    path = written(tmp_path / "mask.png", [[255, 0, 0, 255, 255, 0], [0, 255, 255, 0, 0, 255]])
    assert read_mask(path, 3).astype(int).tolist() == [[1, 0, 1], [1, 0, 1], [0, 1, 0]]


def test_regions_are_background_object_and_ignored(tmp_path: Path):
    mask = written(tmp_path / "mask.png", [[255, 255], [0, 0]])
    ignore = written(tmp_path / "ignore.png", [[255, 0], [255, 0]])
    found = read_regions(mask, ignore, 2)
    assert found.dtype == np.uint8
    assert found.tolist() == [[1, 1], [255, 0]]  # an object pixel is never ignored
    assert read_regions(mask, None, 2).tolist() == [[1, 1], [0, 0]]


def test_a_mask_without_object_is_not_a_fault(tmp_path: Path):
    assert not read_mask(written(tmp_path / "mask.png", np.zeros((4, 4))), 3).any()


def test_a_mask_of_another_size_than_its_image_is_refused(tmp_path: Path):
    mask, ignore = (written(tmp_path / name, np.zeros((4, 6))) for name in ("mask.png", "ignore.png"))
    assert read_regions(mask, ignore, 2, (6, 4)).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(UserError, match=r"mask\.png: the mask has 6 x 4 pixels, but its image 4 x 6"):
        read_mask(mask, 2, (4, 6))
    small = written(tmp_path / "small.png", np.zeros((3, 6)))
    with pytest.raises(UserError, match=r"small\.png: the mask has 6 x 3 pixels"):
        read_regions(mask, small, 2, (6, 4))


def test_missing_and_damaged_files_are_named(tmp_path: Path):
    mask = written(tmp_path / "mask.png", np.random.default_rng(0).integers(0, 256, (40, 40)))
    with pytest.raises(UserError, match=r"lost\.png: no such mask"):
        read_mask(tmp_path / "lost.png", 4)
    with pytest.raises(UserError, match=r"lost\.png: no such mask"):
        read_regions(mask, tmp_path / "lost.png", 4)
    for name, content in {"half.png": mask.read_bytes()[:800], "text.png": b"not a picture", "empty.png": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}: cannot be read as a mask"):
            read_mask(tmp_path / name, 4)


def test_a_mask_that_counts_to_one_is_refused_rather_than_empty(tmp_path: Path):
    with pytest.raises(UserError, match=r"ones\.png: found only values 0 and 1.*Multiply"):
        read_mask(written(tmp_path / "ones.png", np.eye(4)), 4)


def test_a_synthbirds_mask_as_score_map_gets_100(tmp_path: Path):
    settings = {"kind": "synthbirds", "classes": 2, "train_per_class": 2, "test_per_class": 3, "image_size": 64}
    write_synthbirds(tmp_path / "birds", SynthBirds.model_validate(settings))
    index, edges = read_cub(tmp_path / "birds", val_per_class=1), bin_edges(np.arange(0, 1, 0.001))
    total, blank = np.zeros((2, len(edges) - 1), np.int64), np.zeros((2, len(edges) - 1), np.int64)
    for row in index.itertuples():
        path = image_path(tmp_path / "birds" / "index.parquet", row.mask_path)
        regions = read_regions(path, None, 96, (row.width, row.height))
        assert set(np.unique(regions)) == {0, 1}
        total += pixel_histograms(regions.astype(np.float64), regions, edges)
        blank += pixel_histograms(np.zeros((96, 96)), regions, edges)
    assert pixel_average_precision(total) == 100
    assert pixel_average_precision(blank) == pytest.approx(100 * blank[1].sum() / blank.sum())
    assert 0 < pixel_average_precision(blank) < 60  # the birds' share
