"""What documents say of results is what the reference runs hold."""

from pathlib import Path

import pytest

from camagain.errors import UserError
from tools.documents import documents, readme

PARTS = "".join(
    f"<!-- {name}, written by `make docs` -->\nold\n<!-- end of {name} -->\n" for name in ("speed", "results")
)


def test_every_generated_document_is_up_to_date(root: Path):
    for path, text in documents(root).items():
        assert path.read_text() == text, f"{path.name}: run `make docs`"


def test_a_changed_reference_changes_the_documents(root: Path, tmp_path: Path):
    import shutil

    shutil.copytree(root / "results" / "reference", tmp_path / "results" / "reference")
    shutil.copytree(root / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    (tmp_path / "README.md").write_text(f"before\n{PARTS}after\n")
    metrics = next((tmp_path / "results" / "reference" / "demo" / "evaluation").glob("resnet_narrow/cam/metrics.json"))
    text = metrics.read_text()
    value = text[text.index('"max_box_acc": {') :].split('"value": ')[1].split(",")[0]
    before = readme(tmp_path)
    metrics.write_text(text.replace(f'"value": {value}', '"value": 12.345'))
    after = readme(tmp_path)
    assert before != after and "12.3 [" in after
    assert after.startswith("before\n") and after.endswith("after\n") and "old" not in after


def test_a_readme_without_marks_is_refused(tmp_path: Path):
    (tmp_path / "README.md").write_text("no marks")
    with pytest.raises(UserError, match="expected marks"):
        readme(tmp_path)
