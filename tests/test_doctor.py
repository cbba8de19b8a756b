"""What `camagain doctor` says of the weights in the downloads folder."""

from pathlib import Path

from camagain.doctor import diagnosis
from camagain.downloads import fetch


def test_files_of_weights_are_listed_with_what_is_known_of_them(tmp_path: Path):
    assert f"no published file in {tmp_path}" in diagnosis(tmp_path)
    for name in ("replknet_31B1K384_CUB.pth", "SLaK_tiny_checkpoint.safetensors", "holiday.jpg"):
        (tmp_path / name).write_bytes(b"\x80")
    sha256 = fetch("http://127.0.0.1:9", tmp_path / "replknet_31B1K384_CUB.pth")
    lines = [line.split(maxsplit=1)[1] for line in diagnosis(tmp_path).splitlines() if line.startswith("weights ")]
    assert len(lines) == 2
    assert lines[0] == "upstream slak_tiny.in1k_300ep: SLaK_tiny_checkpoint.safetensors, not recorded: not used so far"
    assert lines[1].startswith("published replknet_31b: replknet_31B1K384_CUB.pth, recorded ")
    assert lines[1].endswith(f", sha256 {sha256[:12]}")
