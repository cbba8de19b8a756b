"""Verification decodes in a reduced size; it must still see a file that ends early."""

from pathlib import Path

import pytest
from PIL import Image

from camagain.datasets.verify import image_sizes


@pytest.mark.parametrize("ending", ["jpg", "progressive.jpg", "png"])
def test_verification_sees_truncation_at_any_place(tmp_path: Path, ending: str) -> None:
    whole = tmp_path / f"whole.{ending}"
    Image.effect_noise((200, 150), 80).convert("RGB").save(whole, progressive="progressive" in ending)
    content = whole.read_bytes()
    # Both formats end in a mark that Pillow does not always ask for once it has every pixel: two bytes of a JPEG.
    cuts = [] if ending == "png" else [3]
    cut_files = []
    for cut in [*cuts, len(content) // 100, len(content) // 10, len(content) // 2, len(content) - 20]:
        cut_files.append(tmp_path / f"{cut}.{ending}")
        cut_files[-1].write_bytes(content[:-cut])
    *damaged, good = image_sizes([*cut_files, whole])
    assert [isinstance(fault, str) and fault != "" for fault in damaged] == [True] * len(cut_files)
    assert good == (200, 150)


def test_an_absent_file_and_a_text_are_faults(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    absent, text = image_sizes([tmp_path / "absent.jpg", tmp_path / "text.jpg"])
    assert "No such file" in str(absent)
    assert "none of JPEG, PNG" in str(text)
