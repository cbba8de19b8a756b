# Files that lie elsewhere, with `--default-storage-provider` and `--default-storage-prefix`: Snakemake fetches what a job
# reads, stores what it wrote, and deletes the copies here. See docs/scaling.md.
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
    # From the root: a copy that has exactly the name in its rule would not count as stored.
    STORE.local_prefix = Path.cwd()


if STORED:
    if not workflow.storage_settings.default_storage_prefix:
        raise WorkflowError(
            "--default-storage-provider is given, but not where files are to be stored. Add --default-storage-prefix, "
            "with `fs` for example a folder outside of this one."
        )
    keep_names()


def fetch(file):
    """Brings one file here, whether a job reads it or not; False where it is not stored."""
    if not (copy := stored(file)).exists():
        return False
    copy.local_path().parent.mkdir(parents=True, exist_ok=True)
    copy.retrieve_object()
    return True


def forget_notes():
    """Deletes the notes of earlier jobs on files that lie elsewhere: another machine may have made those again."""
    for note in PATHS.root.rglob(".*.json"):
        note.unlink()
