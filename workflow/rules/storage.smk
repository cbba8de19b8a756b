# Files that lie elsewhere, with `--default-storage-provider` and `--default-storage-prefix`: Snakemake fetches what a job
# reads, stores what it wrote, and deletes the copies here. See docs/scaling.md.
import subprocess
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

STORE = workflow.storage_registry.default_storage_provider
STORED = STORE is not None


def stored(file):
    """A file of this folder as Snakemake's storage knows it."""
    prefix = workflow.storage_settings.default_storage_prefix.rstrip("/")
    return STORE.object(f"{prefix}/{file}")


def keep_names():
    """Gives the local copy of a stored file the name that rules and commands know, such as results/demo/report.html.

    Snakemake would put it below .snakemake/storage, where no command looks.
    """
    above = stored("x").local_suffix().removesuffix("x")

    class StoredUnderItsName(STORE.get_storage_object_cls()):
        def local_suffix(self):
            return super().local_suffix().removeprefix(above)

    STORE.get_storage_object_cls = lambda: StoredUnderItsName
    STORE.local_prefix = (
        Path.cwd()
    )  # a copy that has exactly the name of its rule would not count as stored


if STORED:
    if not workflow.storage_settings.default_storage_prefix:
        raise WorkflowError(
            "--default-storage-provider is given, but not where files are to be stored. Add --default-storage-prefix, "
            "with `fs` for example a folder outside of this one."
        )
    keep_names()


def fetch(file):
    """Brings one file here, whether a job reads it or not; nothing happens where nothing is stored."""
    if (copy := stored(file)).exists():
        copy.local_path().parent.mkdir(parents=True, exist_ok=True)
        copy.retrieve_object()


def forget_notes():
    """Deletes the notes of earlier jobs on files that lie elsewhere: another machine may have made those again."""
    for note in PATHS.root.rglob(".*.json"):
        note.unlink()


def make_images():
    """Makes or fetches the images again where jobs read them and this machine does not have them: none are stored.

    The rule that makes them has nothing to do, since their index is stored. Another index, although it is the same,
    would be newer than every network that was trained with these images.
    """
    due = {job.rule.name for job in workflow.dag.needrun_jobs()}
    reads = {
        RULES.get(name, name)
        for name, about in stages.stages().items()
        if "data" in about.reads
    }
    if RULES["data"] in due or not due & reads:
        return
    folder = PATHS.dataset_dir
    if folder.is_dir() and any(entry.is_dir() for entry in folder.iterdir()):
        return
    print(f"The images in {folder} are made or fetched again.", file=sys.stderr)
    if subprocess.run(["camagain", "data", EXPERIMENT_FILE]).returncode:
        raise WorkflowError(
            f"The images in {folder} could not be made again; see above."
        )
    for note in (*files("data"), folder / ".data.json"):
        Path(note).unlink()
