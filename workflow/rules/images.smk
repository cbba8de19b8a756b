# Images that are gone. They may be deleted once they were used, and neither DVC nor a storage keeps them.
import subprocess
import sys
from functools import cache

from snakemake.exceptions import WorkflowError


@cache
def images_are_lost():
    """Whether jobs are going to read images that are gone although their index is there, which is then not made again."""
    due = {job.rule.name for job in workflow.dag.needrun_jobs()}
    readers = {
        RULES.get(name, name)
        for name, about in stages.stages().items()
        if "data" in about.reads
    }
    if RULES["data"] in due or not due & readers:
        return False
    if STORED:
        fetch(PATHS.index)
        fetch(PATHS.description)
    # Here, because it brings pandas, which planning does without.
    from camagain.datasets.index import lost_images

    return bool(lost_images(PATHS.index))


def make_lost_images():
    """Makes or fetches them again, and keeps the index that is there.

    Another one would be newer than every network that was trained with these images, although it is the same.
    """
    if not images_are_lost():
        return
    print(
        f"Images of {PATHS.dataset_dir} are gone; they are made or fetched again.",
        file=sys.stderr,
    )
    made = subprocess.run(["camagain", "data", EXPERIMENT_FILE, "--lost"])
    if made.returncode:
        raise WorkflowError("Images are gone and could not be made again; see above.")
