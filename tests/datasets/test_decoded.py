"""Decoded images on disk: the same pixels, a new file for a changed dataset, nothing half-written under its name."""

import multiprocessing
import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.datasets.decoded import decoded_images
from camagain.datasets.images import ImageTable, read_rgb
from camagain.datasets.index import image_path, read_index, write_index
from camagain.errors import UserError


@pytest.fixture
def index_path(tiny_run, tmp_path):
    """The tiny dataset's index and images in a folder of their own."""
    folder = tmp_path / "birds"
    shutil.copytree(tiny_run[1].dataset_dir, folder)
    shutil.rmtree(folder / "decoded", ignore_errors=True)
    return folder / "index.parquet"


def rewrite(index_path, index: pd.DataFrame) -> None:
    write_index(index_path, index)


def files(index_path) -> list[str]:
    return sorted(path.name for path in (index_path.parent / "decoded").iterdir())


def test_decoded_pixels_are_those_of_decoding(index_path):
    index = read_index(index_path)
    decoded = decoded_images(index_path)
    for name in index["path"]:
        assert np.array_equal(decoded.image(name), read_rgb(image_path(index_path, name))), name
    assert decoded.pixels.size == 3 * (index["width"] * index["height"]).sum()


def test_photographs_of_every_size_come_back_as_they_are(real_cub, tmp_path):
    photographs = sorted(real_cub.glob("images/*/*.jpg"))[::120]
    sizes = [Image.open(path).size for path in photographs]
    index = pd.DataFrame({"image_id": map(str, photographs), "path": map(str, photographs), "label": 0})
    index = index.assign(class_name="bird", split=np.resize(["train", "val", "test"], len(index)), mask_path=None)
    index["width"], index["height"] = zip(*sizes, strict=True)
    rewrite(tmp_path / "index.parquet", index.assign(boxes=[np.array([[0.0, 0.0, 1.0, 1.0]])] * len(index)))
    assert len(set(sizes)) > 3
    decoded = decoded_images(tmp_path / "index.parquet")
    for path in photographs:
        assert np.array_equal(decoded.image(str(path)), read_rgb(path)), path


def test_a_table_reads_pixels_and_decodes_nothing(index_path, monkeypatch):
    test = read_index(index_path, "test")
    plain = ImageTable(test, index_path, np.asarray)
    expected = [np.array(plain[row][0]) for row in range(len(test))]
    table = ImageTable(test, index_path, np.asarray, decoded_images(index_path))
    monkeypatch.setattr("camagain.datasets.images.read_rgb", lambda path: pytest.fail("decoded again"))
    assert all(np.array_equal(table[row][0], pixels) for row, pixels in enumerate(expected))


def test_the_file_is_written_once_and_anew_when_an_image_or_the_index_changes(index_path, monkeypatch):
    decoded_images(index_path)
    (first,) = files(index_path)
    with monkeypatch.context() as patch:
        patch.setattr("camagain.datasets.decoded.read_rgb", lambda path: pytest.fail("decoded again"))
        decoded_images(index_path)

    index = read_index(index_path)
    changed = image_path(index_path, index["path"][0])
    Image.new("RGB", Image.open(changed).size, "red").save(changed)
    assert decoded_images(index_path).image(index["path"][0]).getpixel((0, 0)) == (255, 0, 0)
    (second,) = files(index_path)
    assert second != first

    rewrite(index_path, index.iloc[1:])
    assert index["path"][0] not in decoded_images(index_path).places
    (third,) = files(index_path)
    assert third not in (first, second)


def test_jobs_that_write_at_once_do_not_disturb_each_other(index_path):
    start = multiprocessing.get_context("fork").Process
    jobs = [start(target=decoded_images, args=(index_path,)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0, 0, 0]
    assert len(files(index_path)) == 1
    test_decoded_pixels_are_those_of_decoding(index_path)


def test_half_written_files_of_killed_jobs_go_after_a_day(index_path):
    decoded_images(index_path)
    (name,) = files(index_path)
    folder = index_path.parent / "decoded"
    for remains in (".young.rgb", ".old.rgb"):
        (folder / remains).write_bytes(b"half")
    os.utime(folder / ".old.rgb", (time.time() - 2 * 86400,) * 2)
    decoded_images(index_path)
    assert files(index_path) == [".young.rgb", name]


def test_what_cannot_be_written_is_said_and_leaves_nothing(index_path, monkeypatch):
    index = read_index(index_path)
    index.loc[2, "width"] += 1
    rewrite(index_path, index)
    with pytest.raises(UserError, match=r"is 48 x 48 pixels, but the index says 49 x 48. Run `camagain data` again"):
        decoded_images(index_path)
    assert files(index_path) == []

    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(UserError, match=r"only 0\.0 GB are free. Make room or set compute.cache_images to false"):
        decoded_images(index_path)

    image_path(index_path, index["path"][0]).unlink()
    with pytest.raises(UserError, match="Restore the file and run `camagain data` again"):
        decoded_images(index_path)
