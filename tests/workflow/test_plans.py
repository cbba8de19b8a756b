"""What Snakemake plans after a loss, an edit or another setting, where a run is finished."""

import html
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.workflow.plans import edited, planned

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def finished(taken_over: Path) -> Path:
    """The folder of a run with every analysis."""
    return taken_over / "results" / "tiny"


def test_nothing_is_left_to_do(finished: Path, run):
    assert planned(run) == {}


@pytest.mark.parametrize(
    ("lost", "first"),
    [
        ("report.html", "write_report"),
        ("explorer/index.html", "write_explorer"),
        ("tables/localization.csv", "write_tables"),
        ("figures/heatmaps.png", "write_figures"),
        ("models/small-resnet/model.safetensors", "finetune"),
        ("analysis/gap/small-resnet/table.csv", "gap"),
    ],
)
def test_what_a_run_lost_is_made_again(finished: Path, run, tmp_path: Path, lost: str, first: str):
    """Although the manifest, the last file of a run, is there."""
    (finished / lost).rename(tmp_path / "lost")
    try:
        assert planned(run).get(first) == 1
    finally:
        (tmp_path / "lost").rename(finished / lost)


def test_snakemake_leaves_no_clock_behind_a_job(checkout: Path, run):
    """See `no_clock_for_each_job`; a limit that a user sets is kept."""
    workflow = checkout / "clocks.smk"
    workflow.write_text(
        'include: "Snakefile"\n'
        'rule trivial:\n    output:\n        temp("trivial-{n}")\n    shell:\n        "touch {output}"\n'
        "onsuccess:\n    import threading\n"
        '    print("clocks:", sum(isinstance(thread, threading.Timer) for thread in threading.enumerate()))\n'
    )
    arguments = ("snakemake", "-s", workflow.name, "trivial-1", "trivial-2")
    assert "clocks: 0" in run(*arguments).stdout
    assert "clocks: 0" not in run(*arguments, "--max-jobs-per-timespan", "99/1s").stdout
    workflow.unlink()


def test_the_commands_of_the_report_make_what_they_stand_below(finished: Path, run):
    page = html.unescape((finished / "report.html").read_text())
    commands = [shlex.split(command) for command in re.findall(r"<code>snakemake (.*?)</code>", page)]
    jobs = {(command[0], command[1]): planned(run, *command) for command in commands if "/erf." in command[0]}
    assert jobs == {
        ("results/tiny/tables/erf.csv", "--force"): {"write_tables": 1},
        ("results/tiny/figures/erf.pdf", "--force"): {"write_figures": 1},
        ("results/tiny/tables/erf.csv", "--forcerun"): {"erf": 2, "write_tables": 1},
    }


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("training/augment.py", {"finetune": 2}),
        ("localization/channels.py", {"localize": 2}),
        ("evaluation/metrics.py", {"evaluate": 2, "evaluate_baseline": 1}),
        ("paper/exhibits/training.py", {"write_figures": 1}),
        ("doctor.py", {}),
    ],
)
def test_editing_a_source_file_runs_what_depends_on_it(finished: Path, checkout: Path, run, source: str, first: dict):
    with edited(checkout / "src" / "camagain" / source, lambda text: f"{text}\n# edited\n"):
        jobs = planned(run)
    order = ["finetune", "localize", "evaluate", "evaluate_baseline", "write_tables", "write_figures"]
    upstream = order[: order.index(next(iter(first)))] if first else order
    assert {rule: count for rule, count in jobs.items() if rule in first} == first
    assert not set(upstream) & set(jobs), f"{source} runs {sorted(jobs)} again"


def test_a_changed_recipe_trains_again(finished: Path, checkout: Path, run):
    change = ("learning_rate: 0.001", "learning_rate: 0.002")
    with edited(checkout / "config" / "config.yaml", lambda text: text.replace(*change)):
        jobs = planned(run)
    assert jobs["finetune"] == 2
    assert "dataset" not in jobs


def test_a_setting_runs_only_what_reads_it(finished: Path, checkout: Path, run):
    with edited(checkout / "config" / "config.yaml", lambda text: text.replace("bootstrap: 100", "bootstrap: 101")):
        jobs = planned(run)
    assert jobs["evaluate"] == 2
    assert not {"dataset", "finetune", "localize"} & set(jobs)


def test_a_setting_of_another_stage_runs_what_declares_it(finished: Path, checkout: Path, run):
    """The interventions measure the receptive field as `analysis.erf` says."""
    with edited(checkout / "config" / "config.yaml", lambda text: text.replace("images: 3\n", "images: 7\n", 1)):
        jobs = planned(run)
    assert jobs["erf"] == 2 and jobs["interventions"] == 3
    assert not {"finetune", "localize", "evaluate", "texture"} & set(jobs)


def test_another_run_finds_the_dataset_made(finished: Path, checkout: Path, run):
    """Two runs that share images must not make them again for each other, and all that follows with them."""
    with edited(checkout / "config" / "config.yaml", lambda text: text.replace("run: ", "run: another-")):
        jobs = planned(run)
    assert jobs["finetune"] == 2
    assert "dataset" not in jobs


def test_a_copied_run_of_other_settings_is_said_loudly(finished: Path, checkout: Path, run, tmp_path: Path):
    """Without Snakemake's notes nothing would be done, though the settings are others."""
    notes = checkout / ".snakemake"
    notes.rename(tmp_path / "notes")
    try:
        assert planned(run) == {}
        with edited(checkout / "config" / "config.yaml", lambda text: text.replace("bootstrap: 100", "bootstrap: 101")):
            done = run("snakemake", "-n", succeeds=False)
            forced = planned(run, "--forcerun", "evaluate", "evaluate_baseline")
    finally:
        shutil.rmtree(notes, ignore_errors=True)
        (tmp_path / "notes").rename(notes)
    assert done.returncode != 0 and "was made with other settings" in done.stdout + done.stderr
    assert "snakemake --forcerun evaluate evaluate_baseline" in done.stdout + done.stderr
    assert forced["evaluate"] == 2


def test_a_misspelt_key_is_refused_before_any_job(finished: Path, checkout: Path, run):
    with edited(checkout / "config" / "config.yaml", lambda text: text.replace("epochs:", "epocs:", 1)):
        done = run("snakemake", succeeds=False)
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "training.epocs: unknown key. Did you mean 'epochs'?" in output
    assert "Execute" not in output
