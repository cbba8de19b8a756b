"""Whether the files of a run are still those that its manifest lists: the same bytes, none gone, none added."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from camagain.artifacts import INSIDE, SEED_SPREAD, UNLISTED, read_json
from camagain.compare.runs.folder import RunFolder
from camagain.errors import UserError
from camagain.progress import progress

LISTED = 20
"""Files of each kind that the text names; the rest is counted."""

BLOCK = 1 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True)
class OtherWeights:
    """A model whose weights are not those that the run says it has: digests by who says so, None where nobody does."""

    model: str
    manifest: str | None  # its section on models
    card: str | None  # model.json
    file: str | None  # the weights themselves, or where they are left out what the list of files says

    def __str__(self) -> str:
        said = {"manifest": self.manifest, "model.json": self.card, "file": self.file}
        return f"{self.model}: {', '.join(f'{who} {digest[:12]}' for who, digest in said.items() if digest)}"


@dataclass(frozen=True)
class Verification:
    """The outcome for one run; paths are those inside it, sorted."""

    run: RunFolder
    intact: int  # files that are what the manifest says
    size: int  # their bytes
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    unlisted: tuple[str, ...]
    weights: tuple[OtherWeights, ...]
    left_out: int  # files that a reference does not keep, by design

    @property
    def exit_code(self) -> int:
        """0 where everything is as the manifest says, else 1."""
        return int(bool(self.changed or self.gone or self.unlisted or self.weights))


def verify_run(run: Path) -> Verification:
    """Reads every file of a run, or of a reference, and holds it against the manifest.

    What a reference leaves out is counted; where it is there all the same, it has to be what the run had. UserError
    where the folder is no run, or its manifest is of another schema or cannot be read.
    """
    folder = RunFolder.open(run)
    digests = digests_of(folder)
    changed = {file for file, digest in digests.items() if digest != folder.digest(file)}
    intact = digests.keys() - changed
    return Verification(
        folder,
        len(intact),
        sum(folder.listed[file]["bytes"] for file in intact),
        tuple(sorted(changed)),
        tuple(sorted(folder.manifest["files"].keys() - digests.keys())),
        tuple(sorted(present(folder) - folder.listed.keys())),
        tuple(other_weights(folder, digests)),
        len(folder.left_out.keys() - digests.keys()),
    )


def digests_of(run: RunFolder) -> dict[str, str]:
    """The SHA-256 of every listed file that is there; one of another size is not read and has the digest ""."""
    paths = {file: path for file in run.listed if (path := run.place(file)).is_file()}
    sizes = {file: path.stat().st_size for file, path in paths.items()}
    whole = [file for file in paths if sizes[file] == run.listed[file]["bytes"]]
    with progress(f"verify {run}", sum(sizes[file] for file in whole), unit="bytes") as advance:
        read = {file: digest_of(paths[file], advance) for file in whole}
    return {file: read.get(file, "") for file in paths}


def digest_of(path: Path, advance: Callable[[int], None]) -> str:
    """The SHA-256 of one file, telling `advance` how many bytes were read."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def present(run: RunFolder) -> set[str]:
    """The files that a manifest would list: none in UNLISTED, no hidden ones, not what is measured across runs."""
    files = {path.relative_to(run.root) for path in run.root.rglob("*") if path.is_file()}
    own = {str(INSIDE.manifest), *([SEED_SPREAD] if "files_left_out" in run.manifest else [])}
    return {
        file.as_posix()
        for file in files
        if file.parts[0] not in UNLISTED and not any(part.startswith(".") for part in file.parts)
    } - own


def other_weights(run: RunFolder, digests: dict[str, str]) -> list[OtherWeights]:
    """The models whose weights, card and entry in the manifest do not name one digest."""
    found = []
    listed = {file.split("/")[1] for file in run.listed if file.startswith("models/") and file.count("/") > 1}
    models = run.manifest.get("models") or {}
    for model in sorted(models.keys() | listed):
        weights = INSIDE.weights(model).as_posix()
        file = digests[weights] if weights in digests else run.digest(weights)
        said = OtherWeights(model, (models.get(model) or {}).get("sha256"), card_digest(run, model), file)
        if len({digest for digest in (said.manifest, said.card, said.file) if digest}) > 1:
            found.append(said)
    return found


def card_digest(run: RunFolder, model: str) -> str | None:
    """The digest of the weights that model.json names; None where there is none or it cannot be read."""
    path = run.place(str(INSIDE.card(model)))
    try:
        card = read_json(path) if path.is_file() else None
    except UserError:
        return None  # it is among the changed files
    return card.get("sha256") if isinstance(card, dict) else None


def text(found: Verification) -> str:
    """What is not as the manifest says, then the verdict in one line."""
    lines = []
    kinds = {
        "changed": found.changed,
        "gone": found.gone,
        "not in the manifest": found.unlisted,
        "weights are not one and the same": tuple(map(str, found.weights)),
    }
    for kind, entries in kinds.items():
        lines += [f"{kind}: {entry}" for entry in entries[:LISTED]]
        if len(entries) > LISTED:
            lines.append(f"  ... and {len(entries) - LISTED:,} more {kind}")
    left_out = f"; {found.left_out:,} files are left out by design" if found.left_out else ""
    if not found.exit_code:
        size = f"{found.size / 1e6:,.1f} MB"
        return f"intact: all {found.intact:,} files of {found.run} ({size}) are those of its manifest{left_out}"
    counts = {
        "changed": len(found.changed),
        "gone": len(found.gone),
        "not in the manifest": len(found.unlisted),
        "models with other weights": len(found.weights),
    }
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return "\n".join([*lines, f"NOT INTACT: {found.run}: {said}; {found.intact:,} files are intact{left_out}"])
