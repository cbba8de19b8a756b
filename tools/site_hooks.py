"""What mkdocs does to the documents on their way to the site (hooks of mkdocs.yml).

Documents link to each other, to files outside docs/ and to folders, as they are read on a forge. A site holds none of
the last two: Markdown outside docs/ becomes a page, another file is copied, a link to a folder becomes its README or
plain text. A notebook in the percent format becomes a page of its text and code.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\]\()([^)\s#]+)?(#[^)\s]*)?(\))")
FILE_NAME = re.compile(r"\[(?:[\w-]+/)*[\w-]+\.md\]\(([^)\s#]+)([^)\s]*)\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
NOTEBOOKS = "docs/notebooks/"
SHOWN_AS_TEXT = {".csv", ".py", ".toml", ".yaml", ".yml"}
"""A browser would save these instead of showing them; their copies are called .txt."""


def on_files(files: Files, config: Any) -> Files:
    """Adds what is linked and lies outside docs/, and a page for each notebook."""
    for notebook in sorted((ROOT / NOTEBOOKS).glob("*.py")):
        page = place(notebook.relative_to(ROOT).as_posix())
        files.append(File.generated(config, page, content=as_markdown(notebook.read_text(encoding="utf-8"))))
    pending = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")]
    seen = set(pending)
    while pending:
        document = pending.pop()
        for target in linked(document, (ROOT / document).read_text(encoding="utf-8")):
            if target in seen or target.startswith("docs/") or not (ROOT / target).is_file() or target == "README.md":
                continue
            seen.add(target)
            files.append(File.generated(config, place(target), abs_src_path=str(ROOT / target)))
            if target.endswith(".md"):
                pending.append(target)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """The page with its links as the site needs them."""
    source = source_of(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def replaced(match: re.Match) -> str:
        before, target, anchor, after = match.groups(default="")
        found = resolved(source, target)
        if found is None:
            return match[0]
        return f"{before}{posixpath.relpath(place(found), here or '.')}{anchor}{after}"

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(replaced, without_folders(source, text)) for text in parts[::2]]
    parts[::2] = [FILE_NAME.sub(lambda match: titled(match, here, files), text) for text in parts[::2]]
    return "".join(parts)


def titled(link: re.Match, folder: str, files: Files) -> str:
    """A link whose text is a file's name, with the title that the page has in the navigation."""
    file = files.get_file_from_path(posixpath.normpath(posixpath.join(folder, link[1])))
    title = file.page.title if file is not None and file.page is not None else None
    return f"[{title}]({link[1]}{link[2]})" if title else link[0]


def without_folders(source: str, text: str) -> str:
    """Links to folders that have no README become their text."""

    def replaced(match: re.Match) -> str:
        found = resolved(source, match[2])
        return match[1] if found is not None and (ROOT / found).is_dir() else match[0]

    return re.sub(r"(?<!!)\[([^\[\]]*)\]\(([^)\s#]+)\)", replaced, text)


def linked(source: str, text: str) -> list[str]:
    """Paths below the root to which a document links."""
    prose = "".join(FENCE.split(text)[::2])
    found = (resolved(source, match[2] or "") for match in LINK.finditer(prose))
    return [target for target in found if target is not None]


def resolved(source: str, target: str) -> str | None:
    """The path below the root of a link in the document `source`; None for an address or a link inside of the page."""
    if not target or "://" in target or target.startswith("mailto:"):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    return f"{path}/README.md" if (ROOT / path / "README.md").is_file() else path


def place(path: str) -> str:
    """Where a file of the project lies in the site's sources: docs/ is their root, and README.md is the start page."""
    if path == "README.md":
        return "index.md"
    if path.startswith(NOTEBOOKS) and path.endswith(".py"):
        path = path.removesuffix(".py") + ".md"
    inside = path.removeprefix("docs/")
    return f"{inside}.txt" if Path(inside).suffix in SHOWN_AS_TEXT else inside


def source_of(page: str) -> str:
    """The other way round, for a page."""
    return f"docs/{page}" if (ROOT / "docs" / page).is_file() or page.startswith("notebooks/") else page


def as_markdown(notebook: str) -> str:
    """A notebook in jupytext's percent format: its text, and its code in fences."""
    parts = []
    for cell in re.split(r"^# %%", notebook, flags=re.MULTILINE)[1:]:
        kind, _, body = cell.partition("\n")
        if "[markdown]" in kind:
            parts.append("\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()))
        else:
            parts.append(f"```python\n{body.strip()}\n```")
    return "\n\n".join(parts) + "\n"
