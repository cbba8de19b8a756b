"""Checkpoints of strangers: tensors are read, and a file that wants to do anything else does nothing."""

import argparse
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from camagain.errors import UserError
from camagain.models.pickled import read_checkpoint

WEIGHTS = OrderedDict(a=torch.arange(3.0), b=torch.ones(2, 2))


class Malicious:
    """A pickle of it would make a file when it is read in full."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"echo pwned > '{self.path}'",)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip archive", "before torch 1.6"])
def test_tensors_are_read_from_both_of_torchs_formats(tmp_path: Path, zipped: bool):
    path = tmp_path / "weights.pth"
    torch.save({"model": WEIGHTS, "epoch": 299}, path, _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(path)
    assert checkpoint["epoch"] == 299
    assert torch.equal(checkpoint["model"]["a"], WEIGHTS["a"])


def test_tensors_are_read_from_safetensors(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    save_file(dict(WEIGHTS), path)
    assert torch.equal(read_checkpoint(path)["b"], WEIGHTS["b"])


def test_a_command_line_may_lie_beside_the_weights(tmp_path: Path):
    path = tmp_path / "weights.pth"
    torch.save({"model": WEIGHTS, "args": argparse.Namespace(kernel_size=[51, 49], lr=4e-3)}, path)
    assert torch.equal(read_checkpoint(path)["model"]["a"], WEIGHTS["a"])


def zipped(value: object, path: Path) -> None:
    torch.save(value, path)


def legacy(value: object, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


def bare(value: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(value, protocol=2))


@pytest.mark.parametrize("write", [zipped, legacy, bare])
@pytest.mark.parametrize("hidden", [False, True], ids=["beside the weights", "in the command line"])
def test_a_malicious_file_is_named_and_not_executed(tmp_path: Path, write, hidden: bool):
    path, mark = tmp_path / "weights.pth", tmp_path / "pwned"
    malicious: object = Malicious(mark)
    write({"args": argparse.Namespace(x=malicious) if hidden else malicious, "model": WEIGHTS}, path)
    with pytest.raises(UserError, match=r"weights\.pth: found .* expected tensors and plain values") as caught:
        read_checkpoint(path)
    assert "'posix.system'" in str(caught.value)
    check_own_words(str(caught.value))
    assert not mark.exists()
    # The payload is a live one: a reader that trusts the file runs it.
    with open(path, "rb") as file:
        torch.load(file, weights_only=False) if write is not bare else pickle.load(file)
    assert mark.exists()


@pytest.mark.parametrize(
    ("value", "name"), [(nn.Linear(2, 2), "torch.nn.modules.linear.Linear"), ({"best": np.float64(83.5)}, "numpy")]
)
def test_anything_else_is_refused_by_name(tmp_path: Path, value: object, name: str):
    path = tmp_path / "weights.pth"
    torch.save(value, path)
    with pytest.raises(UserError, match=name) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_a_list_is_no_checkpoint(tmp_path: Path):
    path = tmp_path / "weights.pth"
    torch.save([torch.zeros(1)], path)
    with pytest.raises(UserError, match="found a list, expected tensors by name"):
        read_checkpoint(path)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"\x80\x02}broken", b"<html>"])
def test_a_damaged_file_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=name) as caught:
        read_checkpoint(path)
    check_own_words(str(caught.value))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(10**6)}, tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for entry in plain.namelist():
            bomb.writestr(entry, plain.read(entry))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(UserError, match=r"weights\.pth: 4 MB are packed into its 0\.0 MB") as caught:
        read_checkpoint(path)
    check_own_words(str(caught.value))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\n<!DOCTYPE html>", "found a web page"),
        (b"Rar!", "begins with b'Rar!'"),
        (b"\x80\x02}q\x00.", "damaged or truncated"),
        (b"\x80\x02" + b"(" * 10**5, "damaged or truncated"),
    ],
)
def test_what_is_no_checkpoint_is_said(tmp_path: Path, content: bytes, says: str):
    (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        read_checkpoint(tmp_path / "weights.pth")
    check_own_words(str(caught.value))


def check_own_words(message: str) -> None:
    """One sentence or two of ours: torch's speak of its settings, on many lines."""
    assert "\n" not in message and len(message) < 500
    for word in ("weights_only", "Weights only", "PytorchStreamReader", "torch.load", "unpickl"):
        assert word not in message


def test_a_truncated_file_is_refused(tmp_path: Path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(10_000)}, path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(UserError, match="damaged or truncated checkpoint"):
        read_checkpoint(path)
