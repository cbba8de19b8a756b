"""Files appear whole or not at all, and the same content gives the same bytes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from camagain.artifacts import atomic, existing, read_json, sha256, write_csv, write_json, write_npz, write_parquet
from camagain.errors import UserError


def test_an_interrupted_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path):
    target = tmp_path / "folder" / "a.txt"
    target.parent.mkdir()
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_a_write_makes_folders_and_keeps_the_suffix(tmp_path: Path):
    with atomic(tmp_path / "new" / "a.png") as temporary:
        assert temporary.suffix == ".png"
        assert not (tmp_path / "new" / "a.png").exists()
        temporary.write_text("x")
    assert (tmp_path / "new" / "a.png").read_text() == "x"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.1, 1 / 3]})
    arrays = {"ids": np.array(["x", "yy"]), "maps": np.arange(6, dtype=np.float32).reshape(2, 3)}
    for name in ("1", "2"):
        write_parquet(tmp_path / f"{name}.parquet", table)
        write_csv(tmp_path / f"{name}.csv", table)
        write_npz(tmp_path / f"{name}.npz", **arrays)
    for kind in ("parquet", "csv", "npz"):
        assert sha256(tmp_path / f"1.{kind}") == sha256(tmp_path / f"2.{kind}"), kind
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "1.csv"), table, check_exact=True)


def test_json_refuses_what_json_does_not_have(tmp_path: Path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_arrays_that_need_pickle_are_refused(tmp_path: Path):
    with pytest.raises(TypeError, match="array 'x' has dtype object"):
        write_npz(tmp_path / "a.npz", x=np.array([{}, 1], dtype=object))
    assert not list(tmp_path.iterdir())


def test_missing_and_damaged_files_are_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"gone\.json: no such file"):
        existing(tmp_path / "gone.json")
    (tmp_path / "cut.json").write_text('{"a": ')
    with pytest.raises(UserError, match=r"cut\.json: not valid JSON"):
        read_json(tmp_path / "cut.json")


def test_a_carriage_return_ends_no_row(tmp_path: Path):
    """Python before 3.13 writes it without quotes, and readers take it for the end of a row."""
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": ["a\rb", "c"], "value": [1, 2]}))
    assert pd.read_csv(tmp_path / "a.csv").to_dict("list") == {"name": ["a b", "c"], "value": [1, 2]}


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_a_table_is_a_formula(tmp_path: Path, name: str):
    table = pd.DataFrame({"name": [name, "bird", "-1.5", None], "value": [-1.0, 2.0, 3.0, np.nan]})
    write_csv(tmp_path / "a.csv", table)
    header, first, *others = (tmp_path / "a.csv").read_bytes().decode().split("\n")
    assert header == "name,value"
    assert first == f"'{name},-1.0".replace("\r", " ")
    assert others == ["bird,2.0", "-1.5,3.0", ",", ""]
    assert table["name"][0] == name
