"""The workflow behind a run: its Snakefile and rules at the run's own commit, their authors and their licence."""

import io
import re
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from camagain.compare.runs.folder import RunFolder
from camagain.errors import UserError

MAIN, LICENCE, CITATION = "Snakefile", "LICENSE", "CITATION.cff"
PARTS = (MAIN, "workflow", LICENCE, CITATION)
"""What a crate holds of the project; the library behind the workflow is named by its commit."""


@dataclass(frozen=True)
class Project:
    """Files of the project by their paths, and in words which state of it they are."""

    files: Mapping[str, bytes]
    state: str

    @cached_property
    def citation(self) -> dict[str, Any]:
        """What CITATION.cff says: title, version, license, authors."""
        return yaml.safe_load(self.files[CITATION])


def project_files(run: RunFolder, folder: Path) -> Project:
    """The project's files at the commit at which a run was made, or as they lie in `folder` where git has it not.

    UserError where there are none: the command was called elsewhere.
    """
    git = run.manifest.get("git") or {}
    commit = git.get("commit")
    found = committed(folder, commit) if isinstance(commit, str) else {}
    if found:
        changed = ", with changes that were not committed and are not shown here" if git.get("modified") else ""
        return Project(found, f"as of commit {commit}, at which the run was made{changed}")
    if not all((folder / part).exists() for part in PARTS):
        raise UserError(
            f"{folder.resolve()}: has no {', '.join(PARTS)}; call `camagain export` in the folder of the project, "
            "whose workflow made the run."
        )
    paths = [path for part in PARTS for path in sorted((folder / part).rglob("*")) or [folder / part] if path.is_file()]
    made = f"the run was made at commit {commit}" if commit else "the commit at which the run was made is not known"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return Project(files, f"as it was where the run was exported; {made}")


def committed(folder: Path, commit: str) -> dict[str, bytes]:
    """The project's files at a commit; empty where `folder` is no checkout that has it."""
    if not re.fullmatch("[0-9a-f]{40}", commit):  # a manifest may be a stranger's, and git has options
        return {}
    command = ["git", "-C", str(folder), "archive", "--format=tar", commit, "--", *PARTS]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    if done.returncode:
        return {}
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        members = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: file.read() for name, file in members.items() if file is not None}
