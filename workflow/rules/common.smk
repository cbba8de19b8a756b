# What the rules share: the validated experiment, and what the registry of stages (camagain/stages.py) says of each rule.
import base64
import gc
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.settings.enums import Quietness
from snakemake.shell import shell

from camagain import locks, parent, stages
from camagain.artifacts import remove_leftovers, write_text
from camagain.config import ANALYSES
from camagain.config.experiment import model_name, training_shape
from camagain.config.file import dump_experiment, parse_experiment, read_yaml
from camagain.config.names import check_names, existing_checkpoint
from camagain.config.packages import require_packages
from camagain.cost import jobs
from camagain.cost.estimate import CUB
from camagain.datasets.sizes import check_sizes, sizes_of
from camagain.errors import LACK_OF_MEMORY, UserError, in_words
from camagain.explorer.small import is_small
from camagain.lineage import Lineage
from camagain.paper.registry import write_captions
from camagain.warm.client import VARIABLE as WARM
from camagain.warm.launch import launched


@contextmanager
def in_one_sentence():
    """What the user or the machine has to mend, as Snakemake prints its own errors and without a traceback."""
    try:
        yield
    except (UserError, OSError) as error:
        if (message := in_words(error)) is None:
            raise
        raise WorkflowError(message) from None


with in_one_sentence():
    # Snakemake has merged the files and has taken the last of two equal keys; each is read once more.
    for file in workflow.configfiles:
        read_yaml(file)
    EXPERIMENT = parse_experiment(
        config, " + ".join(map(str, workflow.configfiles)) or "--config"
    )
    check_names(EXPERIMENT)
    require_packages(EXPERIMENT)
    for model in EXPERIMENT.models:
        existing_checkpoint(model)
    # Too few images for a recipe are said now, and not after minutes; jobs read this file again and need not count.
    if workflow.is_main_process and (sizes := sizes_of(EXPERIMENT.dataset)) is not None:
        for remark in check_sizes(EXPERIMENT, sizes):
            print(f"{EXPERIMENT.dataset.name}: {remark}.", file=sys.stderr)

# Looking for garbage among the jobs and files of a large graph took up to half of the time of planning it.
gc.set_threshold(1_000_000, 10, 10)

EXPERIMENT_VALUES = EXPERIMENT.model_dump(mode="json")
PATHS = EXPERIMENT.paths()
LOGS = str(PATHS.logs)
EXPERIMENT_FILE = str(PATHS.experiment)


# Where trainings are many, planning takes time: Snakemake compares each file that a job reads with each that it writes,
# and a wildcard's pattern with each file.
MANY = len(EXPERIMENT.trainings) > 100


def only_count_jobs():
    """Lets a dry run end with the table of jobs, as `--quiet` does; Snakemake writes megabytes about ten thousand jobs."""
    settings = workflow.output_settings
    asked = any(word == "-q" or word.startswith("--quiet") for word in sys.argv)
    if not (MANY and settings.dryrun and workflow.is_main_process) or asked:
        return
    settings.quiet = {Quietness.RULES, Quietness.PROGRESS}
    print(
        f"{len(EXPERIMENT.trainings)} trainings: jobs are counted. `snakemake -n --quiet=reason` with your options lists "
        "each of them.",
        file=sys.stderr,
    )


only_count_jobs()


def inputs(stage):
    """The files that a stage reads.

    Report and manifest read those of tables and figures, which are made anew with any file below them; so these files,
    of which thousands of trainings have many, are not listed once more. `data` may be deleted, and is listed.

    Where trainings are many, of each job the file is listed that it writes last. That one tells whether the job has to
    run, and `all` makes others again that are gone. From a storage Snakemake fetches what is listed alone, so there
    every file is.
    """
    about = stages.stages()[stage]
    once = [name for name in about.reads if not stages.stages()[name].of_training]
    below = set() if STORED else set().union(*map(stages.above, once)) - {"data"}
    first = -1 if MANY and not STORED else 0

    def listed(wildcards=None):
        by_job = stages.inputs_by_job(EXPERIMENT, stage, below)
        return [file for written in by_job for file in written[first:]]

    return listed() if about.of_training else listed


def outputs(stage):
    """The files that a stage writes; `{training}` and `{job}` are wildcards."""
    return stages.patterns(EXPERIMENT, stage)


def files(*names):
    """The files of stages over all their trainings and jobs."""
    return [file for name in names for file in stages.files(EXPERIMENT, name)]


def own_weights(wildcards):
    """The user's own file of weights that a training starts from, in a list; empty where it starts from others."""
    file = EXPERIMENT.model(wildcards.training).checkpoint
    return [] if file is None else [str(file)]


def all_of(*names):
    """What a target asks for, as a function, which Snakemake calls for those rules alone that a graph has.

    Of each job the file that it writes last, and those that are gone although that one is there: they are made again.
    A job that has to run writes all of its files, and each one that is asked for costs Snakemake time; one of `tables`
    is compared with every file that `tables` reads.
    """
    return lambda wildcards: [
        file
        for name in names
        for *others, last in stages.files_by_job(EXPERIMENT, name)
        for file in (*missing(others, last), last)
    ]


def missing(others, last):
    """Those of a job's files that are gone although the last is there; all of them where Snakemake has to look for them."""
    if STORED:
        return others
    if not os.path.exists(last):
        return []
    return [file for file in others if not os.path.exists(file)]


def settings(stage):
    """What a stage reads of the experiment, as text for `params`: a job runs again when it changes."""
    return lambda wildcards: stages.settings_text(*of_job(stage, wildcards))


def code(stage):
    """The digest of the code behind a stage, as far as the experiment, or the training, uses it."""
    return lambda wildcards: stages.stage_code(*of_job(stage, wildcards))


MODELS = {model["name"]: model for model in EXPERIMENT_VALUES["models"]}


def of_job(stage, wildcards):
    """The experiment's values, the stage and the training of a job.

    Of the models a training has its own alone: to look for it among thousands takes time, job by job.
    """
    training = getattr(wildcards, "training", "")
    own = MODELS.get(model_name(training))
    values = {**EXPERIMENT_VALUES, "models": [own]} if own else EXPERIMENT_VALUES
    return values, stage, training


# The captions of `snakemake --report` for each table and figure; written when a run starts, and not part of the run.
CAPTIONS = Path(".snakemake/captions").absolute()


def shown(stage, category, label):
    """What a stage writes, each table and figure marked for Snakemake's own report."""
    folder, marked = f"{PATHS.root}/{category.lower()}/", report
    return [
        (
            marked(
                file,
                caption=str(CAPTIONS / stage / f"{Path(file).stem}.rst"),
                category=category,
                labels={label: Path(file).stem, "format": Path(file).suffix[1:]},
            )
            if file.startswith(folder)
            else file
        )
        for file in outputs(stage)
    ]


RULES = {
    "data": "dataset",
    **{
        part: f"write_{part}"
        for part in ("tables", "figures", "report", "explorer", "manifest")
    },
}
# The rules that do not have their stage's name, because a target has it.

NOT_IN_ALL = {"data"} if is_small(EXPERIMENT) else {"data", "explorer"}
# Images may be deleted once they were used; an explorer of very many maps is made when it is asked for.


FORCED = {"--forcerun", "-R", "--forceall", "-F"}
# Options of a call that makes files again in any case. Snakemake does not say so while it reads the rules.


def snakemakes_note(kind, file):
    """Where Snakemake notes something of a file: "metadata", with which settings and code it was made; "incomplete"."""
    file = os.path.abspath(file) if STORED else file
    name = base64.urlsafe_b64encode(file.encode()).decode()
    parts = [name[start : start + 254] for start in range(0, len(name), 254)]
    return Path(".snakemake", kind, *(f"@{part}" for part in parts[:-1]), parts[-1])


def noted(file):
    """Whether Snakemake knows with which settings and code a file was made."""
    return snakemakes_note("metadata", file).is_file()


def refuse_a_run_of_other_settings():
    """Says loudly what Snakemake cannot see: a run of other settings that was copied here, or whose notes are gone.

    Without its notes Snakemake compares times alone and would find nothing to do.
    """
    if not workflow.is_main_process:
        return
    if not (fetch(EXPERIMENT_FILE) if STORED else PATHS.experiment.is_file()):
        return
    made = [file for file in files(*stages.stages()) if STORED or Path(file).is_file()]
    if not made or any(map(noted, made)) or FORCED & set(sys.argv):
        return
    old = yaml.safe_load(PATHS.experiment.read_text(encoding="utf-8"))
    changed = stages.changed(EXPERIMENT, old, EXPERIMENT_VALUES)
    if changed:
        again = " ".join(RULES.get(stage, stage) for stage in changed)
        raise WorkflowError(
            f"{PATHS.root} was made with other settings than this configuration has, and Snakemake's notes on it "
            f"(.snakemake) are not here, so that it would find nothing to do. Make what has changed again with "
            f"`snakemake --forcerun {again}` and your options, or choose another `run`. `diff` of {PATHS.experiment} "
            "and the output of `camagain experiment` shows the settings."
        )


with in_one_sentence():
    refuse_a_run_of_other_settings()


def threads_of(stage):
    return EXPERIMENT.compute.threads * stages.processes(EXPERIMENT, stage)


MEMORY_COUNTS = workflow.is_main_process and (
    workflow.resource_settings.nodes is not None
    or "mem_mb" in workflow.global_resources
)
# On a cluster (`jobs` in its profile), and where `--resources mem_mb=...` says how much there is. Elsewhere nobody asks,
# and planning does without torch, which it takes to know the size of a network.


@cache
def need(stage, training, attempt):
    sizes = sizes_of(EXPERIMENT.dataset) or CUB
    return jobs.need(EXPERIMENT, sizes, stage, training, attempt)


def asked(stage):
    """The memory (megabytes) and time (minutes) that a job asks for, more at each attempt; nothing where nobody asks.

    A job is one process and those that it starts, so SLURM may not spread its GPUs over several nodes.
    """

    def of(what):
        return lambda wildcards, attempt: getattr(
            need(stage, getattr(wildcards, "training", ""), attempt), what
        )

    if not MEMORY_COUNTS:
        return {}
    return {"mem_mb": of("mem_mb"), "runtime": of("runtime"), "nodes": 1}


# A job is the process of its command, without a shell in between. Killed jobs are thus known as killed, and every job
# ends with the Snakemake that started it (camagain/parent.py).
os.environ[parent.VARIABLE] = str(os.getpid())
shell.prefix("set -euo pipefail; exec ")


if workflow.is_main_process:
    # A file that lost its end is made again: to Snakemake it is one that a killed job left incomplete.
    with in_one_sentence():
        for damaged in Lineage(EXPERIMENT, PATHS).damaged():
            print(f"{damaged}; it has to be made again.", file=sys.stderr)
            mark = snakemakes_note("incomplete", damaged.file)
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text("{}")


LOCKS = []
# Descriptors of the locks that this process holds until it ends.


def alone_in_this_run():
    """Takes the run's lock and the dataset's, the latter alone if this run makes it; WorkflowError where one is held."""
    try:
        LOCKS.append(locks.hold(PATHS.root / ".lock"))
    except locks.Held as holder:
        raise WorkflowError(
            f"The run '{EXPERIMENT.run}' is being made by {holder}. Wait until it has finished, or choose another `run`."
        ) from None
    makes_data = images_are_lost() or any(
        job.rule.name == RULES["data"] for job in workflow.dag.needrun_jobs()
    )
    try:
        lock = (
            PATHS.results / f".{PATHS.dataset}.lock"
        )  # not in `data`, which DVC compares from one run to the next
        LOCKS.append(locks.hold(lock, shared=not makes_data))
    except locks.Held as holder:
        doing = "is used by" if makes_data else "is being made in the run of"
        raise WorkflowError(
            f"The dataset {PATHS.dataset_dir} {doing} {holder}, and this run {'makes' if makes_data else 'reads'} it. "
            "Wait until that run has finished, or give this one's dataset another `name`."
        ) from None
    remove_leftovers(PATHS.root)
    if makes_data:
        remove_leftovers(PATHS.dataset_dir)


def gpus_that_a_cluster_has():
    """Says that SLURM has no GPU at all, before it refuses every job that asks for one."""
    if workflow.local_exec or not (sinfo := shutil.which("sinfo")):
        return
    if not any(job.resources.get("gpu") for job in workflow.dag.needrun_jobs()):
        return
    offered = subprocess.run(
        [sinfo, "--noheader", "--format=%G"], capture_output=True, text=True
    )
    if offered.returncode == 0 and "gpu" not in offered.stdout:
        raise WorkflowError(
            f"compute.device is '{EXPERIMENT.compute.device}', so jobs ask for GPUs, but no node of this cluster offers "
            "one (`sinfo --format=%G`). Set compute.device to cpu."
        )


def no_file_of_tomorrow():
    """Dates files of the future to now. Snakemake refuses, and deletes, what was made from a file that is newer."""
    now = time.time()
    for path in map(Path, files(*stages.stages())):
        if path.is_file() and path.stat().st_mtime > now:
            os.utime(path, (now, now))


def no_clock_for_each_job():
    """Lifts Snakemake's own limit of 100 new jobs a second, which no run comes near; one that a user sets stays.

    To keep a limit, Snakemake 9.27 sets one more clock after each job, and each wakes it every second until the end.
    After some hundred jobs they keep a core busy.
    """
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


WARM_PAYS = 3
# So many jobs of trainings: to load the libraries once more takes about as long as the start of one such job.


def warm_start():
    """Has jobs of this machine start from a process that has loaded their libraries already (camagain/warm).

    Jobs that may use a GPU start by themselves: their work takes longer than their start, and a copy of a process that
    has used CUDA cannot.
    """
    here = workflow.local_exec and not workflow.deployment_settings.deployment_method
    wanted = EXPERIMENT.compute.device == "cpu" and os.environ.get(WARM) != "0"
    if sys.platform != "linux" or workflow.touch or not here or not wanted:
        return
    names = {RULES.get(name, name): name for name in stages.stages()}
    due = [
        (names[job.rule.name], job)
        for job in workflow.dag.needrun_jobs()
        if job.rule.name in names
    ]
    trained = [job for stage, job in due if stages.stages()[stage].of_training]
    if len(trained) >= WARM_PAYS and (environment := environment_of(trained[0])):
        loaded = sorted({stage for stage, _ in due})
        os.environ[WARM] = launched(EXPERIMENT_FILE, loaded, environment)


def environment_of(job):
    """The environment that Snakemake gives to a job, which libraries read when they are loaded; None if it is no text."""
    try:
        variables = shell(
            "env -0",
            read=True,
            threads=EXPERIMENT.compute.threads,
            resources=job.resources,
        )
    except (subprocess.CalledProcessError, UnicodeError):
        return None
    return dict(variable.split("=", 1) for variable in variables.split("\0")[:-1])


onstart:
    with in_one_sentence():
        no_clock_for_each_job()
        gpus_that_a_cluster_has()
        alone_in_this_run()
        no_file_of_tomorrow()
        # Every job reads the whole experiment from this file, which is an input of none. A job runs again when the
        # settings in its own `params` change, not because some other key did. (An `ancient` input would not do. While
        # the job that makes it is due, Snakemake 9.27 overlooks changed `params` of the jobs behind it.)
        write_text(Path(EXPERIMENT_FILE), dump_experiment(EXPERIMENT))
        if STORED:
            stored(EXPERIMENT_FILE).store_object()
            forget_notes()
        make_lost_images()
        write_captions(CAPTIONS)
        warm_start()


onerror:
    said = "".join(
        Path(file).read_text(encoding="utf-8", errors="replace") for file in log
    )
    for command in re.findall(
        r"exec +(camagain .*?) > .* (?:died with <Signals.SIGKILL|.* exit status 137)",
        said,
    ):
        print(
            f"`{command}` was killed: {LACK_OF_MEMORY} Start fewer jobs at once (`--cores`), or lower compute.threads, "
            "compute.workers or the batch size, and run the same command again.",
            file=sys.stderr,
        )


# Every training by its name, so that Snakemake says in one line that it knows no other. It reads this text once more for
# each file of each job, so where trainings are many they are known by the shape of their names alone.
wildcard_constraints:
    training=(
        training_shape(EXPERIMENT.seeds) if MANY else "|".join(EXPERIMENT.trainings)
    ),
    job=r"[\w.-]+",
