"""The files of an experiment's dataset."""

from pathlib import Path

from camagain.config.dataset import DatasetSettings
from camagain.datasets.needed import needed_files
from camagain.readiness.line import Line
from camagain.readiness.reach import Answers

NAMED = 4
"""At most so many missing files are named."""

DOCS = "docs/datasets.md says which files to put where."


def image_lines(dataset: DatasetSettings, data: Path, reach: Answers) -> list[Line]:
    """One line: all files there, to be downloaded, or to be put somewhere by hand."""
    files = needed_files(dataset, data)
    missing = [file for file in files if not file.is_there()]
    if not missing:
        found = f"{len(files):,} files and folders are there" if files else "nothing to bring"
        return [Line("ok", "data", f"{dataset.kind} '{dataset.name}': {found}")]
    by_hand = [file for file in missing if not file.url]
    if by_hand:
        first, more = ", ".join(str(file.path) for file in by_hand[:NAMED]), " ..." if len(by_hand) > NAMED else ""
        says = f"{len(by_hand):,} of {len(files):,} files and folders are not there: {first}{more}"
        return [Line("MISSING", "data", says, f"Put them there; {DOCS}")]
    lines = []
    for file in missing:
        size = f" ({file.bytes / 1e9:.1f} GB)" if file.bytes else ""
        if reach(file.url):
            lines.append(Line("ok", "data", f"{file.path} will be downloaded from {file.url}{size}"))
        else:
            says = f"{file.path} is not there, and {file.url} cannot be reached{size}"
            lines.append(Line("MISSING", "data", says, f"Download it elsewhere and put it there; {DOCS}"))
    return lines
