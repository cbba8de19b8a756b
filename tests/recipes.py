"""The files that the recipes of the documents add (docs/own-analysis.md and others), taken out of their pages."""

import re
from functools import cache
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"^`src/camagain/(\S+)`:\n\n```python\n(.*?)```\n", re.DOTALL | re.MULTILINE)


@cache
def recipes() -> dict[str, str]:
    """Source by path below the package: "analysis/spread/show.py" and so on."""
    pages = (page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")))
    found = {path: text for page in pages for path, text in BLOCK.findall(page)}
    assert len(found) == 7, sorted(found)
    return found


def add(package: Path, *beginnings: str) -> None:
    """Writes the files of recipes, by how their paths begin, into a copy of the package."""
    for path, text in recipes().items():
        if path.startswith(beginnings):
            (package / path).parent.mkdir(parents=True, exist_ok=True)
            (package / path).write_text(text)
