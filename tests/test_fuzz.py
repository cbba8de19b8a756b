"""Any bytes in place of a file that comes from elsewhere give a value or a UserError, and no other exception.

The suite tries a few files of each kind, the same in every run; FUZZ_EXAMPLES=5000 tries more, and new ones.
"""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from camagain.artifacts import sha256, write_npz, write_parquet
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.scores import read_scores, read_spread
from camagain.compare.runs.verify import verify_run
from camagain.config.file import load_experiment
from camagain.datasets.archive import unpack_tgz
from camagain.datasets.cub import read_cub
from camagain.datasets.images import read_rgb
from camagain.datasets.index import read_index
from camagain.datasets.wsol_metadata import read_wsol_metadata
from camagain.downloads.checksum import read_ledger
from camagain.errors import UserError
from camagain.evaluation.inputs import maps_in, read_maps

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "8"))

few = settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES <= 8,
    phases=[Phase.generate],  # the first file that fails says enough, and making it smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def spoiled(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file that was cut or written over, or any bytes at all."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=200))
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(valid)))
        end = draw(st.one_of(st.just(len(valid)), st.integers(begin, min(len(valid), begin + 8))))
        valid = valid[:begin] + draw(st.binary(max_size=8)) + valid[end:]
    return valid


WORDS = [
    "-1",
    "0",
    "1e999",
    "nan",
    "..",
    "/",
    "\x00",
    "'",
    '"',
    ",",
    " ",
    "\t",
    "\r",
    "\ufeff",
    "\u0663",
    "9" * 5000,
    "ß",
]


@st.composite
def reworded(draw: st.DrawFn, valid: str) -> bytes:
    """A valid text in which words and lines were replaced, doubled or left out; now and then any bytes."""
    if draw(st.integers(0, 5)) == 0:
        return draw(spoiled(valid.encode()))
    lines = valid.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, len(lines) - 1))
        words = lines[row].split(draw(st.sampled_from([" ", ","])))
        column = draw(st.integers(0, len(words) - 1))
        words[column] = draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)))
        lines[row] = draw(st.sampled_from([" ", ","])).join(words)
        lines.insert(row, draw(st.sampled_from(["", lines[0], lines[-1]])))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.just([]), st.just({}), st.just([{}])
)


@st.composite
def replaced(draw: st.DrawFn, value: Any) -> Any:
    """A nested value in which one entry is another value, or gone."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        copy = value.copy()
        if draw(st.integers(0, 3)) == 0:
            del copy[key]
        else:
            copy[key] = draw(replaced(value[key]))
        return copy
    return draw(PLAIN)


def read_or_refused(read: Callable[[], object]) -> None:
    """Reads; a UserError is an answer if it is short."""
    try:
        read()
    except UserError as error:
        assert 0 < len(str(error)) < 20_000


@few
@given(data=st.data())
def test_an_experiment(tmp_path: Path, tiny_values: dict, data: st.DataObject) -> None:
    path = tmp_path / "my.yaml"
    text = yaml.safe_dump(tiny_values)
    other = data.draw(
        st.one_of(reworded(text), replaced(tiny_values).map(lambda value: yaml.safe_dump(value).encode()))
    )
    path.write_bytes(other)
    read_or_refused(lambda: load_experiment(path))


@pytest.mark.parametrize(
    "text",
    ["2001-99-99", "- " * 3000, "[" * 3000, "!!python/object/apply:os.system [ls]", "&a [*a]", "{? {a: 1} : 2}", "\x00",
     "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nrun: [*b,*b,*b,*b,*b,*b,*b,*b,*b]"],
)  # fmt: skip
def test_traps_of_yaml(tmp_path: Path, text: str) -> None:
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(UserError, match=r"my\.yaml") as caught:
        load_experiment(tmp_path / "my.yaml")
    assert len(str(caught.value)) < 3000


CUB_TEXTS = ["images.txt", "image_class_labels.txt", "train_test_split.txt", "bounding_boxes.txt", "classes.txt"]


@pytest.mark.parametrize("name", CUB_TEXTS)
@few
@given(data=st.data())
def test_texts_of_cub(cub_folder: Path, name: str, data: st.DataObject) -> None:
    file = cub_folder / name
    valid = file.read_text()
    file.write_bytes(data.draw(reworded(valid)))
    try:
        read_or_refused(lambda: read_cub(cub_folder, val_per_class=1))
    finally:
        file.write_text(valid)


@pytest.mark.parametrize(
    "name", ["image_ids.txt", "class_labels.txt", "image_sizes.txt", "localization.txt", "mapping.txt"]
)
@few
@given(data=st.data())
def test_texts_of_wsolevaluation(tmp_path: Path, name: str, data: st.DataObject) -> None:
    (tmp_path / "test").mkdir(exist_ok=True)
    for image in ("a.png", "c.png"):
        Image.new("RGB", (8, 6)).save(tmp_path / image)
    texts = {
        "image_ids.txt": "a.png\nb.png\n",
        "class_labels.txt": "a.png,0\nb.png,1\n",
        "image_sizes.txt": "a.png,8,6\nb.png,8,6\n",
        "localization.txt": "a.png,0,0,4,4\nb.png,1,1,3,3\n",
        "mapping.txt": "b.png,c.png\n",
    }
    for file, text in texts.items():
        (tmp_path / "test" / file).write_bytes(data.draw(reworded(text)) if file == name else text.encode())
    read_or_refused(lambda: read_wsol_metadata(tmp_path, tmp_path, tmp_path, tmp_path / "out"))


def saved(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(12 * 9 * 3, dtype=np.uint8).reshape(9, 12, 3)).save(file, format=kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP"])
@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it finds in damaged files
@few
@given(data=st.data())
def test_images(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    (tmp_path / "bird.jpg").write_bytes(data.draw(spoiled(saved(kind))))
    read_or_refused(lambda: read_rgb(tmp_path / "bird.jpg"))


def packed() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo("a/b.txt")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"birds"))
    return file.getvalue()


@pytest.mark.parametrize("inside", [True, False], ids=["tar", "gzip"])
@few
@given(data=st.data())
def test_archives(tmp_path_factory: pytest.TempPathFactory, inside: bool, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("archive")
    content = gzip.compress(data.draw(spoiled(packed()))) if inside else data.draw(spoiled(gzip.compress(packed())))
    (folder / "birds.tgz").write_bytes(content)
    read_or_refused(lambda: unpack_tgz(folder / "birds.tgz", folder / "out"))


@few
@given(data=st.data())
def test_score_maps(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "maps.npz"
    ids = np.array(["a", "b"])
    write_npz(path, image_id=ids, split=np.array(["test", "test"]), cam=np.ones((2, 3, 3), np.float32))
    path.write_bytes(data.draw(spoiled(path.read_bytes())))
    read_or_refused(lambda: maps_in(path))
    read_or_refused(lambda: read_maps(path, "cam", {}))


def test_score_maps_that_hold_objects(tmp_path: Path) -> None:
    np.savez(tmp_path / "maps.npz", cam=np.array([{}], object), image_id=np.array(["a"]), split=np.array(["test"]))
    with pytest.raises(UserError, match="not a readable file of score maps"):
        read_maps(tmp_path / "maps.npz", "cam", {})


@few
@given(data=st.data())
def test_an_index(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "index.parquet"
    write_parquet(path, pd.DataFrame({"image_id": ["a"], "path": ["a.jpg"]}))
    path.write_bytes(data.draw(spoiled(path.read_bytes())))
    read_or_refused(lambda: read_index(path))


@few
@given(data=st.data())
def test_a_ledger(tmp_path: Path, data: st.DataObject) -> None:
    valid = {"a.pth": {"bytes": 1, "sha256": "0" * 64, "source": "s", "date": "2024-01-01"}}
    text = data.draw(
        st.one_of(spoiled(json.dumps(valid).encode()), replaced(valid).map(lambda v: json.dumps(v).encode()))
    )
    (tmp_path / "ledger.json").write_bytes(text)
    read_or_refused(lambda: read_ledger(tmp_path))


MANIFEST = {
    "schema": 1,
    "packages": {"torch": "2"},
    "dataset": {"name": "birds", "kind": "synthbirds", "fingerprint": "0"},
    "files": {},
    "files_left_out": {"models/a/model.safetensors": {"sha256": "0", "bytes": 3}},
    "models": {"a": {"sha256": "0"}},
}


def run_of(folder: Path, files: dict[str, bytes], manifest: dict) -> Path:
    """A run whose manifest lists these files as they are."""
    entries = {}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        entries[name] = {"sha256": sha256(folder / name), "bytes": len(content)}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": entries}))
    return folder


@few
@given(data=st.data())
def test_a_manifest(tmp_path: Path, tiny_values: dict, data: st.DataObject) -> None:
    manifest = {**MANIFEST, "experiment": tiny_values, "files": {"a.csv": {"sha256": "0", "bytes": 1}}}
    other = data.draw(
        st.one_of(
            spoiled(json.dumps(manifest).encode()), replaced(manifest).map(lambda value: json.dumps(value).encode())
        )
    )
    (tmp_path / "manifest.json").write_bytes(other)
    read_or_refused(lambda: RunFolder.open(tmp_path).seeds)
    read_or_refused(lambda: RunFolder.open(tmp_path).experiment)
    read_or_refused(lambda: verify_run(tmp_path))


@few
@given(data=st.data())
def test_scores_and_tables_that_are_compared(tmp_path: Path, tiny_values: dict, data: st.DataObject) -> None:
    metrics = {
        "method": "cam",
        "figures": {"max_box_acc": {"value": 50.0, "low": 40.0, "high": 60.0, "threshold": 0.1}},
    }
    table, npz = io.BytesIO(), io.BytesIO()
    pd.DataFrame({"iou": [0.5]}).to_parquet(table)
    np.savez(npz, a=np.ones(3))
    valid = {
        "evaluation/a/cam/metrics.json": json.dumps(metrics).encode(),
        "t.csv": b"model,value\na,1\n",
        "t.parquet": table.getvalue(),
        "t.npz": npz.getvalue(),
    }
    changed = {name: data.draw(spoiled(content)) for name, content in valid.items()}
    if data.draw(st.booleans()):
        changed["evaluation/a/cam/metrics.json"] = json.dumps(data.draw(replaced(metrics))).encode()
    run = RunFolder.open(run_of(tmp_path, changed, {**MANIFEST, "experiment": tiny_values}))
    read_or_refused(lambda: read_scores(run))
    read_or_refused(lambda: run.csv("t.csv"))
    read_or_refused(lambda: run.parquet("t.parquet"))
    read_or_refused(lambda: run.arrays("t.npz", "a"))


@few
@given(data=st.data())
def test_a_spread_over_seeds(tmp_path: Path, data: st.DataObject) -> None:
    text = "file,row,column,deviation,runs\ntables/a.csv,model=a,value,0.5,3\n"
    (tmp_path / "seed-spread.csv").write_bytes(data.draw(reworded(text)))
    read_or_refused(lambda: read_spread(tmp_path))


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
@few
@given(data=st.data())
def test_checkpoints(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    import torch
    from safetensors.torch import save

    from camagain.models.pickled import read_checkpoint

    file = io.BytesIO()
    torch.save({"a": torch.ones(3), "b": [1, "x"]}, file, _use_new_zipfile_serialization=kind == "zip")
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    path.write_bytes(data.draw(spoiled(save({"a": torch.ones(3)}) if kind == "safetensors" else file.getvalue())))
    read_or_refused(lambda: read_checkpoint(path))
