"""How long the jobs of a run took, from what each job has written beside its log (`camagain.usage`)."""

from pathlib import Path
from typing import Any

import pandas as pd


def wall_times(logs: Path) -> list[dict[str, Any]]:
    """Seconds and peak memory (MB of main memory, largest process) of every job; empty where none was measured."""
    rows = []
    for path in sorted(logs.rglob("*.tsv")) if logs.is_dir() else []:
        row = pd.read_csv(path, sep="\t", na_values="-").iloc[0]
        memory = row.get("max_rss")
        rows.append(
            {
                "job": path.relative_to(logs).with_suffix("").as_posix(),
                "seconds": round(float(row["s"]), 1),
                "peak_memory_mb": None if pd.isna(memory) else round(float(memory)),
            }
        )
    return rows
