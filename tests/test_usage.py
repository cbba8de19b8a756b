"""What a job used is written when it ends well, and then alone."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from camagain.lineage import Work
from camagain.usage import cpu_seconds, usage_written


def test_processors_and_memory_count_what_a_job_has_started(tmp_path: Path):
    busy = "block = bytearray(300 << 20); sum(range(10_000_000))"
    with usage_written(tmp_path / "job.tsv"):
        subprocess.run([sys.executable, "-c", busy], check=True)
    row = pd.read_csv(tmp_path / "job.tsv", sep="\t").iloc[0]
    assert row["s"] > 0.05 and 0.05 < row["cpu_time"] < 60 and row["max_rss"] > 300


def test_what_the_process_had_used_before_is_not_the_jobs(tmp_path: Path):
    before = cpu_seconds()
    with usage_written(tmp_path / "job.tsv"):
        pass
    assert before is not None and 0 <= pd.read_csv(tmp_path / "job.tsv", sep="\t")["cpu_time"][0] < before


def test_a_job_that_fails_has_none_and_takes_the_last_one_away(tmp_path: Path):
    (tmp_path / "job.tsv").write_text("s\n1\n")
    with pytest.raises(ValueError), usage_written(tmp_path / "job.tsv"):
        raise ValueError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("work", "log"), [
    (Work("data"), "dataset"),
    (Work("finetune", "resnet/seed1"), "finetune/resnet/seed1"),
    (Work("evaluate_baseline"), "evaluate/baseline"),
    (Work("gap", "resnet"), "analysis/gap/resnet"),
    (Work("interventions", "resnet", "shrunk"), "analysis/interventions/resnet/shrunk"),
    (Work("tables"), "tables"),
])  # fmt: skip
def test_it_lies_beside_the_log(work: Work, log: str):
    assert work.log == log
