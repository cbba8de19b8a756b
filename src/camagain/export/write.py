"""What `camagain export` does: copies the small results of a run, describes them, and puts all in place at once."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from camagain.artifacts import INSIDE, atomic, sha256, write_csv, write_json, write_text
from camagain.compare.reference import publishable
from camagain.compare.runs.folder import RunFolder
from camagain.errors import UserError
from camagain.export.checklist import checklist
from camagain.export.crate import write_metadata
from camagain.export.croissant import croissant
from camagain.export.images import described_images
from camagain.export.project import project_files

CROISSANT, CHECKLIST, IMAGES, BOXES = "croissant.json", "checklist.md", "images.csv", "boxes.csv"


def export_run(run: Path, output: Path | None = None, data: Path = Path("data"), project: Path = Path()) -> Path:
    """Writes a finished run as a Workflow Run RO-Crate, a folder or a .zip, and returns where it lies.

    `project` is the folder that holds the Snakefile. Images are looked for below `data` to describe them; none is
    copied, and no picture that shows a photograph. UserError where the run is not finished, a file of it has changed,
    or the output is there already; then nothing is written.
    """
    source = RunFolder.open(run)
    target = Path(f"{source.root.resolve().name}-crate") if output is None else Path(output)
    check_output(source, target)
    workflow, today = project_files(source, project), datetime.now(UTC).date().isoformat()
    results = publishable(source)
    with scratch_beside(target) as folder:
        for file in results:
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.path(file), place)
        for file, content in workflow.files.items():
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        images = described_images(source, data)
        write_csv(folder / IMAGES, images.rows)
        if images.boxes is not None:
            write_csv(folder / BOXES, images.boxes)
        listed = {file: entry(folder / file) for file in (IMAGES, BOXES) if (folder / file).is_file()}
        write_json(folder / CROISSANT, croissant(source, images, listed, today))
        write_text(folder / CHECKLIST, checklist(source, results, images, workflow))
        write_metadata(folder, source, results, workflow, today)
        write_json(folder / INSIDE.manifest, manifest(source, folder))
        put_in_place(folder, target)
    return target


def check_output(run: RunFolder, target: Path) -> None:
    """UserError where a crate cannot be written there."""
    if target.exists() or target.is_symlink():
        raise UserError(f"{target}: is there already; give another --output, or delete it yourself.")
    if target.resolve().is_relative_to(run.root.resolve()):
        raise UserError(f"{target}: lies in the run itself, {run}; give an --output outside of it.")


@contextmanager
def scratch_beside(target: Path) -> Iterator[Path]:
    """A new folder beside `target`, on its disk, that is gone afterwards unless it was moved."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.stem}.", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(folder: Path, target: Path) -> None:
    """Gives a finished crate its final name, packed where that ends in .zip."""
    if target.suffix != ".zip":
        folder.chmod(0o755)  # a temporary folder is its owner's alone
        os.rename(folder, target)
        return
    with atomic(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files_of(folder):
            archive.write(path, path.relative_to(folder).as_posix())


def manifest(run: RunFolder, folder: Path) -> dict:
    """The manifest of a crate: that of the run, with every file that is in the crate, and what is left out."""
    here = {path.relative_to(folder).as_posix(): entry(path) for path in files_of(folder)}
    left_out = {file: about for file, about in sorted(run.listed.items()) if file not in here}
    return {**run.manifest, "files": here, "files_left_out": left_out}


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def entry(path: Path) -> dict:
    """A file in a manifest."""
    return {"sha256": sha256(path), "bytes": path.stat().st_size}
