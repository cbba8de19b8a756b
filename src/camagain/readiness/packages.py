"""Optional packages that an experiment needs."""

from importlib.util import find_spec

from camagain.config import Experiment
from camagain.config.packages import MODULES, needed
from camagain.readiness.line import Line


def package_lines(experiment: Experiment) -> list[Line]:
    """A line for each optional package that methods and analyses need."""
    uses: dict[str, list[str]] = {}
    for setting, value, package in needed(experiment):
        uses.setdefault(package, []).append(f"{setting}: {value}")
    return [
        Line("ok", "package", f"{package}, for {', '.join(users)}")
        if find_spec(MODULES[package])
        else Line("MISSING", "package", f"{package}, for {', '.join(users)}", f"pip install 'camagain[{package}]'")
        for package, users in uses.items()
    ]
