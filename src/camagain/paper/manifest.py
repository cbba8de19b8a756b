"""The manifest: inputs, versions, machine and wall times of a run, and a checksum of every file."""

from datetime import UTC, datetime
from typing import Any

from camagain.artifacts import MANIFEST_SCHEMA, UNLISTED, RunPaths, existing, read_json, sha256, write_json
from camagain.drawing.results import RunResults
from camagain.drawing.wall_times import wall_times
from camagain.environment import git_state, machine, package_versions
from camagain.stages import stage_code, stages

OF_A_CARD = ("architecture", "parameters", "starting_weights", "device", "arithmetic", "sha256")
"""What the manifest repeats of each network's card."""


def write_manifest(results: RunResults) -> None:
    """Writes `manifest.json` of a finished run."""
    experiment, paths = results.experiment, results.paths
    values = experiment.model_dump(mode="json")
    trainings = [part.training(model) for model in results.models for part in results.parts.values()]
    cards = {training: read_json(paths.card(training)) for training in trainings}
    write_json(
        paths.manifest,
        {
            "schema": MANIFEST_SCHEMA,
            "run": experiment.run,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "experiment": values,
            "packages": package_versions(),
            "machine": machine(),
            "git": git_state(),
            "code": {stage: stage_code(values, stage) for stage in stages()},
            "dataset": read_json(paths.description),
            "missing_models": results.missing,
            "models": {name: {key: card[key] for key in OF_A_CARD if key in card} for name, card in cards.items()},
            "wall_times": wall_times(paths.logs),
            "files": file_list(paths),
        },
    )


def file_list(paths: RunPaths) -> dict[str, dict[str, Any]]:
    """Checksum and size of every file of a run, by path inside it; UNLISTED and the manifest itself are left out."""
    files = [path for path in sorted(existing(paths.root).rglob("*")) if path.is_file() and path != paths.manifest]
    inside = {path.relative_to(paths.root): path for path in files}
    return {
        name.as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for name, path in inside.items()
        if name.parts[0] not in UNLISTED and name.name[0] != "."
    }
