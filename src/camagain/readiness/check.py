"""Everything that an experiment needs, looked at in one go."""

from collections.abc import Sequence
from pathlib import Path

from camagain.config import Experiment
from camagain.cost.estimate import CUB
from camagain.cost.show import cost_lines
from camagain.datasets.sizes import Sizes, check_sizes, sizes_of
from camagain.errors import UserError
from camagain.readiness.device import device_lines
from camagain.readiness.disk import disk_lines
from camagain.readiness.folders import folder_lines, lock_lines
from camagain.readiness.images import image_lines
from camagain.readiness.line import Line
from camagain.readiness.packages import package_lines
from camagain.readiness.reach import Reach
from camagain.readiness.weights import UNKNOWN, weight_lines


def readiness(experiment: Experiment, results: Path, data: Path) -> list[Line]:
    """A line for everything that was looked at; the experiment can run here where none of them is `MISSING`."""
    reach, paths = Reach(), experiment.paths(results, data)
    counted, sizes = _sizes(experiment)
    networks, weights = _networks(experiment), weight_lines(experiment, reach)
    if networks or any(line.what == UNKNOWN for line in weights):
        costly: list[Line] = []  # without its networks, nothing can be computed
    else:
        costly = [
            *device_lines(experiment, sizes),
            *disk_lines(experiment, sizes, paths),
            *(Line("note", "time", text) for text in cost_lines(experiment, sizes)),
        ]
    return [
        *package_lines(experiment),
        *networks,
        *image_lines(experiment.dataset, paths.data, reach),
        *counted,
        *weights,
        *folder_lines(experiment, paths),
        *lock_lines(paths),
        *costly,
    ]


def in_words(experiment: Experiment, lines: Sequence[Line]) -> str:
    """The list, and one sentence on whether the experiment can run."""
    missing = sum(line.state == "MISSING" for line in lines)
    verdict = f"cannot run here: {missing} of these are MISSING" if missing else "can run here"
    return "\n".join([*map(str, lines), f"{experiment.run}: {len(experiment.trainings)} trainings, {verdict}"])


def _sizes(experiment: Experiment) -> tuple[list[Line], Sizes]:
    """Lines on the number of images, and that number, of CUB-200-2011 where it is not known yet."""
    try:
        sizes = sizes_of(experiment.dataset)
        if sizes is None:
            says = f"the files of '{experiment.dataset.name}' are not there; counted are as many as in CUB-200-2011"
            return [Line("note", "images", says)], CUB
        remarks = check_sizes(experiment, sizes)
    except UserError as error:
        return [Line("MISSING", "images", str(error))], sizes or CUB
    return [Line("ok", "images", sizes.in_words()), *(Line("note", "images", remark) for remark in remarks)], sizes


def _networks(experiment: Experiment) -> list[Line]:
    """A line for each architecture that no network has, or whose maps nobody can take."""
    from camagain.cost.shape import shape_of

    lines = []
    for architecture in dict.fromkeys(model.architecture for model in experiment.models):
        try:
            shape_of(architecture, experiment.input.size)
        except UserError as error:
            lines.append(Line("MISSING", "network", str(error)))
    return lines
