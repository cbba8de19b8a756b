"""The documents as a site: built without a network, whole, with links that lead somewhere."""

import os
import re
import subprocess
import sys
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import camagain

UNREACHABLE = {name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy")}


class Page(HTMLParser):
    """Links, anchors and loaded files of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a":
            self.links.append(values.get("href", ""))
        elif tag in ("script", "img", "link", "iframe", "source"):
            self.loads += [values[name] for name in ("src", "href") if name in values]

    @cached_property
    def folder(self) -> Path:
        return self.path.parent


@pytest.fixture(scope="module")
def pages(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    for package in ("mkdocs", "material", "mkdocstrings_handlers"):
        pytest.importorskip(package, reason="needs the extra `docs`")
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)]
    environment = {**os.environ, **UNREACHABLE, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path: Page(path) for path in sorted(target.rglob("*.html"))}


@pytest.fixture(scope="module")
def site(pages: dict[Path, Page]) -> Path:
    return next(path.parent for path in pages if path.name == "404.html")


def test_every_document_is_a_page(pages: dict[Path, Page], site: Path, root: Path):
    for document in (root / "docs").rglob("*.md"):
        name = document.relative_to(root / "docs").with_suffix(".html").as_posix()
        assert site / name.replace("README.html", "index.html") in pages, name
    for other in ("config/index.html", "CONTRIBUTING.html", "CHANGELOG.html", "notebooks/first_look.html"):
        assert site / other in pages


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page], site: Path):
    for page in pages.values():
        for address in page.loads:
            assert not urlsplit(address).netloc, f"{page.path.name} loads {address}"
            assert (page.folder / unquote(urlsplit(address).path)).exists() or page.path.name == "404.html", address
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet.name
    assert not any('class="mermaid"' in path.read_text(encoding="utf-8") for path in pages), "it loads a script"


def test_links_lead_somewhere(pages: dict[Path, Page], site: Path):
    for page in pages.values():
        if page.path.name == "404.html":
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.folder / unquote(parts.path)).resolve() if parts.path else page.path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{page.path.relative_to(site)} links to {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{page.path.relative_to(site)}: {link}"


def test_the_reference_describes_every_public_name(pages: dict[Path, Page], site: Path):
    text = (site / "api.html").read_text(encoding="utf-8")
    for name, module in camagain._public().items():
        assert f'id="{module}.{name}"' in text, name
    assert "&gt;&gt;&gt;" in text and "<blockquote>" not in text, "examples are code, no quotations"
