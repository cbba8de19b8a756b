"""Two copies of the tiny run, and the means to plant a difference in one of them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from camagain.artifacts import sha256


@pytest.fixture
def runs(tiny_run, tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of the tiny run."""
    for name in ("a", "b"):
        shutil.copytree(tiny_run[1].root, tmp_path / name)
    return tmp_path / "a", tmp_path / "b"


@pytest.fixture(scope="session")
def seal() -> Callable[[Path], None]:
    """Writes the manifest of a run anew after a planted change, so that its files are those that it lists."""

    def seal(run: Path) -> None:
        manifest = json.loads((run / "manifest.json").read_text())
        files = {name: run / name for name in manifest["files"] if (run / name).is_file()}
        manifest["files"] = {
            name: {"sha256": sha256(path), "bytes": path.stat().st_size} for name, path in files.items()
        }
        (run / "manifest.json").write_text(json.dumps(manifest))

    return seal


@pytest.fixture(scope="session")
def edit() -> Callable[..., None]:
    """Sets one nested value of a JSON file: edit(path, "a", "b", value=1)."""

    def edit(path: Path, *keys: str, value: object) -> None:
        content = json.loads(path.read_text())
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        path.write_text(json.dumps(content))

    return edit
