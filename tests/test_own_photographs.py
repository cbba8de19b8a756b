"""The first steps of docs/datasets.md, as they stand there: from one table of photographs to a checked experiment."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from camagain.cli import app


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of plain pictures with the table photos.csv, in a folder where the page's commands can be typed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(root / "config")
    rows = []
    for kind, colour in (("blue tit", "blue"), ("wren", "brown")):
        for number in range(14):
            path = f"{kind}/{number}.png"
            file = tmp_path / "my-birds" / "images" / path.replace(" ", "-")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (60, 40), colour).save(file)
            split = "train" if number < 12 else "test"
            rows.append((path.replace(" ", "-"), kind, split, 10, 5, 30, 20))
    columns = ["path", "class", "split", "x", "y", "width", "height"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "my-birds" / "photos.csv", index=False)
    return tmp_path


def test_a_table_of_photographs_becomes_a_checked_experiment(root: Path, folder: Path):
    page = (root / "docs" / "datasets.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, flags=re.DOTALL)
    command = re.search(r"^    (sed .*\\\n.*)$", page, flags=re.MULTILINE)
    assert code and command and "camagain data my-birds.yaml --check" in page
    exec(compile(code[1], "docs/datasets.md", "exec"), {})
    assert (folder / "my-birds" / "classes.txt").read_text() == "1 blue tit\n2 wren\n"
    subprocess.run(command[1], shell=True, check=True, timeout=60)
    done = CliRunner().invoke(app, ["data", "my-birds.yaml", "--check"])
    assert done.exit_code == 0, done.output
    assert done.output == "my-birds: 28 images, all in order\n"
    (folder / "my-birds" / "images" / "wren" / "3.png").unlink()
    done = CliRunner().invoke(app, ["data", "my-birds.yaml", "--check"])
    assert done.exit_code != 0 and "wren/3.png" in str(done.output) + str(done.exception)
