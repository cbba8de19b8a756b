"""Whether runs are one experiment trained with several seeds: only then do their mean and deviation mean something."""

from collections.abc import Sequence

from camagain.compare.runs.differences import Difference, setting_differences
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.guards import same_test_images
from camagain.errors import UserError


def is_seed(setting: str) -> bool:
    """Whether a dotted path of an experiment names seeds: `seed`, `seeds`, `dataset.seed`."""
    return setting.rpartition(".")[2] in ("seed", "seeds")


def beyond_seed(a: RunFolder, b: RunFolder) -> tuple[Difference, ...]:
    """The settings that differ between two runs and are no seed, neither the run's name nor its purpose."""
    return tuple(found for found in setting_differences(a.values, b.values) if not is_seed(found.name))


def same_seed(runs: Sequence[RunFolder]) -> list[tuple[RunFolder, RunFolder]]:
    """Pairs of runs that differ in no setting, so that one of them is no further training."""
    return [
        (one, other)
        for place, other in enumerate(runs)
        for one in runs[:place]
        if not list(setting_differences(one.values, other.values))
    ]


def require_other_seeds(runs: Sequence[RunFolder]) -> None:
    """UserError unless all runs share the test images and each differs from all others in its seed and nothing else."""
    first = runs[0]
    for other in runs[1:]:
        same_test_images(first, other)
        found = beyond_seed(first, other)
        if found:
            raise UserError(
                f"{first} and {other} differ in more than their seed: {'; '.join(map(str, found[:4]))}"
                f"{f'; and {len(found) - 4} more' if len(found) > 4 else ''}. A spread over seeds is measured on runs "
                "of one experiment that differ in `seed` (and their name) alone."
            )
    for one, other in same_seed(runs):
        raise UserError(
            f"{one} and {other} have the same seed ({one.values.get('seed')}); a spread over seeds needs another seed "
            "for each run: set `seed` and `run` in a copy of the experiment and make it."
        )
