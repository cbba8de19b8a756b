"""The table of published weights, and how its files get into the downloads folder."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from camagain.config.file import load_experiment
from camagain.downloads import Patience, Unreachable, google_drive
from camagain.downloads.checksum import read_ledger
from camagain.errors import UserError
from camagain.models.sources import Source, all_sources, choose, obtain, present

CONTENT = b"PK\x03\x04" + b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "http://127.0.0.1:9"
"""The discard port, where nothing listens: a request fails."""

SOURCES = all_sources()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that has the file `weights.pth`."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "weights.pth").write_bytes(CONTENT)
    (folder / "download").write_bytes(CONTENT)  # what Google Drive is asked for
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def copies(site: str, sha256: str = DIGEST[:8]) -> tuple[Source, Source]:
    """A copy over plain HTTP and one on Google Drive, as RepLKNet has."""
    plain, drive = choose("upstream", "replknet_31b.in1k_384", {})
    return replace(plain, url=f"{site}/weights.pth", sha256=sha256), drive


def get(sources: tuple[Source, ...], downloads: Path, drive: str = NOWHERE):
    return obtain(sources, downloads, drive, Patience(attempts=1, pause=0.001, timeout=5.0))


def test_every_row_is_complete():
    for source in SOURCES:
        assert source.weights in ("upstream", "published")
        assert source.file.endswith(".pth") and "/" not in source.file
        assert source.url.startswith("https://")
        assert ("drive.google.com" in source.url) == (google_drive.file_id(source.url) is not None)
        assert source.layout in ("authors", "mmpretrain")
        assert source.normalisation in ("imagenet", "half")
        assert source.licence in ("MIT", "no licence stated")
        assert (source.kernels is not None) == source.architecture.startswith("slak")
    assert len({source.file for source in SOURCES}) == len({source.url for source in SOURCES}) == len(SOURCES)


def test_the_head_of_the_digest_is_the_one_in_the_file_name():
    for source in SOURCES:
        head = source.file.removesuffix(".pth").rpartition("-")[2] if source.layout == "mmpretrain" else ""
        assert source.sha256 == head


@pytest.mark.parametrize("name", dict.fromkeys(source.name for source in SOURCES if source.weights == "upstream"))
def test_timm_knows_the_same_weights(name: str):
    import timm

    cfg = timm.get_pretrained_cfg(name)
    first = choose("upstream", name, {})[0]
    assert tuple(cfg.mean) == ((0.5,) * 3 if first.normalisation == "half" else (0.485, 0.456, 0.406))
    assert cfg.url == (first.url if first.layout == "mmpretrain" else None)
    assert (
        choose("upstream", first.architecture, {})[0].name
        == f"{first.architecture}.{timm.get_pretrained_cfg(first.architecture).tag}"
    )


def test_https_comes_first_and_google_drive_second():
    for name in {source.name for source in SOURCES if source.weights == "upstream"}:
        layouts = [source.layout for source in choose("upstream", name, {})]
        assert layouts in (["mmpretrain", "authors"], ["authors"])


@pytest.mark.parametrize(
    ("weights", "architecture", "options", "says"),
    [
        ("upstream", "replknet_31b.in1k_38", {}, "there are .*Did you mean 'replknet_31b.in1k_384'"),
        ("upstream", "replknet_31", {}, "no upstream weights for 'replknet_31', only for .*Did you mean"),
        (
            "published",
            "slak_tiny",
            {},
            "no published weights for 'slak_tiny', only for convnext_base_cam, replknet_31b",
        ),
        ("published", "replknet_31b.in1k_384", {}, "unknown published weights 'replknet_31b.in1k_384'"),
        (
            "upstream",
            "slak_tiny.k31_in1k_120ep",
            {"kernels": 61},
            "kernels of 31, but .* 61; .*slak_tiny.k61_in1k_120ep",
        ),
        (
            "upstream",
            "slak_tiny",
            {"kernels": [31, 29, 27, 13]},
            "kernels of 51, but .* 31; .*slak_tiny.k31_in1k_120ep",
        ),
        ("upstream", "slak_base", {"kernels": 61}, "kernels of 51, but `options` has 61; drop that option\\.$"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(weights: str, architecture: str, options: dict, says: str):
    with pytest.raises(UserError, match=says):
        choose(weights, architecture, options)


@pytest.mark.parametrize("options", [{}, {"kernels": 31}, {"kernels": [31, 29, 27, 13]}])
def test_kernels_may_be_said_twice_or_once(options: dict):
    assert choose("upstream", "slak_tiny.k31_in1k_120ep", options)[0].kernels == 31


def test_every_shipped_experiment_names_weights_of_the_table(root: Path):
    experiments = [load_experiment(path) for path in (root / "config" / "experiments").glob("*.yaml")]
    models = [model for experiment in experiments for model in experiment.models]
    named = [model for model in models if model.weights in ("upstream", "published")]
    assert named
    for model in named:
        choose(model.weights, model.architecture, model.options)


def test_the_first_copy_is_downloaded_checked_and_recorded(site: str, tmp_path: Path):
    got = get(copies(site), tmp_path / "downloads")
    assert (got.sha256, got.path.name) == (DIGEST, "RepLKNet-31B_ImageNet-1K_384_20221024-3d05883f.pth")
    assert got.path.read_bytes() == CONTENT
    assert read_ledger(tmp_path / "downloads")[got.path.name].source == f"{site}/weights.pth"
    assert present(tmp_path / "downloads") == [(choose("upstream", "replknet_31b.in1k_384", {})[0], got.path)]


def test_the_second_copy_is_taken_where_the_first_cannot_be_reached(site: str, tmp_path: Path):
    got = get(copies(NOWHERE), tmp_path, drive=site)
    assert (got.sha256, got.path.name) == (DIGEST, "RepLKNet-31B_ImageNet-1K_384.pth")


def test_the_second_copy_is_taken_where_the_first_asks_to_come_back_later(site: str, tmp_path: Path, serve: Callable):
    class Busy(Quiet):
        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("Retry-After", "300")
            self.end_headers()

    patience = Patience(sleep=lambda seconds: pytest.fail("it waits"))
    assert obtain(copies(serve(Busy)), tmp_path, site, patience).sha256 == DIGEST


def test_a_wrong_first_copy_is_refused_and_no_other_tried(site: str, tmp_path: Path):
    with pytest.raises(UserError, match="expected 00000000 and more digits") as caught:
        get(copies(site, sha256="0" * 8), tmp_path, drive=site)
    assert not isinstance(caught.value, Unreachable)
    assert not list(tmp_path.glob("*.pth"))


def test_without_any_server_every_way_by_hand_is_named(tmp_path: Path):
    sources = copies(NOWHERE)
    with pytest.raises(Unreachable) as caught:
        get(sources, tmp_path)
    for source in sources:
        assert f"download {source.url} by other means and put it at {tmp_path / source.file}" in str(caught.value)
    assert "docs/weights.md" in str(caught.value)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_put_there_by_hand_is_taken_before_any_download(site: str, tmp_path: Path, ending: str):
    sources = copies(site)
    placed = (tmp_path / sources[1].file).with_suffix(ending)
    placed.write_bytes(CONTENT + b"more")
    got = get(sources, tmp_path)
    assert (got.source, got.path) == (sources[1], placed)
    known = read_ledger(tmp_path)[placed.name]
    assert known.sha256 == got.sha256
    assert known.source == f"found in the folder; published at {sources[1].url}"
    placed.write_bytes(CONTENT)
    with pytest.raises(UserError, match="when it was first seen"):
        get(sources, tmp_path)


def documented() -> str:
    """The table of docs/weights.md."""
    lines = [
        "| `weights` | network and tag | name in `downloads/` | SHA-256 | normalisation | ImageNet-1K top-1 |",
        "|---|---|---|---|---|---|",
    ]
    for source in SOURCES:
        top1 = "" if source.top1_percent is None else f"{source.top1_percent} %"
        digest = f"{source.sha256}..." if source.sha256 else "recorded"
        cells = [
            source.weights,
            f"`{source.name}`",
            f"[{source.file}]({source.url})",
            digest,
            source.normalisation,
            top1,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_page_for_people_has_the_same_table(root: Path):
    page = (root / "docs" / "weights.md").read_text(encoding="utf-8")
    between = page.partition("keeps it so -->\n")[2].partition("\n<!-- end")[0]
    assert between == documented(), f"put this table into docs/weights.md:\n{documented()}"
