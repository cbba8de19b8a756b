"""A file that calls itself an image is opened only as one of the formats that are decoded in this process."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camagain.datasets import opened
from camagain.datasets.images import read_rgb
from camagain.datasets.opened import FORMATS, MODES, open_image
from camagain.datasets.verify import image_sizes
from camagain.errors import UserError

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(ran) print showpage\n"


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3))


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_of_photographs_is_opened_whatever_its_name(tmp_path: Path, picture: Image.Image, format_: str):
    picture.save(tmp_path / "bird.jpg", format=format_)
    assert open_image(tmp_path / "bird.jpg").size == (6, 8)
    assert read_rgb(tmp_path / "bird.jpg").mode == "RGB"


def test_a_program_that_calls_itself_a_photograph_is_not_run(tmp_path: Path, monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("Ghostscript was started"))
    (tmp_path / "bird.jpg").write_bytes(EPS)
    with Image.open(tmp_path / "bird.jpg") as known:
        assert known.format == "EPS"  # Pillow itself would open it
    with pytest.raises(UserError, match=r"bird\.jpg: .*it is none of JPEG, PNG"):
        read_rgb(tmp_path / "bird.jpg")
    assert "none of JPEG" in str(image_sizes([tmp_path / "bird.jpg"])[0])


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_8_bits_a_channel_are_refused_by_name(tmp_path: Path, mode: str):
    Image.new(mode, (4, 4)).save(tmp_path / "bird.tif")
    with pytest.raises(UserError, match=rf"mode {mode}, not 8 bits"):
        read_rgb(tmp_path / "bird.tif")


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_8_bits_are_read_as_colours(tmp_path: Path, mode: str):
    Image.new("RGB", (4, 4), (200, 200, 200)).convert(mode).save(tmp_path / "bird.tif")
    assert read_rgb(tmp_path / "bird.tif").getpixel((1, 1)) == pytest.approx((200, 200, 200), abs=56)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("size", "message"),
    [((13_000, 13_000), "13,000 x 13,000 pixels, more than"), ((20_000, 20_000), "more than 67,108,864 pixels")],
)
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch, size, message: str):
    Image.new("1", size).save(tmp_path / "bird.png")
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(UserError, match=message):
        read_rgb(tmp_path / "bird.png")


def test_the_limit_itself_is_allowed(tmp_path: Path, picture: Image.Image, monkeypatch):
    picture.save(tmp_path / "bird.png")
    monkeypatch.setattr(opened, "MOST_PIXELS", 48)
    assert open_image(tmp_path / "bird.png").size == (6, 8)
    monkeypatch.setattr(opened, "MOST_PIXELS", 47)
    with pytest.raises(OSError, match="6 x 8 pixels, more than 47"):
        open_image(tmp_path / "bird.png")


@pytest.mark.parametrize("mode", MODES)
def test_every_allowed_mode_becomes_rgb(mode: str):
    assert Image.new(mode, (2, 2)).convert("RGB").mode == "RGB"


def test_transparency_of_a_palette_is_dropped_and_colours_stay(tmp_path: Path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "bird.png", transparency=b"\x00\x80")
    read = read_rgb(tmp_path / "bird.png")
    assert [read.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (0, 0, 255)]


def test_an_image_is_not_turned_as_its_exif_says(tmp_path: Path, picture: Image.Image):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn for display; boxes count in pixels as they are stored
    picture.save(tmp_path / "bird.png", exif=exif)
    assert image_sizes([tmp_path / "bird.png"]) == [(6, 8)]
    assert np.array_equal(read_rgb(tmp_path / "bird.png"), picture)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "none of JPEG"),
        (b"a heron, standing", "none of JPEG"),
        (b"\xff\xd8\xff" + bytes(50), "none of JPEG"),
    ],
)
def test_what_is_no_image_is_said(tmp_path: Path, content: bytes, says: str):
    (tmp_path / "bird.jpg").write_bytes(content)
    with pytest.raises(UserError, match=says):
        read_rgb(tmp_path / "bird.jpg")
    assert isinstance(image_sizes([tmp_path / "bird.jpg"])[0], str)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_truncated_image_is_refused(tmp_path: Path, format_: str):
    Image.effect_noise((40, 30), 80).convert("RGB").save(tmp_path / "bird.jpg", format=format_)
    content = (tmp_path / "bird.jpg").read_bytes()
    (tmp_path / "bird.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"bird\.jpg: cannot be read as an image"):
        read_rgb(tmp_path / "bird.jpg")


def test_a_file_of_too_many_bytes_is_not_read(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(opened, "MOST_BYTES", 10)
    (tmp_path / "bird.jpg").write_bytes(bytes(11))
    monkeypatch.setattr(Path, "read_bytes", lambda *_: pytest.fail("it was read"))
    with pytest.raises(UserError, match="11 bytes, more than 10"):
        read_rgb(tmp_path / "bird.jpg")


def test_nothing_else_opens_images(root: Path):
    for path in (root / "src").rglob("*.py"):
        if path.name != "opened.py":
            assert "Image.open(" not in path.read_text(), f"{path}: use open_image"
